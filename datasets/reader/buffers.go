package reader

import "sync"

// stock is what outlives a pass through an epoch.
type stock struct {
	spare   []*sample
	samples int // made so far
	groups  []*group
	workers []*worker
}

// batchStore keeps the buffers of batches that were released.
type batchStore struct {
	mu    sync.Mutex
	free  []*Batch
	limit int
}

func (s *batchStore) put(b *Batch) {
	s.mu.Lock()
	if len(s.free) < s.limit {
		s.free = append(s.free, b)
	}
	s.mu.Unlock()
}

func (s *batchStore) get() *Batch {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.free)
	if n == 0 {
		return nil
	}
	b := s.free[n-1]
	s.free = s.free[:n-1]
	return b
}

// batch returns a batch without rows.
func (r *Reader) batch(epoch int64) *Batch {
	b := r.free.get()
	if b == nil {
		b = r.newBatch()
	}
	b.owner, b.Epoch, b.sealed, b.left = &r.free, epoch, false, 0
	b.Keys, b.IDs, b.Labels, b.Skipped = b.Keys[:0], b.IDs[:0], b.Labels[:0], b.Skipped[:0]
	return b
}

func (r *Reader) newBatch() *Batch {
	o := &r.opt
	b := &Batch{Width: r.w, Height: r.h}
	b.Keys, b.IDs, b.Labels = make([]string, 0, o.Batch), make([]int64, 0, o.Batch), make([]int64, 0, o.Batch)
	for v := range o.Views {
		if n := o.Batch * 3 * r.w * r.h; o.Pixels {
			b.pixels[v] = make([]byte, n)
		} else {
			b.floats[v] = o.Alloc(n)
		}
	}
	return b
}

// cut gives the public slices the length of the rows that are there.
func (b *Batch) cut() {
	n := len(b.Keys) * 3 * b.Width * b.Height
	b.Images, b.Second = first(b.floats[0], n), first(b.floats[1], n)
	b.Pixels, b.SecondPixels = first(b.pixels[0], n), first(b.pixels[1], n)
}

func first[T any](v []T, n int) []T {
	if v == nil {
		return nil
	}
	return v[:n:n]
}
