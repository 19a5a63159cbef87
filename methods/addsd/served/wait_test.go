package served

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/tailorbird/tailorbird/methods/addsd/served/fake"
)

func TestWaitsAreJitteredBoundedAndReproducible(t *testing.T) {
	t.Parallel()
	o, err := Options{Backoff: 100 * time.Millisecond, MaxBackoff: time.Second}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	for n, longest := range map[int]time.Duration{1: 100, 2: 200, 3: 400, 4: 800, 5: 1000, 60: 1000} {
		longest *= time.Millisecond
		var most time.Duration
		for seed := range uint64(200) {
			d := o.backoff("id", seed, n)
			if d < 0 || d >= longest {
				t.Fatalf("try %d waits %v, at most %v", n, d, longest)
			}
			if d != o.backoff("id", seed, n) {
				t.Fatal("not reproducible")
			}
			most = max(most, d)
		}
		if most < longest*9/10 {
			t.Errorf("try %d: the longest of 200 waits is %v of %v", n, most, longest)
		}
	}
	if o.backoff("a", 1, 1) == o.backoff("b", 1, 1) || o.backoff("a", 1, 1) == o.backoff("a", 2, 1) {
		t.Error("items wait in step")
	}
}

func TestTheSameRunWaitsAsLongAgain(t *testing.T) {
	t.Parallel()
	var runs [2][]time.Duration
	for i := range runs {
		g, w := start(t, &fake.Server{Faults: always(fake.Fault{Status: 500})}, Options{Breaker: 100})
		generate(t, g, requests(4))
		runs[i] = w.all
	}
	if len(runs[0]) == 0 || !slices.Equal(runs[0], runs[1]) {
		t.Errorf("%v and %v", runs[0], runs[1])
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"7": 7 * time.Second, " 0 ": 0, "-3": 0, "1.5": 0, "soon": 0, "": 0, "99999999999999999999": 0,
		"Mon, 23 Nov 2026 12:01:00 GMT": time.Minute, "Mon, 23 Nov 2026 11:00:00 GMT": 0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {text}}, now); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
	for text, want := range map[string]time.Duration{"40": 40 * time.Second, "86400": maxRetryAfter} {
		g, w := start(t, &fake.Server{Faults: first(1, fake.Fault{Status: 429, RetryAfter: text})}, Options{})
		generate(t, g, requests(1))
		if len(w.all) != 1 || w.all[0] < want || w.all[0] > want+DefaultBackoff {
			t.Errorf("Retry-After %s: waits %v", text, w.all)
		}
	}
}
