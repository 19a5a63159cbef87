package shardio

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// Encoder writes records into one buffer that it keeps. The zero value is ready.
type Encoder struct {
	buf bytes.Buffer
	enc *json.Encoder
}

// Encode returns the record of ex, on one line without a line end. The bytes are
// valid until the next call. A number that JSON cannot hold (NaN, infinity) is
// fault.InvalidAnnotation.
func (e *Encoder) Encode(ex *datasets.Example) ([]byte, error) {
	if e.enc == nil {
		e.enc = json.NewEncoder(&e.buf)
		// Expressions are read by people too: "man & dog", not "man \u0026 dog".
		e.enc.SetEscapeHTML(false)
	}
	e.buf.Reset()
	if err := e.enc.Encode(ex); err != nil {
		return nil, fault.At(fault.New(fault.InvalidAnnotation, "record: %w", err), fault.Place{Key: ex.Key})
	}
	return bytes.TrimSuffix(e.buf.Bytes(), []byte{'\n'}), nil
}

// Decode reads a record. Text that is no JSON, that has other types than a
// record or a key against the rules is fault.Corrupt; members that a record does
// not have are passed over.
func Decode(b []byte) (*datasets.Example, error) {
	ex := new(datasets.Example)
	if err := json.Unmarshal(b, ex); err != nil {
		if fault.CodeOf(err) != "" {
			return nil, err
		}
		return nil, fault.New(fault.Corrupt, "record: %w", err)
	}
	if err := datasets.CheckKey(ex.Key); err != nil {
		return nil, fault.Wrap(fault.Corrupt, err)
	}
	return ex, nil
}

// IsRecord reports whether b looks like a record of ours: an object with a
// split and a source that has a hash. Others keep other things in .json files.
func IsRecord(b []byte) bool {
	var probe struct {
		Split  *string
		Source *struct{ SHA256 *string }
	}
	if err := json.Unmarshal(b, &probe); err != nil {
		// Broken text stays ours, so that its error is shown.
		var syntax *json.SyntaxError
		return errors.As(err, &syntax)
	}
	return probe.Split != nil && probe.Source != nil && probe.Source.SHA256 != nil
}

// ImageExt tells png from jpg by the first bytes of an encoded image.
func ImageExt(image []byte) string {
	if bytes.HasPrefix(image, []byte("\x89PNG\r\n\x1a\n")) {
		return "png"
	}
	return "jpg"
}
