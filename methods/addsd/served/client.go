package served

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/addsd/served/protocol"
)

const (
	maxInfoBytes   = 64 << 10
	maxHeaderBytes = 64 << 10
	infoTimeout    = 15 * time.Second
	maxName        = 200  // bytes of a name or a version
	maxBatch       = 1024 // items, whatever the server says
	maxExcerpt     = 160  // bytes of a server's text in a message
)

type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// newClient returns a client that follows no redirect, unpacks nothing, and keeps
// a connection a slot.
func newClient(o Options) *http.Client {
	dial := o.dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: 10 * time.Second}).DialContext
	}
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            dial,
			DisableCompression:     true,
			MaxIdleConnsPerHost:    o.Concurrency,
			MaxResponseHeaderBytes: maxHeaderBytes,
			TLSHandshakeTimeout:    10 * time.Second,
			IdleConnTimeout:        90 * time.Second,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// askInfo asks the server who it is. See Open for the errors.
func (g *Generator) askInfo(ctx context.Context, retries int) (protocol.Info, error) {
	for try := 1; ; try++ {
		info, wait, err := g.infoOnce(ctx)
		if ctx.Err() != nil {
			return info, fmt.Errorf("served: %w", context.Cause(ctx))
		}
		if err == nil || fault.CodeOf(err) != fault.Transient || try > retries {
			return info, err
		}
		d := min(wait, maxRetryAfter) + g.opts.backoff(g.url, 0, try)
		if err := g.opts.sleep(ctx, d); err != nil {
			return info, fmt.Errorf("served: %w", context.Cause(ctx))
		}
	}
}

func (g *Generator) infoOnce(ctx context.Context) (info protocol.Info, wait time.Duration, err error) {
	timeout := infoTimeout
	if g.opts.Timeout > 0 {
		timeout = min(timeout, g.opts.Timeout)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, err := g.request(ctx, http.MethodGet, protocol.InfoPath, nil)
	if err != nil {
		return info, 0, err
	}
	resp, err := g.client.Do(r)
	if err != nil {
		return info, 0, fault.New(fault.Transient, "served: %s does not answer: %s", g.url, plain(err))
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxInfoBytes+1))
	switch {
	case resp.StatusCode == http.StatusOK && err != nil:
		return info, 0, fault.New(fault.Transient, "served: %s broke off: %s", g.url, plain(err))
	case resp.StatusCode == http.StatusOK:
		info, err = readInfo(text)
		if err != nil {
			return info, 0, fault.New(fault.Usage, "served: %s%s: %w; is this the address of an editing server?", g.url, protocol.InfoPath, err)
		}
		return info, 0, nil
	case resp.StatusCode >= 500, resp.StatusCode == http.StatusTooManyRequests, resp.StatusCode == http.StatusRequestTimeout:
		return info, retryAfter(resp.Header, g.opts.now()), fault.New(fault.Transient, "served: %s is not ready: status %d%s", g.url, resp.StatusCode, excerpt(text))
	case resp.StatusCode == http.StatusUnauthorized, resp.StatusCode == http.StatusForbidden:
		return info, 0, g.unwelcome(resp.StatusCode)
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		return info, 0, fault.New(fault.Usage, "served: %s sends on to %q; redirects are not followed, give that address if it is right", g.url, oneLine(resp.Header.Get("Location")))
	}
	return info, 0, fault.New(fault.Usage, "served: %s%s: status %d: is this the address of an editing server?", g.url, protocol.InfoPath, resp.StatusCode)
}

// unwelcome is what a status of 401 or 403 comes to.
func (g *Generator) unwelcome(status int) error {
	return fault.New(fault.Usage, "served: %s answers with status %d: it wants a header that it knows", g.url, status)
}

func (g *Generator) request(ctx context.Context, method, path string, body io.Reader) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, method, g.url+path, body)
	if err != nil {
		return nil, fault.New(fault.Usage, "served: %w", err)
	}
	for k, v := range g.header {
		r.Header[k] = v
	}
	r.Header.Set("Accept", "application/json")
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return r, nil
}

var hexDigest = regexp.MustCompile(`^([0-9a-f]{64})?$`)

// readInfo reads and checks what a server says of itself.
func readInfo(text []byte) (protocol.Info, error) {
	var info protocol.Info
	if len(text) > maxInfoBytes {
		return info, fmt.Errorf("more than %d bytes", maxInfoBytes)
	}
	if err := json.Unmarshal(text, &info); err != nil {
		return info, fmt.Errorf("%w%s", err, excerpt(text))
	}
	for _, s := range []string{info.Name, info.Version} {
		if len(s) > maxName || s != oneLine(s) {
			return info, fmt.Errorf("a name or version of more than %d bytes, or not printable", maxName)
		}
	}
	s := info.Sizes
	switch {
	case info.Protocol != protocol.Version:
		return info, fmt.Errorf("protocol %d, this is %d", info.Protocol, protocol.Version)
	case info.Name == "":
		return info, errors.New("no name")
	case !hexDigest.MatchString(info.WeightsSHA256):
		return info, errors.New("weights_sha256 is not 64 hex digits")
	case info.MaxBatch < 0, s.MultipleOf < 0, s.Min < 0, s.Max < 0, s.Max > 0 && s.Max < s.Min:
		return info, fmt.Errorf("max_batch %d, sizes %+v", info.MaxBatch, s)
	case !(info.SecondsPerImage >= 0) || math.IsInf(info.SecondsPerImage, 0):
		return info, fmt.Errorf("seconds_per_image %v", info.SecondsPerImage)
	}
	info.MaxBatch = min(max(info.MaxBatch, 1), maxBatch)
	info.Sizes.MultipleOf = max(s.MultipleOf, 1)
	return info, nil
}

// cause takes the address off an error of net/http: messages name it once.
func cause(err error) error {
	var outer *url.Error
	if errors.As(err, &outer) {
		return outer.Err
	}
	return err
}

// isHTML reports whether a response says that it is a page for people.
func isHTML(h http.Header) bool {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && (kind == "text/html" || kind == "application/xhtml+xml")
}

// excerpt is the beginning of a server's text for a message, ": TEXT".
func excerpt(text []byte) string {
	s := oneLine(string(text[:min(len(text), maxExcerpt)]))
	if s == "" {
		return ""
	}
	return ": " + s
}

// oneLine drops what is not printable and takes white space together.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == unicode.ReplacementChar || !unicode.IsPrint(r):
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}
