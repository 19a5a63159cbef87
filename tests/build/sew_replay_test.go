package build

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/methods/addsd/served/fake"
)

// replayReport is the JSON object that sew replay prints.
type replayReport struct {
	OK      bool `json:"ok"`
	Same    bool `json:"same"`
	Samples []struct {
		Key           string  `json:"key"`
		Deterministic bool    `json:"deterministic"`
		Same          bool    `json:"same"`
		SamePicture   bool    `json:"same_picture"`
		MeanChange    float64 `json:"mean_change"`
		MaxChange     int     `json:"max_change"`
	} `json:"samples"`
}

func replay(t *testing.T, status int, args ...string) (r replayReport) {
	t.Helper()
	e := tailorbird(t, nil, append([]string{"sew", "replay", "--json"}, args...)...)
	if e.status != status {
		t.Fatalf("exit status %d, want %d\n%s%s", e.status, status, e.stdout, e.stderr)
	}
	if err := json.Unmarshal([]byte(e.stdout), &r); err != nil {
		t.Fatalf("%v\n%s%s", err, e.stdout, e.stderr)
	}
	return r
}

// Every sample that is made again has the bytes of the first time, picture and
// record, from the recipe that lies beside the dataset.
func TestSewReplayGivesTheSameBytes(t *testing.T) {
	t.Parallel()
	r := newRaw(t)
	r.built()
	for name, body := range map[string]string{"pasted": pasted, "served": asked(serve(t, &fake.Server{}))} {
		out := r.path(name)
		sewing.run(t, r.section(name, "sew", body), out)
		_, made := sewnExamples(t, out)
		keys := slices.Sorted(maps.Keys(made))
		res := replay(t, 0, append([]string{out}, keys...)...)
		if !res.OK || !res.Same || len(res.Samples) != len(keys) {
			t.Fatalf("%s: %+v", name, res)
		}
		for i, s := range res.Samples {
			if s.Key != keys[i] || !s.Deterministic || !s.Same || !s.SamePicture {
				t.Errorf("%s: %+v", name, s)
			}
		}
		if some := replay(t, 0, out); !some.Same || len(some.Samples) != min(8, len(keys)) {
			t.Errorf("%s: without keys %+v", name, some)
		}
	}
}

// A picture or a record that was tampered with does not pass, by name.
func TestSewReplayFindsWhatWasTamperedWith(t *testing.T) {
	t.Parallel()
	r := newRaw(t)
	r.built()
	recipe := r.section("sewn", "sew", pasted)
	sewing.run(t, recipe, r.path("clean"))
	_, made := sewnExamples(t, r.path("clean"))
	key := slices.Sorted(maps.Keys(made))[2]
	for name, change := range map[string]func(tar []byte) []byte{
		"a byte of the picture": func(tar []byte) []byte {
			at := bytes.Index(tar, made[key].Image)
			tar[at+len(made[key].Image)*2/3] ^= 0x11
			return tar
		},
		"a number of the record": func(tar []byte) []byte {
			member := bytes.Index(tar, []byte(key+".json"))
			at := member + bytes.Index(tar[member:], []byte(`"seed":`)) + len(`"seed":`)
			tar[at] = '1' + (tar[at]-'0')%9
			return tar
		},
	} {
		t.Run(name, func(t *testing.T) {
			out := r.path("out " + name)
			if err := os.CopyFS(out, os.DirFS(r.path("clean"))); err != nil {
				t.Fatal(err)
			}
			changed := 0
			files, err := filepath.Glob(filepath.Join(out, "webdataset", "*.tar"))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				if tar := read(t, f); bytes.Contains(tar, []byte(key+".json")) {
					changed++
					if err := os.Chmod(f, 0o644); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(f, change(tar), 0o644); err != nil {
						t.Fatal(err)
					}
				}
			}
			if changed != 1 {
				t.Fatalf("%d shards hold %s", changed, key)
			}
			res := replay(t, 4, out, key)
			if res.OK || res.Same || res.Samples[0].Same || name == "a byte of the picture" == res.Samples[0].SamePicture {
				t.Errorf("%+v", res)
			}
			for _, other := range slices.Sorted(maps.Keys(made))[:2] {
				if res := replay(t, 0, out, other); !res.Same {
					t.Errorf("%s: %+v", other, res)
				}
			}
		})
	}
}

// Replay says what it cannot do, and why.
func TestSewReplayRefuses(t *testing.T) {
	t.Parallel()
	r := newRaw(t)
	r.built()
	recipe := r.section("sewn", "sew", pasted)
	out := r.path("out")
	sewing.run(t, recipe, out)
	real, made := sewnExamples(t, out)
	synthetic := slices.Sorted(maps.Keys(made))[0]
	for _, c := range []struct {
		says string
		args []string
	}{
		{"no example has this key", []string{out, "nosuch"}},
		{"is not synthetic", []string{out, slices.Sorted(maps.Keys(real))[0]}},
		{"no synthetic example", []string{r.path("from")}},
		{"manifest.json", []string{r.path("nowhere"), synthetic}},
	} {
		e := tailorbird(t, nil, append([]string{"sew", "replay"}, c.args...)...)
		if (e.status != 2 && c.says != "manifest.json") || e.status == 0 || !strings.Contains(e.stderr, c.says) {
			t.Errorf("%q: exit status %d, want %q\n%s", c.args, e.status, c.says, e.stderr)
		}
	}
	// Another source under the same name.
	if err := os.RemoveAll(r.path("from")); err != nil {
		t.Fatal(err)
	}
	e := tailorbird(t, nil, "sew", "replay", out, synthetic)
	if e.status != 2 || !strings.Contains(e.stderr, "from") {
		t.Errorf("no source: exit status %d\n%s", e.status, e.stderr)
	}
	build(t, r.path("lvis.yaml"), r.path("from"), "--set", "build.shards=1")
	e = tailorbird(t, nil, "sew", "replay", out, synthetic)
	if e.status != 2 || !strings.Contains(e.stderr, "changed since") {
		t.Errorf("another source: exit status %d\n%s", e.status, e.stderr)
	}
}

// A generator that promises nothing is told apart, not called damage.
func TestSewReplayOfAGeneratorThatIsNotDeterministic(t *testing.T) {
	t.Parallel()
	r := newRaw(t)
	r.built()
	info := fake.DefaultInfo()
	info.Deterministic = false
	first := &fake.Server{Info: info}
	out := r.path("out")
	sewing.run(t, r.section("served", "sew", asked(serve(t, first))), out)
	res := replay(t, 0, out)
	if !res.OK || len(res.Samples) != 8 || res.Samples[0].Deterministic {
		t.Errorf("%+v", res)
	}
}
