package served

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/addsd"
	"github.com/tailorbird/tailorbird/methods/addsd/served/protocol"
)

// kind says what a request without a whole answer calls for.
type kind uint8

const (
	whole    kind = iota // nothing: all of the answer was read
	unheard              // the server could not be reached at all
	busy                 // wait: it cannot now, whatever the items
	failed               // try again with fewer: an item may be at fault
	declined             // fewer, and a single item is refused
)

// outcome is what came of one HTTP request.
type outcome struct {
	kind   kind
	answer answer
	err    error         // for the items without a result, a *addsd.Rejection
	wait   time.Duration // that the server asked for
}

// exchange sends items and reads the answer, holding a slot. The error ends the
// run: the context's, or one that no further request can mend.
func (g *Generator) exchange(ctx context.Context, items []*item) (outcome, error) {
	edit := protocol.Edit{Items: make([]protocol.Item, len(items))}
	for i, it := range items {
		edit.Items[i] = it.wire
	}
	body, err := json.Marshal(edit)
	if err != nil {
		return outcome{}, fault.New(fault.Bug, "served: %w", err)
	}
	select {
	case g.slots <- struct{}{}:
		defer func() { <-g.slots }()
	case <-ctx.Done():
		return outcome{}, fmt.Errorf("served: %w", context.Cause(ctx))
	}
	limited, cancel := context.WithTimeout(ctx, g.timeout(len(items)))
	defer cancel()
	r, err := g.request(limited, http.MethodPost, protocol.EditPath, bytes.NewReader(body))
	if err != nil {
		return outcome{}, err
	}
	resp, err := g.client.Do(r)
	var out outcome
	if err == nil {
		g.breaker.answered()
		out, err = g.read(resp, items)
		_ = resp.Body.Close() // only read from
	} else {
		out, err = lost(err), nil
	}
	if ctx.Err() != nil {
		return out, fmt.Errorf("served: %w", context.Cause(ctx))
	}
	return out, err
}

// timeout is the time for n items.
func (g *Generator) timeout(n int) time.Duration {
	if g.opts.Timeout > 0 {
		return g.opts.Timeout
	}
	seconds := min(4*g.info.SecondsPerImage*float64(n), 24*60*60)
	return time.Minute + time.Duration(seconds*float64(time.Second))
}

// lost is a request that got no response. What never reached the server is told
// from what broke on the way.
func lost(err error) outcome {
	out := outcome{kind: failed, err: addsd.Reject(addsd.Unreachable, "%s", plain(err))}
	var op *net.OpError
	if errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect") {
		out.kind = unheard
	}
	return out
}

// read makes an outcome of a response. The error is one of the run.
func (g *Generator) read(resp *http.Response, items []*item) (outcome, error) {
	if resp.StatusCode != http.StatusOK {
		return g.status(resp)
	}
	broken := func(format string, args ...any) (outcome, error) {
		return outcome{kind: failed, err: addsd.Reject(addsd.BadImage, format, args...)}, nil
	}
	switch limit := g.opts.MaxResponseBytes; {
	case isHTML(resp.Header):
		return outcome{kind: failed, err: addsd.Reject(addsd.Unreachable, "an HTML page where the answer should be")}, nil
	case resp.Header.Get("Content-Encoding") != "":
		return broken("the answer is packed as %q, which was not asked for", oneLine(resp.Header.Get("Content-Encoding")))
	case resp.ContentLength > limit:
		return broken("an answer of %d bytes, the limit is %d", resp.ContentLength, limit)
	}
	asked := make(map[string]bool, len(items))
	for _, it := range items {
		asked[it.id] = true
	}
	a := readAnswer(&bounded{resp.Body, g.opts.MaxResponseBytes}, asked)
	if err := g.same(a.weights); err != nil {
		return outcome{}, err
	}
	out := outcome{answer: a}
	if a.broken != nil {
		reason := addsd.BadImage
		if _, ok := errors.AsType[net.Error](a.broken); ok || errors.Is(a.broken, context.DeadlineExceeded) {
			reason = addsd.Unreachable
		}
		out.kind, out.err = failed, addsd.Reject(reason, "the answer breaks off: %s", plain(a.broken))
		return out, nil
	}
	// To the end of the body, so that the connection can be used again.
	_, _ = io.CopyN(io.Discard, resp.Body, maxHeaderBytes)
	return out, nil
}

// same holds the weights that an answer names against those of Open.
func (g *Generator) same(weights string) error {
	if weights == "" || weights == g.info.WeightsSHA256 {
		return nil
	}
	return fault.New(fault.Usage, "served: %s now has weights %.12s, at the start %.12s: pictures of both must not be mixed", g.url, oneLine(weights), g.info.WeightsSHA256)
}

// status makes an outcome of a response that is not 200.
func (g *Generator) status(resp *http.Response) (outcome, error) {
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxExcerpt)) // what there is of it
	if isHTML(resp.Header) {
		text = nil
	}
	reject := func(r addsd.Reason) error {
		return addsd.Reject(r, "status %d%s", resp.StatusCode, excerpt(text))
	}
	switch code := resp.StatusCode; {
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return outcome{}, g.unwelcome(code)
	case code == http.StatusTooManyRequests, code == http.StatusServiceUnavailable:
		return outcome{kind: busy, err: reject(addsd.Unreachable), wait: retryAfter(resp.Header, g.opts.now())}, nil
	case code == http.StatusBadRequest, code == http.StatusRequestEntityTooLarge, code == http.StatusUnsupportedMediaType,
		code == http.StatusUnprocessableEntity, code == http.StatusUnavailableForLegalReasons:
		return outcome{kind: declined, err: reject(addsd.Refused)}, nil
	case code >= 300 && code < 400:
		return outcome{kind: failed, err: addsd.Reject(addsd.Unreachable, "status %d sends on to %q; redirects are not followed", code, oneLine(resp.Header.Get("Location")))}, nil
	}
	return outcome{kind: failed, err: reject(addsd.Unreachable), wait: retryAfter(resp.Header, g.opts.now())}, nil
}

// plain says what went wrong with a connection, without the addresses and ports of
// this machine: the text goes into reports.
func plain(err error) string {
	var op *net.OpError
	var timeout net.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection reset"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection closed too early"
	case errors.As(err, &op) && op.Err != nil:
		return op.Op + ": " + oneLine(op.Err.Error())
	}
	return oneLine(cause(err).Error())
}
