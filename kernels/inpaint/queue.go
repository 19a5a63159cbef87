package inpaint

import "math"

// queue is a heap of pixels by distance; of equal distances the first in comes
// out first.
type queue struct {
	items []entry
	count uint32
}

// entry is a pixel in the queue. The bits of a distance, which is never negative,
// order as the distance does; the count of entries below them breaks ties.
type entry struct {
	key uint64
	at  int
}

func (q *queue) reset() { q.items, q.count = q.items[:0], 0 }

func (q *queue) push(t float32, at int) {
	e := entry{uint64(math.Float32bits(t))<<32 | uint64(q.count), at}
	q.count++
	q.items = append(q.items, e)
	i := len(q.items) - 1
	for i > 0 {
		up := (i - 1) / 2
		if q.items[up].key <= e.key {
			break
		}
		q.items[i] = q.items[up]
		i = up
	}
	q.items[i] = e
}

func (q *queue) pop() (at int, ok bool) {
	n := len(q.items) - 1
	if n < 0 {
		return 0, false
	}
	at = q.items[0].at
	e := q.items[n]
	q.items = q.items[:n]
	i := 0
	for {
		c := 2*i + 1
		if c >= n {
			break
		}
		if c+1 < n && q.items[c+1].key < q.items[c].key {
			c++
		}
		if e.key <= q.items[c].key {
			break
		}
		q.items[i] = q.items[c]
		i = c
	}
	if n > 0 {
		q.items[i] = e
	}
	return at, true
}
