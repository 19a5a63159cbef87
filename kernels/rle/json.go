package rle

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// AppendJSON appends COCO's compressed form, {"size":[h,w],"counts":"..."}.
func (m Mask) AppendJSON(dst []byte) []byte {
	dst = m.appendSize(dst)
	dst = append(dst, '"')
	from := len(dst)
	dst = m.AppendString(dst)
	// Of the bytes that counts use, the backslash alone needs an escape.
	if n := bytes.Count(dst[from:], []byte{'\\'}); n > 0 {
		dst = append(dst, make([]byte, n)...)
		for i, o := len(dst)-n-1, len(dst)-1; o > i; i, o = i-1, o-1 {
			dst[o] = dst[i]
			if dst[i] == '\\' {
				o--
				dst[o] = '\\'
			}
		}
	}
	return append(dst, '"', '}')
}

// AppendJSONRuns appends COCO's uncompressed form,
// {"size":[h,w],"counts":[n0,n1,...]}.
func (m Mask) AppendJSONRuns(dst []byte) []byte {
	dst = append(m.appendSize(dst), '[')
	for i, c := range m.Counts {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendUint(dst, uint64(c), 10)
	}
	return append(dst, ']', '}')
}

func (m Mask) appendSize(dst []byte) []byte {
	dst = append(dst, `{"size":[`...)
	dst = strconv.AppendInt(dst, int64(m.Height), 10)
	dst = append(dst, ',')
	dst = strconv.AppendInt(dst, int64(m.Width), 10)
	return append(dst, `],"counts":`...)
}

// MarshalJSON returns COCO's compressed form. It fails as Validate does.
func (m Mask) MarshalJSON() ([]byte, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	return m.AppendJSON(nil), nil
}

// UnmarshalJSON reads either of COCO's forms. What is no such object is
// fault.Corrupt; the other errors are those of FromString. Memory is bounded by
// the text and by the image it names.
func (m *Mask) UnmarshalJSON(text []byte) error {
	var v struct {
		Size   []int           `json:"size"`
		Counts json.RawMessage `json:"counts"`
	}
	if err := json.Unmarshal(text, &v); err != nil {
		return fault.New(fault.Corrupt, "rle: %w", err)
	}
	if len(v.Size) != 2 {
		return fault.New(fault.Corrupt, "rle: size has %d numbers, want height and width", len(v.Size))
	}
	h, w := v.Size[0], v.Size[1]
	var read Mask
	var err error
	switch {
	case len(v.Counts) > 0 && v.Counts[0] == '"':
		var s string
		if err := json.Unmarshal(v.Counts, &s); err != nil {
			return fault.New(fault.Corrupt, "rle: counts: %w", err)
		}
		read, err = FromString(s, h, w, nil)
	case len(v.Counts) > 0 && v.Counts[0] == '[':
		read, err = fromList(v.Counts, h, w)
	default:
		return fault.New(fault.Corrupt, "rle: counts is neither a string nor a list")
	}
	if err != nil {
		return err
	}
	*m = read
	return nil
}

// fromList reads counts from a JSON array, whose syntax is known to be right.
func fromList(list []byte, h, w int) (Mask, error) {
	if err := checkSize(h, w); err != nil {
		return Mask{}, err
	}
	m := Mask{Height: h, Width: w}
	if list = bytes.TrimSpace(list[1 : len(list)-1]); len(list) == 0 {
		return Mask{}, m.Validate()
	}
	// The commas bound the runs before any is stored.
	n := bytes.Count(list, []byte{','}) + 1
	if n > h*w+1 {
		return Mask{}, fault.New(fault.TooLarge, "rle: %d runs, image has %d pixels", n, h*w)
	}
	m.Counts = make([]uint32, 0, n)
	for len(list) > 0 {
		var item []byte
		item, list, _ = bytes.Cut(list, []byte{','})
		c, err := strconv.ParseUint(string(bytes.TrimSpace(item)), 10, 32)
		if err != nil {
			return Mask{}, fault.New(fault.Corrupt, "rle: counts: run %d is %.20q", len(m.Counts), item)
		}
		m.Counts = append(m.Counts, uint32(c))
	}
	return m, m.Validate()
}
