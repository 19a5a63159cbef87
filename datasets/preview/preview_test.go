package preview

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/manifest"
)

// lines is a format for these tests: an example a line of JSON; its picture is
// its key.
type lines struct{}

func init() { formats.Register(lines{}) }

func (lines) Name() string    { return "lines" }
func (lines) Summary() string { return "for tests" }
func (lines) Path(split string, shard, shards int) string {
	return fmt.Sprintf("lines/%s-%d", split, shard)
}
func (lines) NewWriter(io.Writer, formats.Header) (formats.Writer, error) { return nil, nil }

func (lines) NewReader(r io.ReaderAt, size int64) (formats.Reader, error) {
	b, err := io.ReadAll(io.NewSectionReader(r, 0, size))
	return lineShard(b), err
}

type lineShard []byte

func (s lineShard) All() iter.Seq2[*datasets.Example, error] { return nil }

func (s lineShard) Index() ([]formats.Entry, error) {
	var es []formats.Entry
	for at := 0; at < len(s); {
		n := bytes.IndexByte(s[at:], '\n') + 1
		var head struct{ Key string }
		if err := json.Unmarshal(s[at:at+n], &head); err != nil {
			return nil, fault.New(fault.Corrupt, "byte %d: %w", at, err)
		}
		es = append(es, formats.Entry{Key: head.Key, Offset: int64(at), Bytes: int64(n)})
		at += n
	}
	return es, nil
}

func (s lineShard) Get(e formats.Entry) (*datasets.Example, error) {
	ex := new(datasets.Example)
	if err := json.Unmarshal(s[e.Offset:e.Offset+e.Bytes], ex); err != nil {
		return nil, fault.New(fault.Corrupt, "%s: %w", e.Key, err)
	}
	ex.Image, ex.Ext = []byte(ex.Key), "jpg"
	for i := range ex.Edits { // as of a format that holds them; the second it lacks
		if i == 0 {
			ex.Edits[i].Image, ex.Edits[i].Ext = []byte("edited "+ex.Key), "png"
		}
	}
	return ex, nil
}

const perShard = 60

// newDataset writes a referring dataset of 130 examples in split train and one
// in val; every tenth shows a dog.
func newDataset(t testing.TB) string {
	t.Helper()
	root := t.TempDir()
	m := &manifest.Manifest{Dataset: "refcoco", Task: "referring", Splits: map[string]manifest.Split{}, Statistics: manifest.Statistics{},
		Classes:    []manifest.Class{{ID: 1, Name: "cat"}, {ID: 18, Name: "dog"}},
		Quarantine: manifest.Quarantine{Examples: 120, Reasons: map[fault.Code]int{fault.Corrupt: 60, fault.NotFound: 60}}}
	for split, n := range map[string]int{"train": 130, "val": 1} {
		s := manifest.Split{Examples: n}
		for from := 0; from < n; from += perShard {
			var b bytes.Buffer
			for i := from; i < min(from+perShard, n); i++ {
				class, raw := int64(1), fmt.Sprintf("cat number %d", i)
				if i%10 == 0 {
					class, raw = 18, `<script>alert("dog")</script>`
				}
				line(t, &b, &datasets.Example{Key: fmt.Sprintf("%012d", i), Split: split, Width: 64, Height: 48,
					Refs: &[]datasets.Referred{{CategoryID: class, BBox: datasets.Box{1, 1, 20, 20}, Sentences: []datasets.Sentence{{Raw: raw, Sent: raw}}}}})
			}
			p := lines{}.Path(split, from/perShard, 0)
			write(t, filepath.Join(root, p), b.Bytes())
			s.Shards = append(s.Shards, manifest.Shard{Format: "lines", Path: p, Bytes: int64(b.Len()), Examples: min(perShard, n-from)})
		}
		m.Splits[split] = s
	}
	m.Seal()
	text, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, manifest.Name), text)
	var q bytes.Buffer
	for i := range 120 {
		r := datasets.Rejection{Key: fmt.Sprintf("bad%d", i), Reason: []fault.Code{fault.Corrupt, fault.NotFound}[i%2], Message: "<script>x</script>"}
		line(t, &q, r)
	}
	q.WriteString("no json\n")
	write(t, filepath.Join(root, "quarantine", "quarantine.jsonl"), q.Bytes())
	write(t, filepath.Join(filepath.Dir(root), "secret"), []byte("secret"))
	return root
}

func line(t testing.TB, b *bytes.Buffer, v any) {
	t.Helper()
	if err := json.NewEncoder(b).Encode(v); err != nil {
		t.Fatal(err)
	}
}

func write(t testing.TB, name string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, root string, o Options) *Handler {
	t.Helper()
	h, err := New(context.Background(), root, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

func ask(h http.Handler, method, host, address string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://"+host+address, nil)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func get(h http.Handler, address string) *httptest.ResponseRecorder {
	return ask(h, "GET", "localhost:8080", address)
}

func TestEachPageAnswersWithItsStatus(t *testing.T) {
	t.Parallel()
	h := open(t, newDataset(t), Options{})
	for address, status := range map[string]int{
		"/": 200, "/charts": 200, "/samples": 200, "/quarantine": 200, "/style.css": 200,
		"/samples?split=val": 200, "/samples?page=3": 200, "/samples?class=dog": 200, "/samples?class=18&q=DOG": 200, "/samples?at=99.99&q=cat": 200,
		"/samples?page=4": 404, "/samples?page=0": 400, "/samples?page=x": 400, "/samples?split=none": 404, "/samples?class=cow": 404, "/samples?at=1": 400, "/samples?at=-1.0": 400,
		"/samples?q=" + strings.Repeat("x", 201): 400,
		"/sample/train/000000000007":             200, "/sample/train/000000000007?shard=2": 200, "/sample/train/000000000007?shard=-9": 200,
		"/sample/train/none": 404, "/sample/none/000000000007": 404, "/sample/train/" + strings.Repeat("x", 5000): 404,
		"/sample?split=train&key=000000000100": 303, "/sample?split=train&key=x": 404, "/sample": 404,
		"/image/train/000000000129": 200, "/image/train/..%2f..%2fsecret": 404, "/image/..%2f..%2f/secret": 404,
		"/quarantine?reason=corrupt": 200, "/quarantine?reason=x": 400, "/quarantine?at=-1": 400, "/quarantine?at=99999999999": 200,
		"/manifest.json": 404, "/..%2fsecret": 404, "/lines/train-0": 404,
	} {
		if w := get(h, address); w.Code != status {
			t.Errorf("%s: status %d, want %d: %.300s", address, w.Code, status, w.Body)
		}
	}
}

func TestEveryAnswerForbidsScriptsAndSniffing(t *testing.T) {
	t.Parallel()
	h := open(t, newDataset(t), Options{})
	for _, address := range []string{"/", "/samples", "/image/train/000000000000", "/none", "/quarantine"} {
		w := get(h, address)
		if w.Header().Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(w.Header().Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: header %v", address, w.Header())
		}
		for _, bad := range []string{"<script", " style=", "javascript:"} {
			if strings.Contains(w.Body.String(), bad) {
				t.Errorf("%s contains %s", address, bad)
			}
		}
	}
}

func TestOnlyGetAndHeadAreAnswered(t *testing.T) {
	t.Parallel()
	h := open(t, newDataset(t), Options{})
	for method, status := range map[string]int{"GET": 200, "HEAD": 200, "POST": 405, "PUT": 405, "DELETE": 405, "OPTIONS": 405, "TRACE": 405} {
		if w := ask(h, method, "localhost", "/samples"); w.Code != status {
			t.Errorf("%s: status %d, want %d", method, w.Code, status)
		}
	}
}

func TestOnlyLoopbackNamesAreAnswered(t *testing.T) {
	t.Parallel()
	root := newDataset(t)
	h, public := open(t, root, Options{}), open(t, root, Options{Public: true})
	for host, status := range map[string]int{
		"localhost": 200, "LOCALHOST:1": 200, "127.0.0.1": 200, "127.9.9.9:80": 200, "[::1]:80": 200,
		"evil.example": 403, "localhost.evil.example": 403, "127.0.0.1.evil.example:80": 403, "0.0.0.0:80": 403, "192.168.0.1": 403,
	} {
		if w := ask(h, "GET", host, "/charts"); w.Code != status {
			t.Errorf("Host %s: status %d, want %d", host, w.Code, status)
		}
		if w := ask(public, "GET", host, "/charts"); w.Code != 200 {
			t.Errorf("Host %s, public: status %d", host, w.Code)
		}
	}
}

// keys lists the samples of a page in order.
func keys(body string) []string {
	var ks []string
	for _, part := range strings.Split(body, `<a class="frame" href="/sample/train/`)[1:] {
		ks = append(ks, part[:12])
	}
	return ks
}

func TestPagesWithoutAFilterFollowEachOther(t *testing.T) {
	t.Parallel()
	h := open(t, newDataset(t), Options{})
	var all []string
	for page := 1; page <= 3; page++ {
		all = append(all, keys(get(h, fmt.Sprintf("/samples?page=%d", page)).Body.String())...)
	}
	if len(all) != 130 {
		t.Fatalf("%d samples, want 130", len(all))
	}
	for i, k := range all {
		if k != fmt.Sprintf("%012d", i) {
			t.Fatalf("sample %d is %s", i, k)
		}
	}
}

func TestFiltersFindByClassKeyAndExpression(t *testing.T) {
	t.Parallel()
	h := open(t, newDataset(t), Options{})
	for query, want := range map[string]int{
		"class=dog": 13, "class=18": 13, "class=DOG": 13, "q=dog": 13, "q=number+129": 1, "q=000000000100": 1, "q=nothing": 0, "class=cat&q=number+12": 10, "class=cat": 48,
	} {
		if got := len(keys(get(h, "/samples?"+query).Body.String())); got != want {
			t.Errorf("%s finds %d, want %d", query, got, want)
		}
	}
}

func TestAFilteredPageGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	h := open(t, newDataset(t), Options{})
	seen := map[string]bool{}
	for f := (filter{Split: "train", hasClass: true, class: 1, Class: "cat"}); ; {
		var p samplesPage
		hits, err := h.filtered(context.Background(), f, &p)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range hits {
			if seen[x.ex.Key] {
				t.Errorf("%s comes twice", x.ex.Key)
			}
			seen[x.ex.Key] = true
		}
		if p.Next == "" {
			break
		}
		u, err := url.Parse(p.Next)
		if err != nil {
			t.Fatal(err)
		}
		if f, err = parseFilter(u.Query(), h.m, ""); err != nil {
			t.Fatal(err)
		}
	}
	if len(seen) != 117 {
		t.Errorf("%d cats, want 117", len(seen))
	}
}

func TestADamagedShardIsSaidAndTheOthersAreShown(t *testing.T) {
	t.Parallel()
	root := newDataset(t)
	write(t, filepath.Join(root, "lines", "train-1"), []byte("{\n"))
	if err := os.Remove(filepath.Join(root, "lines", "train-2")); err != nil {
		t.Fatal(err)
	}
	h := open(t, root, Options{})
	w := get(h, "/samples?page=2")
	if w.Code != 200 || len(keys(w.Body.String())) != 12 || !strings.Contains(w.Body.String(), "lines/train-1") {
		t.Errorf("status %d, %d samples: %s", w.Code, len(keys(w.Body.String())), w.Body)
	}
	if strings.Contains(w.Body.String(), root) {
		t.Error("the page names where the dataset lies on this machine")
	}
	if w := get(h, "/samples?q=number+7"); len(keys(w.Body.String())) != 1 {
		t.Errorf("a filter over damaged shards: %s", w.Body)
	}
}

func TestASampleShowsItsRecordAndItsNeighbours(t *testing.T) {
	t.Parallel()
	h := open(t, newDataset(t), Options{})
	page := get(h, "/sample/train/000000000061?shard=1").Body.String()
	for _, want := range []string{"/sample/train/000000000060?shard=1", "/sample/train/000000000062?shard=1", "/image/train/000000000061?shard=1", "&#34;bbox&#34;: [1, 1, 20, 20]", "lines/train-1"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
}

func TestAPictureIsServedAsStoredAndOnce(t *testing.T) {
	t.Parallel()
	h := open(t, newDataset(t), Options{})
	w := get(h, "/image/train/000000000129")
	if w.Body.String() != "000000000129" || w.Header().Get("Content-Type") != "image/jpeg" {
		t.Errorf("%s %q", w.Header().Get("Content-Type"), w.Body)
	}
	r := httptest.NewRequest("GET", "http://localhost/image/train/000000000129", nil)
	r.Header.Set("If-None-Match", w.Header().Get("ETag"))
	again := httptest.NewRecorder()
	h.ServeHTTP(again, r)
	if again.Code != http.StatusNotModified || again.Body.Len() > 0 {
		t.Errorf("asked again: status %d, %d bytes", again.Code, again.Body.Len())
	}
}

func TestTheQuarantineIsPagedAndFiltered(t *testing.T) {
	t.Parallel()
	root := newDataset(t)
	for reason, want := range map[fault.Code]int{"": 120, fault.Corrupt: 60, fault.Bug: 0} {
		n, at, broken := 0, int64(0), 0
		for {
			p, err := readRejections(context.Background(), filepath.Join(root, "quarantine", "quarantine.jsonl"), reason, at)
			if err != nil {
				t.Fatal(err)
			}
			n += len(p.Rows)
			broken += p.Broken
			if at = p.next; at == 0 {
				break
			}
		}
		if n != want || broken != 1 {
			t.Errorf("reason %q: %d rows and %d broken lines, want %d and 1", reason, n, broken, want)
		}
	}
}

func TestAPlaceWithoutAManifestIsNoDataset(t *testing.T) {
	t.Parallel()
	if _, err := New(context.Background(), t.TempDir(), Options{}); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("error %v, want not_found", err)
	}
}

func TestTheStoreKeepsABoundedNumberOfShards(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	s := newStore(root, lines{})
	for i := range 3 * maxOpenShards {
		p := lines{}.Path("train", i, 0)
		write(t, filepath.Join(root, p), []byte("{\"key\":\"k\"}\n"))
		if err := s.with(context.Background(), p, func(sh *shard) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.shards) != maxOpenShards {
		t.Errorf("%d shards are open, want %d", len(s.shards), maxOpenShards)
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
}
