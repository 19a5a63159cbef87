package copypaste

import (
	"container/list"
	"sync"
)

// place names a cut-out by where it is stored.
type place struct {
	part   int
	offset int64
}

// cache keeps the cut-outs that were used last, to a number of bytes.
type cache struct {
	limit int64

	mu    sync.Mutex
	bytes int64
	order list.List // of *cached, the last used first
	items map[place]*list.Element
}

type cached struct {
	at    place
	value *Cutout
}

// size is what a cut-out takes of the limit.
func size(c *Cutout) int64 { return int64(len(c.Image.Pix)+len(c.Mask.Pix)) + 512 }

func (c *cache) get(at place) *Cutout {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.items[at]
	if e == nil {
		return nil
	}
	c.order.MoveToFront(e)
	return e.Value.(*cached).value
}

// put keeps value unless it is larger than the whole cache. Two readers that
// missed at once put the same cut-out twice; the first stays.
func (c *cache) put(at place, value *Cutout) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.items[at] != nil || size(value) > c.limit {
		return
	}
	if c.items == nil {
		c.items = map[place]*list.Element{}
	}
	c.items[at] = c.order.PushFront(&cached{at, value})
	c.bytes += size(value)
	for c.bytes > c.limit {
		last := c.order.Back()
		old := c.order.Remove(last).(*cached)
		delete(c.items, old.at)
		c.bytes -= size(old.value)
	}
}
