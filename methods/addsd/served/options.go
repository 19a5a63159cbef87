package served

import (
	"context"
	"math"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/addsd"
)

// NoGeometry sends pictures as they are, for servers that take any size.
const NoGeometry = "none"

// The defaults of Options.
const (
	DefaultRetries          = 5
	DefaultConcurrency      = 2
	DefaultBackoff          = 500 * time.Millisecond
	DefaultMaxBackoff       = 30 * time.Second
	DefaultBreaker          = 10
	DefaultMaxResponseBytes = 64 << 20
)

// Options say which server to ask and how. Only URL is needed; zero fields are
// the defaults.
type Options struct {
	URL string // http://host:port, or https, with a path before /v1 if need be
	// Header is one header to send, "Authorization: Bearer ${NAME}": ${NAME} is
	// replaced by that environment variable, so that a recipe holds no secret.
	Header string

	Geometry string // crop (default), resize, pad or none
	// What to ask for where a Request does not say; 0 leaves it to the server.
	Steps         int
	Guidance      float64
	ImageGuidance float64

	Batch       int // items a request; default: what the server takes, which bounds it too
	Concurrency int // requests under way, over all goroutines
	// Timeout bounds one request with its answer. The default is a minute and four
	// times what the server says that the batch takes.
	Timeout    time.Duration
	Retries    int           // further tries of an item; negative: none
	Backoff    time.Duration // the longest wait before the first further try; it doubles from try to try
	MaxBackoff time.Duration // and ends here
	Breaker    int           // see the package comment

	MaxResponseBytes int64 // of one answer

	// Seams of the tests: how to wait, what time it is, how to connect.
	sleep func(context.Context, time.Duration) error
	now   func() time.Time
	dial  dialer
}

// withDefaults fills what is not set. Values that make no sense are fault.Usage.
func (o Options) withDefaults() (Options, error) {
	if o.Geometry == "" {
		o.Geometry = addsd.CropMode
	}
	if o.Geometry != NoGeometry {
		if _, err := addsd.NewGeometry(o.Geometry, 1, 1); err != nil {
			return o, fault.New(fault.Usage, "served: geometry %q is none of %v and %s", o.Geometry, addsd.Modes, NoGeometry)
		}
	}
	if o.Steps < 0 || o.Batch < 0 || o.Concurrency < 0 || o.Timeout < 0 || o.Backoff < 0 || o.MaxBackoff < 0 || o.Breaker < 0 || o.MaxResponseBytes < 0 {
		return o, fault.New(fault.Usage, "served: a negative number of steps, items, requests, seconds, failures or bytes")
	}
	for _, v := range []float64{o.Guidance, o.ImageGuidance} {
		if !(v >= 0) || math.IsInf(v, 0) {
			return o, fault.New(fault.Usage, "served: guidance %v", v)
		}
	}
	o.Concurrency = orDefault(o.Concurrency, DefaultConcurrency)
	o.Retries = max(orDefault(o.Retries, DefaultRetries), 0)
	o.Backoff = orDefault(o.Backoff, DefaultBackoff)
	o.MaxBackoff = orDefault(o.MaxBackoff, DefaultMaxBackoff)
	o.Breaker = orDefault(o.Breaker, DefaultBreaker)
	o.MaxResponseBytes = orDefault(o.MaxResponseBytes, DefaultMaxResponseBytes)
	if o.sleep == nil {
		o.sleep = sleep
	}
	if o.now == nil {
		o.now = time.Now
	}
	return o, nil
}

func orDefault[T int | int64 | time.Duration](v, d T) T {
	if v == 0 {
		return d
	}
	return v
}

// address checks where to ask, and returns it without a slash at the end.
func address(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil {
		return "", fault.New(fault.Usage, "served: the address cannot be read; it should be like http://host:port")
	}
	switch {
	case u.User != nil:
		return "", fault.New(fault.Usage, "served: the address of %s holds a name or a password: send them by header, from the environment", u.Host)
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "", u.RawQuery != "", u.Fragment != "":
		return "", fault.New(fault.Usage, "served: address %q: it should be like http://host:port", text)
	}
	return strings.TrimRight(u.Scheme+"://"+u.Host+u.EscapedPath(), "/"), nil
}

var variable = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// headers reads "Name: value" and puts environment variables into the value. No
// error repeats the value.
func headers(text string) (http.Header, error) {
	h := http.Header{}
	if text == "" {
		return h, nil
	}
	name, value, ok := strings.Cut(text, ":")
	name = strings.TrimSpace(name)
	if !ok || name == "" || strings.ContainsAny(name, " \t\r\n") {
		return nil, fault.New(fault.Usage, "served: the header should be like Authorization: Bearer ${NAME}")
	}
	for _, m := range variable.FindAllStringSubmatch(value, -1) {
		if os.Getenv(m[1]) == "" {
			return nil, fault.New(fault.Usage, "served: header %s: the environment variable %s is not set", name, m[1])
		}
	}
	value = variable.ReplaceAllStringFunc(value, func(v string) string { return os.Getenv(v[2 : len(v)-1]) })
	if value = strings.TrimSpace(value); strings.ContainsAny(value, "\r\n\x00") {
		return nil, fault.New(fault.Usage, "served: header %s: its value has a line break in it", name)
	}
	h.Set(name, value)
	return h, nil
}
