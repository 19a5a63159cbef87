package training

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// InMemory are the images of a small dataset, all in memory: a Data for training
// and an Eval.
type InMemory struct {
	o      ImageSet
	hashes []uint64 // of the keys
	table  [3][256]float32
	epoch  int64
	order  []int
	next   int // place in order
}

// ImageSet describes an InMemory. The slices are kept and not changed.
type ImageSet struct {
	Height, Width int
	Pixels        []byte  // (N, Height, Width, 3), 8 bit
	Labels        []int64 // (N)
	Keys          []string
	ClassNames    []string

	// Mean and Deviation of each channel, in parts of 255; a zero Deviation means 1.
	Mean, Deviation [3]float32

	// What follows is for training.
	Shuffle bool   // another order in every epoch
	Pad     int    // move by up to so many pixels in a border of mean colour
	Flip    bool   // left to right, half of the time
	Seed    uint64 // of order and augmentation
}

// NewInMemory checks the images. A size or a label that does not fit is
// fault.Usage.
func NewInMemory(o ImageSet) (*InMemory, error) {
	n := len(o.Labels)
	if o.Height < 1 || o.Width < 1 || len(o.Pixels) != n*o.Height*o.Width*3 || len(o.Keys) != n || o.Pad < 0 {
		return nil, fault.New(fault.Usage, "training: %d bytes and %d keys for %d images of %dx%d", len(o.Pixels), len(o.Keys), n, o.Width, o.Height)
	}
	for i, l := range o.Labels {
		if l < 0 || l >= int64(len(o.ClassNames)) {
			return nil, fault.New(fault.Usage, "training: image %s has label %d, there are %d classes", o.Keys[i], l, len(o.ClassNames))
		}
	}
	d := &InMemory{o: o, hashes: make([]uint64, n), order: make([]int, n)}
	for i, k := range o.Keys {
		h := fnv.New64a()
		h.Write([]byte(k))
		d.hashes[i] = h.Sum64()
	}
	for c := range d.table {
		deviation := o.Deviation[c]
		if deviation == 0 {
			deviation = 1
		}
		for v := range d.table[c] {
			d.table[c][v] = (float32(v)/255 - o.Mean[c]) / deviation
		}
	}
	return d, d.Epoch(0)
}

// Samples implements Eval.
func (d *InMemory) Samples() int { return len(d.order) }

// Size implements Sized.
func (d *InMemory) Size() (height, width int) { return d.o.Height, d.o.Width }

// Classes implements Eval.
func (d *InMemory) Classes() []string { return d.o.ClassNames }

// Epoch implements Eval.
func (d *InMemory) Epoch(epoch int64) error {
	d.epoch, d.next = epoch, 0
	for i := range d.order {
		d.order[i] = i
	}
	if d.o.Shuffle {
		rng := nn.Rand(d.o.Seed, fmt.Sprint(epoch), "order of an epoch")
		rng.Shuffle(len(d.order), func(i, j int) { d.order[i], d.order[j] = d.order[j], d.order[i] })
	}
	return nil
}

// Next implements Eval.
func (d *InMemory) Next(ctx context.Context, dst *Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	n := min(dst.Want, len(d.order)-d.next)
	if n <= 0 {
		return io.EOF
	}
	dst.Reserve(n, d.o.Height, d.o.Width)
	labels, size := dst.Labels.Int64s(), 3*d.o.Height*d.o.Width
	for i, id := range d.order[d.next : d.next+n] {
		dst.Keys[i], dst.IDs[i], labels[i] = d.o.Keys[id], int64(id), d.o.Labels[id]
		d.draw(dst.Images.Float32s()[i*size:(i+1)*size], id, 0)
		if dst.Views == 2 {
			d.draw(dst.Second.Float32s()[i*size:(i+1)*size], id, 1)
		}
	}
	d.next += n
	return nil
}

// draw writes one view of an image, channel by channel. Its place and direction
// follow from seed, epoch, key and view.
func (d *InMemory) draw(dst []float32, id int, view uint64) {
	h, w := d.o.Height, d.o.Width
	dx, dy, flip := 0, 0, false
	if d.o.Pad > 0 || d.o.Flip {
		var pcg rand.PCG
		pcg.Seed(d.o.Seed+uint64(d.epoch)*0x9e3779b97f4a7c15+view, d.hashes[id])
		pcg.Uint64() // the first word is near the seeds
		span := uint64(2*d.o.Pad + 1)
		dx, dy = int(pcg.Uint64()%span)-d.o.Pad, int(pcg.Uint64()%span)-d.o.Pad
		flip = d.o.Flip && pcg.Uint64()>>63 == 1
	}
	pix := d.o.Pixels[id*3*h*w:][:3*h*w]
	clear(dst)
	for y := range h {
		sy := y + dy
		if sy < 0 || sy >= h {
			continue
		}
		for c := range 3 {
			row, table := dst[(c*h+y)*w:][:w], &d.table[c]
			from := pix[sy*w*3+c:]
			for x := max(0, -dx); x < min(w, w-dx); x++ {
				at := x
				if flip {
					at = w - 1 - x
				}
				row[at] = table[from[3*(x+dx)]]
			}
		}
	}
}

// place is where an InMemory stands.
type place struct {
	Epoch int64 `json:"epoch"`
	Next  int   `json:"next"`
}

// State implements Data.
func (d *InMemory) State() ([]byte, error) { return json.Marshal(place{d.epoch, d.next}) }

// Restore implements Data. A state that is not one of this source is
// fault.Corrupt.
func (d *InMemory) Restore(state []byte) error {
	var p place
	if err := json.Unmarshal(state, &p); err != nil {
		return fault.New(fault.Corrupt, "training: state of the data: %w", err)
	}
	if p.Epoch < 0 || p.Next < 0 || p.Next > len(d.order) {
		return fault.New(fault.Corrupt, "training: state of the data: sample %d of %d in epoch %d", p.Next, len(d.order), p.Epoch)
	}
	if err := d.Epoch(p.Epoch); err != nil {
		return err
	}
	d.next = p.Next
	return nil
}

// Close implements Eval.
func (d *InMemory) Close() error { return nil }

var _ Data = (*InMemory)(nil)
