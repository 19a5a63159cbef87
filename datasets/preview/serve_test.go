package preview

import (
	"context"
	"net/http"
	"net/url"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/manifest"
)

func TestServeListensOnThisMachineOnly(t *testing.T) {
	t.Parallel()
	h := open(t, newDataset(t), Options{})
	for _, addr := range []string{":0", "0.0.0.0:0", "[::]:0", "192.0.2.1:0", "nonsense"} {
		if err := Serve(context.Background(), addr, h, func(string) { t.Errorf("%s: it serves", addr) }); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s: error %v, want usage", addr, err)
		}
	}
}

func TestServeAnswersUntilItIsStopped(t *testing.T) {
	t.Parallel()
	h := open(t, newDataset(t), Options{})
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ready, served := make(chan string), make(chan error)
	go func() { served <- Serve(ctx, "127.0.0.1:0", h, func(u string) { ready <- u }) }()
	resp, err := http.Get(<-ready + "samples")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("status %d", resp.StatusCode)
	}
	http.DefaultClient.CloseIdleConnections()
	stop()
	if err := <-served; err != nil {
		t.Errorf("Serve ended with %v", err)
	}
}

func FuzzFilter(f *testing.F) {
	m := &manifest.Manifest{Splits: map[string]manifest.Split{"train": {}}, Classes: []manifest.Class{{ID: 1, Name: "cat"}, {ID: 7, Name: "1", Synset: "n1"}}}
	for _, s := range []string{"", "class=cat&q=x", "class=1&at=3.4", "split=val", "page=2", "page=-1", "at=1.99999999999", "q=%00%ff", "class=n1&q=a%26b&at=0.0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, query string) {
		q, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		a, err := parseFilter(q, m, "train")
		if err != nil {
			if c := fault.CodeOf(err); c != fault.Usage && c != fault.NotFound {
				t.Errorf("%q: error %v of code %q", query, err, c)
			}
			return
		}
		u, err := url.Parse(a.address())
		if err != nil {
			t.Fatal(err)
		}
		b, err := parseFilter(u.Query(), m, "train")
		if a.active() {
			b.Page = a.Page
		}
		if err != nil || a != b {
			t.Errorf("%q: %+v comes back as %+v, %v", query, a, b, err)
		}
	})
}
