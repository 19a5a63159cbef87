// Package progress counts what a run has done and shows it: a line that renews
// itself on a terminal, one line every ten seconds elsewhere.
//
// The counters are those of this process. They are for people: nothing that a
// run writes depends on them.
package progress

import (
	"context"
	"fmt"
	"io"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Counters are safe for concurrent use.
type Counters struct {
	Planned  atomic.Int64 // examples in the plan
	Done     atomic.Int64 // examples written or set aside
	Scanned  atomic.Int64 // bytes of inputs that the plan has walked
	Read     atomic.Int64 // bytes
	Written  atomic.Int64 // bytes
	Resumed  atomic.Int64 // shards that were there already
	phase    atomic.Value // string
	units    atomic.Value // string
	mu       sync.Mutex
	rejected map[string]int64
}

// Local are the counters of this process.
var Local = new(Counters)

// Reset sets all to zero, at the start of a run.
func (c *Counters) Reset() {
	c.Planned.Store(0)
	c.Done.Store(0)
	c.Scanned.Store(0)
	c.Read.Store(0)
	c.Written.Store(0)
	c.Resumed.Store(0)
	c.mu.Lock()
	c.rejected = nil
	c.mu.Unlock()
	c.Phase("starting")
	c.Unit("images")
}

// Phase names what is going on.
func (c *Counters) Phase(name string) { c.phase.Store(name) }

// Unit names what is counted; images where nothing else was said.
func (c *Counters) Unit(name string) { c.units.Store(name) }

func (c *Counters) unit() string {
	if u, ok := c.units.Load().(string); ok && u != "" {
		return u
	}
	return "images"
}

// Reject counts one example that was set aside.
func (c *Counters) Reject(reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rejected == nil {
		c.rejected = map[string]int64{}
	}
	c.rejected[reason]++
}

// Rejected is the number of examples set aside.
func (c *Counters) Rejected() (total int64, byReason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var parts []string
	for r, n := range c.rejected {
		total += n
		parts = append(parts, fmt.Sprintf("%d %s", n, r))
	}
	sort.Strings(parts)
	return total, strings.Join(parts, ", ")
}

// Planning is the phase in which the number of examples is not known yet.
const Planning = "planning"

// Mode is how progress is shown.
type Mode string

// The modes of --progress.
const (
	Auto  Mode = "auto"
	Bar   Mode = "bar"
	Lines Mode = "lines"
	None  Mode = "none"
)

const (
	barEvery   = 200 * time.Millisecond
	linesEvery = 10 * time.Second
)

// Show prints c to w until ctx ends and returns a function that ends it and
// waits for the last line to be out.
func (c *Counters) Show(ctx context.Context, w io.Writer, mode Mode) (stop func()) {
	if mode == None {
		return func() {}
	}
	every := linesEvery
	if mode == Bar {
		every = barEvery
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		start := time.Now()
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				if mode == Bar {
					fmt.Fprint(w, "\r\x1b[K")
				}
				return
			case <-tick.C:
				line := c.Line(time.Since(start))
				if mode == Bar {
					fmt.Fprintf(w, "\r\x1b[K%s %s", gauge(c.Done.Load(), c.Planned.Load()), line)
				} else {
					fmt.Fprintln(w, line)
				}
			}
		}
	}()
	return func() { cancel(); <-done }
}

// Line is the state after a time: counts, rates, time left, errors by kind.
func (c *Counters) Line(elapsed time.Duration) string {
	done, planned, s := c.Done.Load(), c.Planned.Load(), elapsed.Seconds()
	phase, _ := c.phase.Load().(string)
	if phase == Planning {
		return fmt.Sprintf("%s  %d %s found, read %s  %s", phase, planned, c.unit(), size(c.Scanned.Load()), elapsed.Round(time.Second))
	}
	line := fmt.Sprintf("%s  %d/%d %s", phase, done, planned, c.unit())
	if s > 0 {
		line += fmt.Sprintf("  %.0f %s/s  in %.1f MB/s  out %.1f MB/s", float64(done)/s, c.unit(), float64(c.Read.Load())/1e6/s, float64(c.Written.Load())/1e6/s)
	}
	if done > 0 && done < planned {
		line += "  ETA " + time.Duration(s/float64(done)*float64(planned-done)*float64(time.Second)).Round(time.Second).String()
	}
	if n, by := c.Rejected(); n > 0 {
		line += "  set aside: " + by
	}
	return line
}

func gauge(done, total int64) string {
	const cells = 24
	n := 0
	if total > 0 {
		n = int(min(done, total) * cells / total)
	}
	return "[" + strings.Repeat("#", n) + strings.Repeat(".", cells-n) + "]"
}

func size(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f kB", float64(n)/1e3)
}
