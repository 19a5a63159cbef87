package copypaste

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"math"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/phash"
)

// Record describes one cut-out of a bank: whose it is, where in its picture the
// object lies and how good it is.
type Record struct {
	Key          string // of the picture
	AnnotationID int64
	CategoryID   int64
	Box          [4]int // tight around the mask: x, y, width, height in pixels of the picture
	Window       [4]int // what is stored: the box and a margin, within the picture
	ImageWidth   int
	ImageHeight  int
	Area         int     // pixels of the mask
	BoxIoU       float64 // of the annotation's box with Box
	Largest      float64 // share of the mask in its largest connected piece
	Thickness    float64 // 2 area / outline, pixels
	Contact      float64 // share of the outline along which other objects lie: an estimate of occlusion
	Covered      float64 // share of Box on which other objects lie
	Deviation    float64 // standard deviation of the liveliest colour channel, levels
	Border       Border
	Hash         phash.Hash        // of the picture within Box
	SHA256       [sha256.Size]byte // of Cutout.Bytes
}

// Border says which edges of its picture an object reaches: where it may go on.
type Border uint32

// The edges.
const (
	Left Border = 1 << iota
	Top
	Right
	Bottom
)

// borderOf tells which edges of a w x h picture box reaches.
func borderOf(box [4]int, w, h int) Border {
	var b Border
	if box[0] <= 0 {
		b |= Left
	}
	if box[1] <= 0 {
		b |= Top
	}
	if box[0]+box[2] >= w {
		b |= Right
	}
	if box[1]+box[3] >= h {
		b |= Bottom
	}
	return b
}

// Scale is sqrt(area / image area).
func (r *Record) Scale() float64 {
	return math.Sqrt(float64(r.Area) / float64(r.ImageWidth*r.ImageHeight))
}

// quality orders the objects of a class: large ones that nothing hides first.
func (r *Record) quality() float64 { return float64(float64(r.Area) * (1 - r.Contact)) }

// better orders records of a class from the best on, whatever order they came
// in: by quality, then by what names them.
func better(a, b *Record) int {
	return cmp.Or(cmp.Compare(b.quality(), a.quality()), byName(a, b))
}

// byName orders records by picture, annotation and content.
func byName(a, b *Record) int {
	return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.AnnotationID, b.AnnotationID),
		cmp.Compare(string(a.SHA256[:]), string(b.SHA256[:])))
}

// wire is a Record as a part file has it, little-endian and followed by the
// key. Fractions are in millionths, so that every machine reads what one wrote.
type wire struct {
	Annotation, Category              int64
	Box, Window                       [4]uint32
	ImageWidth, ImageHeight, Area     uint32
	BoxIoU, Largest, Contact, Covered uint32 // millionths
	Thickness, Deviation              uint32 // thousandths
	Border                            uint32
	Hash                              uint64
	SHA256                            [sha256.Size]byte
}

const (
	wireBytes = 16 + 32 + 12 + 16 + 8 + 4 + 8 + sha256.Size
	maxKey    = 4096      // bytes of a key
	maxSide   = 1<<24 - 1 // pixels of a picture's side
	millionth = 1e-6
	thousand  = 1e-3
)

// appendTo appends r's stored form to dst.
func (r *Record) appendTo(dst []byte) []byte {
	w := wire{
		Annotation: r.AnnotationID, Category: r.CategoryID, Box: unsigned(r.Box), Window: unsigned(r.Window),
		ImageWidth: uint32(r.ImageWidth), ImageHeight: uint32(r.ImageHeight), Area: uint32(r.Area),
		BoxIoU: steps(r.BoxIoU, millionth), Largest: steps(r.Largest, millionth),
		Contact: steps(r.Contact, millionth), Covered: steps(r.Covered, millionth),
		Thickness: steps(r.Thickness, thousand), Deviation: steps(r.Deviation, thousand),
		Border: uint32(r.Border), Hash: uint64(r.Hash), SHA256: r.SHA256,
	}
	dst, err := binary.Append(dst, binary.LittleEndian, &w)
	if err != nil {
		panic(err) // wire has fields of fixed size only
	}
	return append(dst, r.Key...)
}

// round gives the measures of r the values that its stored form has.
func (r *Record) round() {
	for _, v := range []*float64{&r.BoxIoU, &r.Largest, &r.Contact, &r.Covered} {
		*v = float64(steps(*v, millionth)) * millionth
	}
	for _, v := range []*float64{&r.Thickness, &r.Deviation} {
		*v = float64(steps(*v, thousand)) * thousand
	}
}

// parse reads r's stored form. What cannot be is fault.Corrupt.
func (r *Record) parse(b []byte, l *Limits) error {
	if len(b) <= wireBytes || len(b) > wireBytes+maxKey {
		return fault.New(fault.Corrupt, "description of %d bytes", len(b))
	}
	var w wire
	if _, err := binary.Decode(b, binary.LittleEndian, &w); err != nil {
		return fault.New(fault.Corrupt, "description: %w", err)
	}
	for _, v := range []uint32{w.BoxIoU, w.Largest, w.Contact, w.Covered} {
		if v > 1e6 {
			return fault.New(fault.Corrupt, "a share of %d millionths", v)
		}
	}
	if !within(w.Box, [4]uint32{0, 0, w.ImageWidth, w.ImageHeight}) || !within(w.Window, [4]uint32{0, 0, w.ImageWidth, w.ImageHeight}) ||
		!within(w.Box, w.Window) || w.ImageWidth > maxSide || w.ImageHeight > maxSide {
		return fault.New(fault.Corrupt, "box %v and window %v in an image of %d x %d", w.Box, w.Window, w.ImageWidth, w.ImageHeight)
	}
	if w.Window[2] > uint32(l.MaxCutoutSide) || w.Window[3] > uint32(l.MaxCutoutSide) {
		return fault.New(fault.TooLarge, "cut-out of %d x %d, the limit is %d", w.Window[2], w.Window[3], l.MaxCutoutSide)
	}
	if w.Area == 0 || uint64(w.Area) > uint64(w.Box[2])*uint64(w.Box[3]) {
		return fault.New(fault.Corrupt, "area %d in a box of %d x %d", w.Area, w.Box[2], w.Box[3])
	}
	*r = Record{
		Key: string(b[wireBytes:]), AnnotationID: w.Annotation, CategoryID: w.Category, Box: signed(w.Box), Window: signed(w.Window),
		ImageWidth: int(w.ImageWidth), ImageHeight: int(w.ImageHeight), Area: int(w.Area),
		BoxIoU: float64(w.BoxIoU) * millionth, Largest: float64(w.Largest) * millionth,
		Contact: float64(w.Contact) * millionth, Covered: float64(w.Covered) * millionth,
		Thickness: float64(w.Thickness) * thousand, Deviation: float64(w.Deviation) * thousand,
		Border: Border(w.Border), Hash: phash.Hash(w.Hash), SHA256: w.SHA256,
	}
	return nil
}

// within reports whether box is not empty and lies in window.
func within(box, window [4]uint32) bool {
	for d := range 2 {
		a, b := uint64(box[d]), uint64(window[d])
		if box[d+2] == 0 || a < b || a+uint64(box[d+2]) > b+uint64(window[d+2]) {
			return false
		}
	}
	return true
}

func steps(v, size float64) uint32 { return uint32(max(0, math.Round(v/size))) }

func unsigned(b [4]int) [4]uint32 {
	return [4]uint32{uint32(b[0]), uint32(b[1]), uint32(b[2]), uint32(b[3])}
}

func signed(b [4]uint32) [4]int { return [4]int{int(b[0]), int(b[1]), int(b[2]), int(b[3])} }
