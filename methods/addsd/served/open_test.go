package served

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/addsd"
	"github.com/tailorbird/tailorbird/methods/addsd/served/fake"
	"github.com/tailorbird/tailorbird/methods/addsd/served/protocol"
)

type roundTripper func() error

func (f roundTripper) RoundTrip(*http.Request) (*http.Response, error) { return nil, f() }

func TestOpenRefusesWhatCannotBeRight(t *testing.T) {
	t.Setenv("SERVED_TEST_BREAK", "a\r\nHost: b")
	for name, o := range map[string]Options{
		"no address":       {},
		"no scheme":        {URL: "gpu7:8321"},
		"scheme":           {URL: "ftp://gpu7"},
		"password":         {URL: "http://user:swordfish@gpu7"},
		"query":            {URL: "http://gpu7?token=swordfish"},
		"control":          {URL: "http://gpu7\x7f:swordfish"},
		"geometry":         {URL: "http://gpu7", Geometry: "cut"},
		"steps":            {URL: "http://gpu7", Steps: -1},
		"header":           {URL: "http://gpu7", Header: "swordfish"},
		"variable not set": {URL: "http://gpu7", Header: "Authorization: Bearer ${SERVED_TEST_UNSET}"},
		"line break":       {URL: "http://gpu7", Header: "Authorization: ${SERVED_TEST_BREAK}"},
	} {
		o.dial = func(context.Context, string, string) (net.Conn, error) {
			t.Errorf("%s: the server was asked", name)
			return nil, io.EOF
		}
		_, err := Open(t.Context(), o)
		if fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		} else if name != "query" && strings.Contains(err.Error(), "swordfish") {
			t.Errorf("%s: the message holds the secret: %v", name, err)
		}
	}
}

func TestOpenTellsAWrongAddressFromAServerThatIsNotReady(t *testing.T) {
	t.Parallel()
	const good = `{"protocol":1,"name":"n","version":"v","max_batch":2}`
	text := func(s string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, s) }
	}
	status := func(code int, location string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", location)
			w.WriteHeader(code)
		}
	}
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		code    fault.Code
	}{
		{"good", text(good), ""},
		{"fields of a later time", text(`{"protocol":1,"name":"n","colours":[1]}`), ""},
		{"another page", text("<html>welcome</html>"), fault.Usage},
		{"not found", status(404, ""), fault.Usage},
		{"no access", status(401, ""), fault.Usage},
		{"sends on", status(302, "http://elsewhere.invalid/"), fault.Usage},
		{"protocol 2", text(`{"protocol":2,"name":"n"}`), fault.Usage},
		{"no name", text(`{"protocol":1}`), fault.Usage},
		{"control characters", text(`{"protocol":1,"name":"a\u001b[2J"}`), fault.Usage},
		{"long name", text(`{"protocol":1,"name":"` + strings.Repeat("n", 300) + `"}`), fault.Usage},
		{"NaN", text(`{"protocol":1,"name":"n","seconds_per_image":NaN}`), fault.Usage},
		{"negative time", text(`{"protocol":1,"name":"n","seconds_per_image":-1}`), fault.Usage},
		{"negative batch", text(`{"protocol":1,"name":"n","max_batch":-1}`), fault.Usage},
		{"hash", text(`{"protocol":1,"name":"n","weights_sha256":"abc"}`), fault.Usage},
		{"sizes", text(`{"protocol":1,"name":"n","sizes":{"min":9,"max":8}}`), fault.Usage},
		{"multiple of 48", text(`{"protocol":1,"name":"n","sizes":{"multiple_of":48}}`), fault.Usage},
		{"endless", text(good + strings.Repeat(" ", maxInfoBytes)), fault.Usage},
		{"loading", status(503, ""), fault.Transient},
		{"too many", status(429, ""), fault.Transient},
		{"broken", status(500, ""), fault.Transient},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(c.handler)
			defer s.Close()
			w := &waits{}
			g, err := Open(t.Context(), Options{URL: s.URL + "/", sleep: w.sleep})
			if fault.CodeOf(err) != c.code || (err == nil) != (g != nil) {
				t.Fatalf("%v", err)
			}
			if again := len(w.all); (c.code == fault.Transient) != (again == DefaultRetries) || (c.code != fault.Transient && again > 0) {
				t.Errorf("%d further tries", again)
			}
			if g != nil {
				_ = g.Close()
			}
		})
	}
}

func TestOpenWaitsForAServerThatStarts(t *testing.T) {
	t.Parallel()
	d := &door{}
	d.shut.Store(true)
	d.open.Store(4)
	start(t, &fake.Server{}, Options{dial: d.dial})
	if d.knock.Load() != 4 {
		t.Errorf("%d connections refused", d.knock.Load())
	}
	w := &waits{}
	_, err := Open(t.Context(), Options{URL: "http://gpu7", sleep: w.sleep, dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	}})
	if fault.CodeOf(err) != fault.Transient || !strings.Contains(err.Error(), "http://gpu7 does not answer: connection refused") {
		t.Errorf("%v", err)
	}
}

func TestGenerateAfterCloseIsABug(t *testing.T) {
	t.Parallel()
	g, _ := start(t, &fake.Server{}, Options{})
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Generate(t.Context(), requests(1)); fault.CodeOf(err) != fault.Bug {
		t.Errorf("%v", err)
	}
}

func TestSizesThatTheServerDoesNotTakeAreNotSent(t *testing.T) {
	t.Parallel()
	s := &fake.Server{Info: protocol.Info{Name: "n", MaxBatch: 9, Sizes: protocol.Sizes{MultipleOf: 8, Min: 64, Max: 512}}}
	g, _ := start(t, s, Options{})
	reqs := []*addsd.Request{sized(0, 96, 64), sized(1, 97, 64), sized(2, 96, 56), sized(3, 520, 64)}
	made := generate(t, g, reqs)
	wantPicture(t, made[0], reqs[0])
	for _, m := range made[1:] {
		if r := addsd.RejectionOf(m.Err); r == nil || r.Reason != addsd.WrongSize {
			t.Errorf("%v", m.Err)
		}
	}
	if got := s.Stats().Batches; len(got) != 1 || got[0] != 1 {
		t.Errorf("batches %v", got)
	}
}

func TestTheTimeOutGrowsWithWhatTheServerSays(t *testing.T) {
	t.Parallel()
	g := &Generator{info: protocol.Info{SecondsPerImage: 2.5}}
	if got := g.timeout(4); got != 100*time.Second {
		t.Errorf("%v", got)
	}
	g.info.SecondsPerImage = 1e300
	if got := g.timeout(4); got != 24*time.Hour+time.Minute {
		t.Errorf("%v", got)
	}
	g.opts.Timeout = time.Second
	if got := g.timeout(4); got != time.Second {
		t.Errorf("%v", got)
	}
}
