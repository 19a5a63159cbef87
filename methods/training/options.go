package training

import (
	"fmt"
	"sort"
	"sync"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Options are a method's settings as a recipe has them: numbers, text, booleans
// and lists. Each is taken once; what is left over is a mistake.
type Options struct {
	Method string
	what   string // "method" unless a part of the loop takes its settings so
	values map[string]any
	taken  map[string]bool
	err    error
}

// NewOptions returns the options of a method. Values are float64, int64, string,
// bool or []any.
func NewOptions(method string, values map[string]any) *Options {
	return &Options{Method: method, what: "method", values: values, taken: map[string]bool{}}
}

// Float takes a number between lo and hi.
func (o *Options) Float(name string, dflt, lo, hi float64) float64 {
	v, ok := o.take(name)
	if !ok {
		return dflt
	}
	f, isFloat := v.(float64)
	if i, isInt := v.(int64); isInt {
		f, isFloat = float64(i), true
	}
	if !isFloat || !(f >= lo && f <= hi) {
		o.fail("%s: want a number between %g and %g, found %v", name, lo, hi, v)
		return dflt
	}
	return f
}

// Int takes a whole number between lo and hi.
func (o *Options) Int(name string, dflt, lo, hi int) int {
	v, ok := o.take(name)
	if !ok {
		return dflt
	}
	i, isInt := v.(int64)
	if !isInt || i < int64(lo) || i > int64(hi) {
		o.fail("%s: want a whole number between %d and %d, found %v", name, lo, hi, v)
		return dflt
	}
	return int(i)
}

// Bool takes true or false.
func (o *Options) Bool(name string, dflt bool) bool {
	v, ok := o.take(name)
	if !ok {
		return dflt
	}
	b, isBool := v.(bool)
	if !isBool {
		o.fail("%s: want true or false, found %v", name, v)
		return dflt
	}
	return b
}

// Text takes one of a few words; with none given any text.
func (o *Options) Text(name, dflt string, choices ...string) string {
	v, ok := o.take(name)
	if !ok {
		return dflt
	}
	s, isText := v.(string)
	if !isText {
		o.fail("%s: want text, found %v", name, v)
		return dflt
	}
	for _, c := range choices {
		if s == c {
			return s
		}
	}
	if len(choices) > 0 {
		o.fail("%s: no %q; known: %v", name, s, choices)
		return dflt
	}
	return s
}

func (o *Options) take(name string) (any, bool) {
	o.taken[name] = true
	v, ok := o.values[name]
	return v, ok
}

func (o *Options) fail(format string, args ...any) {
	if o.err == nil {
		o.err = fault.New(fault.Usage, "%s %s: %s", o.what, o.Method, fmt.Sprintf(format, args...))
	}
}

// Done returns the first mistake: a value that does not fit, or an option that the
// method does not have. The error is fault.Usage.
func (o *Options) Done() error {
	if o.err != nil {
		return o.err
	}
	var known, extra []string
	for name := range o.taken {
		known = append(known, name)
	}
	for name := range o.values {
		if !o.taken[name] {
			extra = append(extra, name)
		}
	}
	sort.Strings(known)
	sort.Strings(extra)
	if len(extra) > 0 {
		return fault.New(fault.Usage, "%s %s has no option %q; known: %v", o.what, o.Method, extra[0], known)
	}
	return nil
}

// Spec describes a method for the recipe and for `tailorbird list methods`.
type Spec struct {
	Name    string
	Summary string // one line
	Paper   string // title and arXiv number; empty for a baseline
	// New reads the method's options. It leaves mistakes to Options.Done, which the
	// caller asks.
	New func(o *Options) (Method, error)
}

var (
	mu    sync.RWMutex
	specs = map[string]Spec{}
)

// Register makes a method available under its name; called from init functions.
func Register(s Spec) {
	mu.Lock()
	defer mu.Unlock()
	if _, taken := specs[s.Name]; taken {
		panic("training: " + s.Name + " registered twice")
	}
	specs[s.Name] = s
}

// Lookup returns the method of that name.
func Lookup(name string) (Spec, bool) {
	mu.RLock()
	defer mu.RUnlock()
	s, ok := specs[name]
	return s, ok
}

// Names lists the registered methods in order.
func Names() []string {
	mu.RLock()
	defer mu.RUnlock()
	names := make([]string, 0, len(specs))
	for n := range specs {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// New makes the method of that name. An unknown name or option is fault.Usage.
func New(name string, values map[string]any) (Method, error) {
	s, ok := Lookup(name)
	if !ok {
		return nil, fault.New(fault.Usage, "no method %q; known: %v", name, Names())
	}
	o := NewOptions(name, values)
	m, err := s.New(o)
	if err == nil {
		err = o.Done()
	}
	return m, err
}

func init() {
	Register(Spec{Name: "none", Summary: "cross-entropy alone: the baseline", New: func(o *Options) (Method, error) {
		return &Plain{Smoothing: float32(o.Float("label_smoothing", 0, 0, 0.999))}, nil
	}})
}

// KnownOptions lists the options that a method takes. An unknown name is
// fault.Usage.
func KnownOptions(name string) (map[string]bool, error) {
	s, ok := Lookup(name)
	if !ok {
		return nil, fault.New(fault.Usage, "no method %q; known: %v", name, Names())
	}
	o := NewOptions(name, nil)
	if _, err := s.New(o); err != nil && len(o.taken) == 0 {
		return nil, err
	}
	return o.taken, nil
}
