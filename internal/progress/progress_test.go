package progress

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestLineSaysWhereARunIs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		set     func(*Counters)
		elapsed time.Duration
		want    string
	}{
		{"planning", func(c *Counters) { c.Phase(Planning); c.Scanned.Store(1_234_567); c.Planned.Store(7) }, 90 * time.Second, "planning  7 images found, read 1.2 MB  1m30s"},
		{"at the start", func(c *Counters) { c.Phase("writing"); c.Planned.Store(10) }, 0, "writing  0/10 images"},
		{"half way", func(c *Counters) {
			c.Phase("writing")
			c.Planned.Store(1000)
			c.Done.Store(500)
			c.Read.Store(50e6)
			c.Written.Store(25e6)
		}, 10 * time.Second, "writing  500/1000 images  50 images/s  in 5.0 MB/s  out 2.5 MB/s  ETA 10s"},
		{"at the end", func(c *Counters) { c.Phase("writing"); c.Planned.Store(4); c.Done.Store(4) }, 2 * time.Second,
			"writing  4/4 images  2 images/s  in 0.0 MB/s  out 0.0 MB/s"},
		{"with rejections", func(c *Counters) {
			c.Phase("writing")
			c.Planned.Store(4)
			for _, r := range []string{"not_found", "corrupt", "not_found"} {
				c.Reject(r)
			}
		}, time.Second, "writing  0/4 images  0 images/s  in 0.0 MB/s  out 0.0 MB/s  set aside: 1 corrupt, 2 not_found"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			k := new(Counters)
			c.set(k)
			for range 5 { // the same text every time, whatever the map's order
				if got := k.Line(c.elapsed); got != c.want {
					t.Errorf("got  %q\nwant %q", got, c.want)
				}
			}
		})
	}
}

func TestResetForgetsEverything(t *testing.T) {
	t.Parallel()
	c := new(Counters)
	c.Planned.Store(5)
	c.Done.Store(5)
	c.Read.Store(5)
	c.Written.Store(5)
	c.Resumed.Store(5)
	c.Reject("corrupt")
	c.Reset()
	if n, by := c.Rejected(); n != 0 || by != "" || c.Resumed.Load() != 0 {
		t.Errorf("rejected %d %q, resumed %d", n, by, c.Resumed.Load())
	}
	if got, want := c.Line(0), "starting  0/0 images"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestGaugeAndSize(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		done, total int64
		cells       int
	}{{0, 0, 0}, {0, 9, 0}, {1, 2, 12}, {9, 9, 24}, {99, 9, 24}, {1 << 40, 1 << 41, 12}} {
		want := "[" + strings.Repeat("#", c.cells) + strings.Repeat(".", 24-c.cells) + "]"
		if got := gauge(c.done, c.total); got != want {
			t.Errorf("gauge(%d, %d) = %s, want %s", c.done, c.total, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0.0 kB", 999: "1.0 kB", 1_500_000: "1.5 MB", 2_000_000_000: "2.0 GB"} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %s, want %s", n, got, want)
		}
	}
}

func TestShowPrintsInItsModeAndStops(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mode Mode
		want string
	}{
		{None, ""},
		{Lines, "p  0/0 images  0 images/s  in 0.0 MB/s  out 0.0 MB/s\np  0/0 images  0 images/s  in 0.0 MB/s  out 0.0 MB/s\n"},
		{Auto, "p  0/0 images  0 images/s  in 0.0 MB/s  out 0.0 MB/s\np  0/0 images  0 images/s  in 0.0 MB/s  out 0.0 MB/s\n"},
	} {
		t.Run(string(c.mode), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := new(Counters)
				k.Phase("p")
				var out bytes.Buffer // not locked: only Show may write until it has stopped
				stop := k.Show(t.Context(), &out, c.mode)
				time.Sleep(25 * time.Second) // of the bubble's clock
				stop()
				stop()
				if got := out.String(); got != c.want {
					t.Errorf("got %q, want %q", got, c.want)
				}
			})
		})
	}
}

func TestShowClearsItsBarAtTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := new(Counters)
		k.Phase("p")
		k.Planned.Store(2)
		k.Done.Store(1)
		ctx, cancel := context.WithCancel(t.Context())
		var out bytes.Buffer
		stop := k.Show(ctx, &out, Bar)
		time.Sleep(450 * time.Millisecond)
		cancel()
		stop()
		got := strings.Split(out.String(), "\r\x1b[K")
		if len(got) != 4 || got[0] != "" || !strings.HasPrefix(got[1], "[############............] p  1/2 images") || got[3] != "" {
			t.Errorf("got %q", got)
		}
	})
}

func TestCountersMayBeUsedByManyWhileShown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := new(Counters)
		var out bytes.Buffer
		stop := k.Show(t.Context(), &out, Bar)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 50 {
					k.Phase("p")
					k.Planned.Add(1)
					k.Done.Add(1)
					k.Reject("corrupt")
					time.Sleep(barEvery / 7)
				}
			})
		}
		wg.Wait()
		stop()
		if n, by := k.Rejected(); n != 400 || by != "400 corrupt" {
			t.Errorf("rejected %d %q", n, by)
		}
	})
}

func TestUsageGrows(t *testing.T) {
	t.Parallel()
	cpu, rss := Usage()
	if cpu < 0 || rss < 0 {
		t.Errorf("cpu %v, rss %v", cpu, rss)
	}
	if again, _ := Usage(); again < cpu {
		t.Errorf("cpu went from %v to %v", cpu, again)
	}
}
