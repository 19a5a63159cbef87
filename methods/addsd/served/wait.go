package served

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter bounds the wait that a server may ask for.
const maxRetryAfter = 5 * time.Minute

// sleep waits for d or for the end of ctx, whose error it returns.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// pause waits before the next request for it: what the server asked for, and a
// draw on top, so that those who were sent away together do not come back
// together.
func (g *Generator) pause(ctx context.Context, it *item, after time.Duration) error {
	d := min(after, maxRetryAfter) + g.opts.backoff(it.id, it.wire.Seed, it.tries+it.dials)
	if err := g.opts.sleep(ctx, d); err != nil {
		return fmt.Errorf("served: %w", context.Cause(ctx))
	}
	return nil
}

// backoff draws the wait before try n (1 is the first further one): uniform from 0
// to Backoff * 2^(n-1), at most MaxBackoff ("full jitter"). The same item waits
// as long in the next run.
func (o Options) backoff(id string, seed uint64, n int) time.Duration {
	longest := o.Backoff
	for i := 1; i < n && longest < o.MaxBackoff; i++ {
		longest *= 2
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(id + "\x00backoff\x00" + strconv.Itoa(n)))
	return time.Duration(rand.New(rand.NewPCG(seed, h.Sum64())).Float64() * float64(min(longest, o.MaxBackoff)))
}

// retryAfter reads the header of that name: seconds or a date (RFC 9110, 10.2.3).
// What cannot be read is no wait.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if n, err := strconv.ParseUint(v, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(t.Sub(now), 0)
	}
	return 0
}
