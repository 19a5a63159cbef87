package copypaste

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/binary"
	"io"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/blend"
)

// Cutout is an object out of its picture: the pixels of Record.Window in Image,
// and which of them are the object's, 255, in Mask. It is shared by all who ask
// for it: read it only.
type Cutout struct {
	Record
	blend.Cutout
}

// Bytes returns what Record.SHA256 is the hash of: width and height as uint32,
// little-endian, the RGB samples and the alpha, both row by row.
func (c *Cutout) Bytes() []byte {
	b := make([]byte, 0, 8+len(c.Image.Pix)+len(c.Mask.Pix))
	b = binary.LittleEndian.AppendUint32(b, uint32(c.Image.Width))
	b = binary.LittleEndian.AppendUint32(b, uint32(c.Image.Height))
	return append(append(b, c.Image.Pix...), c.Mask.Pix...)
}

// pack appends the stored form of c to dst: a deflate stream of four planes,
// red, green, blue and alpha, each sample less its left neighbour, which
// compresses better.
func (c *Cutout) pack(dst []byte, z *flate.Writer) []byte {
	out := bytes.NewBuffer(dst)
	z.Reset(out)
	w, h := c.Image.Width, c.Image.Height
	row := make([]byte, w)
	for plane := range 4 {
		for y := range h {
			var left byte
			for x := range row {
				v := c.sample(plane, y*w+x)
				row[x], left = v-left, v
			}
			z.Write(row) // to memory: no error
		}
	}
	z.Close()
	return out.Bytes()
}

func (c *Cutout) sample(plane, i int) byte {
	if plane == 3 {
		return c.Mask.Pix[i]
	}
	return c.Image.Pix[3*i+plane]
}

// unpack fills the pixels of c, whose Record is known, and holds them against
// its hash. What cannot be is fault.Corrupt. Memory is that of the window.
func (c *Cutout) unpack(data []byte) error {
	w, h := c.Window[2], c.Window[3]
	if 4*int64(w)*int64(h) > maxRatio*int64(len(data)) {
		return fault.New(fault.Corrupt, "%d bytes cannot hold %d x %d pixels", len(data), w, h)
	}
	c.Image.Reset(w, h)
	c.Mask.Reset(w, h)
	z := flate.NewReader(bytes.NewReader(data))
	row := make([]byte, w)
	for plane := range 4 {
		for y := range h {
			if _, err := io.ReadFull(z, row); err != nil {
				return fault.New(fault.Corrupt, "pixels: %w", err)
			}
			var v byte
			for x, d := range row {
				v += d
				if plane == 3 {
					c.Mask.Pix[y*w+x] = v
				} else {
					c.Image.Pix[3*(y*w+x)+plane] = v
				}
			}
		}
	}
	if n, err := io.ReadFull(z, row[:1]); n != 0 || err != io.EOF {
		return fault.New(fault.Corrupt, "pixels: more than %d x %d", w, h)
	}
	if sha256.Sum256(c.Bytes()) != c.SHA256 {
		return fault.New(fault.Corrupt, "pixels are not those of the hash %x", c.SHA256)
	}
	return nil
}

// maxRatio is the most that deflate can make of a byte: a copy of 258 bytes
// takes two bits at least (RFC 1951, 3.2.5).
const maxRatio = 1032
