package reader

import (
	"bytes"
	"fmt"

	"github.com/tailorbird/tailorbird/datasets/built"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/augment"
	"github.com/tailorbird/tailorbird/kernels/picture"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

// worker is what one goroutine decodes with.
type worker struct {
	dec *picture.Decoder
	aug *augment.Augmenter
	rgb raster.RGB
}

func (r *Reader) newWorker() *worker {
	return &worker{dec: picture.NewDecoder(picture.Limits{MaxPixels: r.plan.maxPixels}), aug: r.recipe.New()}
}

func (w *worker) close() { w.dec.Close() }

// takeWorker returns one that an earlier pass left, or a new one. The lock is held.
func (p *pipeline) takeWorker() *worker {
	if n := len(p.workers); n > 0 {
		w := p.workers[n-1]
		p.workers = p.workers[:n-1]
		return w
	}
	return p.r.newWorker()
}

// serve makes pictures, and floats of those that have a row, which come first:
// batches wait for them.
func (p *pipeline) serve() {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.takeWorker()
	defer func() { p.workers = append(p.workers, w) }()
	for !p.stopped {
		switch {
		case len(p.fills) > 0:
			f := p.fills[len(p.fills)-1]
			p.fills = p.fills[:len(p.fills)-1]
			p.mu.Unlock()
			p.fill(f)
			p.mu.Lock()
			p.filled(f)
		case len(p.todo) > 0:
			s := p.todo[0]
			p.todo = append(p.todo[:0], p.todo[1:]...)
			p.mu.Unlock()
			err, sound := p.make(w, s)
			if !sound {
				w.close() // a panic may have left it in any state
				w = p.r.newWorker()
			}
			p.mu.Lock()
			p.made(s, err)
		default:
			p.work.Wait()
		}
	}
}

// made takes a picture back. The lock is held.
func (p *pipeline) made(s *sample, err error) {
	if err == nil || fault.CodeOf(err).IsData() {
		p.settle(s, err)
		return
	}
	if p.err == nil {
		p.err = fault.At(err, p.placeOf(s))
	}
	p.notify()
}

// filled says that a row is there. The lock is held.
func (p *pipeline) filled(f fill) {
	p.spare = append(p.spare, f.s)
	if f.b.left--; f.b.left == 0 && f.b.sealed {
		p.notify()
	}
	p.room.Signal()
}

// make makes the views of a sample; not sound after a panic.
func (p *pipeline) make(w *worker, s *sample) (err error, sound bool) {
	defer func() {
		if v := recover(); v != nil {
			err, sound = fault.New(fault.Bug, "panic: %v", v), false
		}
	}()
	if s.image == nil {
		if err := p.record(s); err != nil {
			return err, true
		}
	}
	if err := w.dec.RGB(&w.rgb, s.image); err != nil {
		return err, true
	}
	for v := range p.r.opt.Views {
		m := &s.pix[v]
		seed := augment.Seed{Run: p.r.opt.Seed, Epoch: p.from.Epoch, Key: s.key, Copy: s.copy, View: v}
		if err := w.aug.Apply(m, &w.rgb, seed); err != nil {
			return err, true
		}
		if m.Width != p.r.w || m.Height != p.r.h {
			return fault.New(fault.Unsupported, "a picture of %d x %d where batches have %d x %d: let the recipe make one size", m.Width, m.Height, p.r.w, p.r.h), true
		}
	}
	return nil, true
}

// record finds picture and label in the bytes of a record.
func (p *pipeline) record(s *sample) (err error) {
	if p.r.set.Format() == "webdataset" {
		s.image, s.label, err = parseTar(s.data, s.key)
		return fault.At(err, fault.Place{Offset: s.offset, HasOffset: true})
	}
	ex, err := p.r.set.Parse(bytes.NewReader(s.data), int64(len(s.data)), built.Place{Key: s.key, Bytes: s.bytes})
	if err != nil {
		return fault.At(fmt.Errorf("record at byte %d of the shard: %w", s.offset, err), fault.Place{Offset: s.offset, HasOffset: true})
	}
	s.image = ex.Image
	if ex.Label != nil {
		s.label = int64(*ex.Label)
	}
	return nil
}

// fill writes the views of a sample to its row.
func (p *pipeline) fill(f fill) {
	n := 3 * p.r.w * p.r.h
	for v := range p.r.opt.Views {
		if p.r.opt.Pixels {
			copy(f.b.pixels[v][f.row*n:][:n], f.s.pix[v].Pix)
		} else {
			p.r.recipe.Normalize().CHW(f.b.floats[v][f.row*n:][:n], &f.s.pix[v])
		}
	}
}
