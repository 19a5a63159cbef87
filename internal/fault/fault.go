package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Code says what the caller should do with an error. Act on the code, never on
// the message.
type Code string

// The data codes: the example is set aside under this reason and the run goes
// on until its error budget is spent. The strings are the REASON of a manifest.
const (
	NotFound          Code = "not_found"          // an input that something names is not there
	Corrupt           Code = "corrupt"            // bytes that break their own format
	Unsupported       Code = "unsupported"        // well-formed, but nothing here reads it
	TooLarge          Code = "too_large"          // over a limit, refused before allocation
	Conflict          Code = "conflict"           // two things claim one name
	InvalidAnnotation Code = "invalid_annotation" // an annotation that cannot be true of its image
	Bug               Code = "bug"                // a panic or a broken invariant of ours
)

// The run codes: the run stops.
const (
	Usage     Code = "usage"     // the command or the recipe is wrong
	Exhausted Code = "exhausted" // the error budget is spent
	Transient Code = "transient" // worth trying again
	Occupied  Code = "occupied"  // the target holds something else; nothing was overwritten
)

// Reasons lists the data codes in the order in which reports show them.
var Reasons = []Code{NotFound, Corrupt, Unsupported, TooLarge, Conflict, InvalidAnnotation, Bug}

// IsData reports whether c is one of the data codes.
func (c Code) IsData() bool {
	for _, r := range Reasons {
		if c == r {
			return true
		}
	}
	return false
}

// Place says where an error happened. Zero fields are unknown; an Offset of 0
// is printed only where HasOffset is set.
type Place struct {
	Path      string // file, as the user named it
	Key       string // example
	Offset    int64  // bytes from the start of Path
	HasOffset bool
}

// Offset is the Place of byte off of path.
func Offset(path string, off int64) Place {
	return Place{Path: path, Offset: off, HasOffset: true}
}

func (p Place) String() string {
	var b strings.Builder
	sep := func() {
		if b.Len() > 0 {
			b.WriteString(": ")
		}
	}
	if p.Path != "" {
		b.WriteString(p.Path)
	}
	if p.Key != "" {
		sep()
		b.WriteString(p.Key)
	}
	if p.HasOffset || p.Offset != 0 {
		sep()
		fmt.Fprintf(&b, "byte %d", p.Offset)
	}
	return b.String()
}

// Error is an error with a code and, where known, a place.
type Error struct {
	Code  Code
	Place Place
	Err   error
}

func (e *Error) Error() string {
	if p := e.Place.String(); p != "" {
		return p + ": " + e.Err.Error()
	}
	return e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// New returns an error with a code and no place. The format may use %w.
func New(c Code, format string, args ...any) error {
	return &Error{Code: c, Err: fmt.Errorf(format, args...)}
}

// Wrap gives err a code, keeping its message. A nil err gives nil.
func Wrap(c Code, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Code: c, Err: err}
}

// At says where err happened; its code stays. A nil err gives nil.
func At(err error, p Place) error {
	if err == nil {
		return nil
	}
	return &Error{Code: CodeOf(err), Place: p, Err: err}
}

// CodeOf returns the outermost code in err's chain, or "" when it has none:
// then the machinery failed, not the data.
func CodeOf(err error) Code {
	for e := (*Error)(nil); errors.As(err, &e); err = e.Err {
		if e.Code != "" {
			return e.Code
		}
	}
	return ""
}

// PlaceOf gathers the place from err's chain: of each field the outermost
// value that is known.
func PlaceOf(err error) Place {
	var p Place
	for e := (*Error)(nil); errors.As(err, &e); err = e.Err {
		if p.Path == "" {
			p.Path = e.Place.Path
		}
		if p.Key == "" {
			p.Key = e.Place.Key
		}
		if !p.HasOffset && (e.Place.HasOffset || e.Place.Offset != 0) {
			p.Offset, p.HasOffset = e.Place.Offset, true
		}
	}
	return p
}
