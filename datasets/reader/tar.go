package reader

import (
	"bytes"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// block is the unit of a tar (POSIX.1-2017, pax, "ustar Interchange Format").
const block = 512

// parseTar finds the picture and the label of one sample in the bytes of its
// members, as the webdataset format writes them: KEY.jpg or KEY.png, KEY.json,
// KEY.cls, each with one USTAR header. It allocates nothing; the general reader
// is that of the format. label is -1 without KEY.cls.
func parseTar(b []byte, key string) (image []byte, label int64, err error) {
	label = -1
	for len(b) > 0 {
		ext, data, rest, err := member(b, key)
		if err != nil {
			return nil, -1, err
		}
		switch string(ext) {
		case "jpg", "jpeg", "png":
			image = data
		case "cls":
			if label = decimal(bytes.TrimSpace(data)); label < 0 {
				return nil, -1, fault.New(fault.Corrupt, "the label %.20q is no number", data)
			}
		}
		b = rest
	}
	if image == nil {
		return nil, -1, fault.New(fault.Corrupt, "sample has no image (.jpg, .jpeg or .png)")
	}
	return image, label, nil
}

// member takes the first file off b.
func member(b []byte, key string) (ext, data, rest []byte, err error) {
	if len(b) < block {
		return nil, nil, nil, fault.New(fault.Corrupt, "%d bytes are no tar header", len(b))
	}
	h := b[:block]
	sum := int64(8 * ' ')
	for i, c := range h {
		if i < 148 || i >= 156 {
			sum += int64(c)
		}
	}
	if octal(h[148:156]) != sum {
		return nil, nil, nil, fault.New(fault.Corrupt, "tar header has a wrong checksum")
	}
	name := h[:100]
	if i := bytes.IndexByte(name, 0); i >= 0 {
		name = name[:i]
	}
	if len(name) <= len(key) || string(name[:len(key)]) != key || name[len(key)] != '.' || h[345] != 0 {
		return nil, nil, nil, fault.New(fault.NotFound, "%.120q stands where the files of the sample should", name)
	}
	size := octal(h[124:136])
	if size < 0 || size > int64(len(b)-block) || h[156] != '0' {
		return nil, nil, nil, fault.New(fault.Corrupt, "%.120q is no file of the sample: type %q, %d bytes", name, h[156], size)
	}
	end := min((size+block-1)&^(block-1), int64(len(b)-block))
	return name[len(key)+1:], b[block:][:size:size], b[block+end:], nil
}

// octal reads a header's number, -1 where it is none.
func octal(f []byte) int64 {
	v, digits := int64(0), 0
	for _, c := range f {
		switch {
		case c >= '0' && c <= '7':
			v, digits = v<<3|int64(c-'0'), digits+1
		case (c == 0 || c == ' ') && digits > 0:
			return v
		case c != ' ':
			return -1
		}
	}
	return v
}

// decimal reads a label, -1 where it is none.
func decimal(b []byte) int64 {
	if len(b) == 0 || len(b) > 18 {
		return -1
	}
	v := int64(0)
	for _, c := range b {
		if c < '0' || c > '9' {
			return -1
		}
		v = 10*v + int64(c-'0')
	}
	return v
}
