package reader

import (
	"cmp"
	"slices"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// mergeGap is how many bytes between two records are read and dropped rather
// than asked for separately.
const mergeGap = 32 << 10

// group is some samples whose records are read together.
type group struct {
	samples []*sample
	sorted  []*sample
	reads   []read
	arena   []byte
	left    int // samples whose records are still needed
}

// read is one range of a shard, or some rows of one.
type read struct {
	shard   int
	offset  int64
	buf     []byte
	samples []*sample
}

// feed takes the places of this rank in order, a group at a time.
func (p *pipeline) feed() {
	defer close(p.reads)
	world := int64(p.r.opt.World)
	next := int64(p.r.opt.Rank) + p.from.Taken*world
	for next < p.end {
		g := p.takeGroup()
		if g == nil {
			return
		}
		next = p.choose(g, next, world)
		g.plan(p.pool == nil)
		p.enqueue(g)
		for i := range g.reads {
			select {
			case p.reads <- &g.reads[i]:
			case <-p.ctx.Done():
				return
			}
		}
	}
	p.mu.Lock()
	p.fed = true
	p.advance()
	p.mu.Unlock()
}

// takeGroup waits for room and returns a group with spare samples; nil at a stop.
func (p *pipeline) takeGroup() *group {
	n, most := p.r.plan.group, p.r.plan.samples(&p.r.opt)
	p.mu.Lock()
	defer p.mu.Unlock()
	for !p.stopped && (p.length+n > len(p.line) || p.busy > groupsAhead || len(p.spare)+most-p.stock.samples < n) {
		p.room.Wait()
	}
	if p.stopped {
		return nil
	}
	p.busy++
	g := &group{}
	if k := len(p.groups); k > 0 {
		g, p.groups = p.groups[k-1], p.groups[:k-1]
	}
	g.samples = g.samples[:0]
	for range n {
		var s *sample
		if k := len(p.spare); k > 0 {
			s, p.spare = p.spare[k-1], p.spare[:k-1]
		} else {
			s = &sample{}
			p.stock.samples++
		}
		g.samples = append(g.samples, s)
	}
	return g
}

// choose fills the samples of g with those at the open places next, next+world and
// so on, as long as their records are not too many bytes, and returns the place
// behind. Samples that are not needed stay at the end of g, without a group.
func (p *pipeline) choose(g *group, next, world int64) int64 {
	total := int64(0)
	for i, s := range g.samples {
		s.group, s.known, s.done = nil, nil, false
		if next >= p.end || total > p.r.plan.groupBytes {
			continue
		}
		id, times := p.ord.at(p.from.place(next))
		shard, e := p.r.index.entry(id)
		if i > 0 && total+e.Bytes > p.r.plan.groupBytes {
			total = p.r.plan.groupBytes + 1
			continue
		}
		s.id, s.copy, s.shard, s.key, s.offset, s.bytes = id, times, shard, e.Key, e.Offset, e.Bytes
		s.group, s.data, s.image, s.err, s.label = g, nil, nil, nil, -1
		total += e.Bytes
		next += world
	}
	p.recall(g)
	return next
}

// recall marks the samples of g that have failed before or are too large; they are
// not read.
func (p *pipeline) recall(g *group) {
	g.sorted = g.sorted[:0]
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range g.samples {
		if s.group == nil {
			continue
		}
		if skip, ok := p.r.bad[s.id]; ok {
			s.refuse(skip)
		} else if s.bytes > p.r.plan.maxRecord {
			err := fault.New(fault.TooLarge, "a record of %d bytes, MemoryBytes leaves room for %d", s.bytes, p.r.plan.maxRecord)
			s.refuse(Skip{s.id, s.key, p.placeOf(s).Path, fault.TooLarge, fault.At(err, p.placeOf(s))})
		} else {
			g.sorted = append(g.sorted, s)
		}
	}
	g.left = len(g.sorted)
}

// refuse says that s is left out, unread.
func (s *sample) refuse(skip Skip) {
	s.known, s.err, s.done, s.group = &skip, skip.Err, true, nil
}

// plan makes the reads of g: the samples by shard and offset, neighbours in one.
// Without byte ranges a read is the rows of one shard.
func (g *group) plan(ranges bool) {
	slices.SortFunc(g.sorted, func(a, b *sample) int {
		return cmp.Or(cmp.Compare(a.shard, b.shard), cmp.Compare(a.offset, b.offset))
	})
	g.reads = g.reads[:0]
	total := int64(0)
	for i := 0; i < len(g.sorted); {
		s := g.sorted[i]
		j, end := i+1, s.offset+s.bytes
		for ; j < len(g.sorted) && g.sorted[j].shard == s.shard; j++ {
			if t := g.sorted[j]; ranges {
				if t.offset > end+mergeGap {
					break
				}
				end = max(end, t.offset+t.bytes)
			}
		}
		rd := read{shard: s.shard, offset: s.offset, samples: g.sorted[i:j]}
		if ranges {
			total += end - s.offset
		}
		g.reads = append(g.reads, rd)
		i = j
	}
	if !ranges {
		return
	}
	if int64(cap(g.arena)) < total {
		g.arena = make([]byte, total+total/4)
	}
	rest := g.arena[:cap(g.arena)]
	for i := range g.reads {
		rd := &g.reads[i]
		n := int64(0)
		for _, s := range rd.samples {
			n = max(n, s.offset+s.bytes-rd.offset)
		}
		rd.buf, rest = rest[:n:n], rest[n:]
	}
}

// enqueue puts the samples of g into the line, and those that found no place back.
func (p *pipeline) enqueue(g *group) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range g.samples {
		if s.group == nil && s.known == nil {
			p.spare = append(p.spare, s)
			continue
		}
		p.line[(p.head+p.length)%len(p.line)] = s
		p.length++
	}
	if g.left == 0 {
		p.busy--
		p.groups = append(p.groups, g)
	}
	p.advance()
}

// release says that the record of s is not needed any more. The lock is held.
func (p *pipeline) release(s *sample) {
	g := s.group
	s.group, s.data, s.image = nil, nil, nil
	if g.left--; g.left == 0 {
		p.busy--
		p.groups = append(p.groups, g)
	}
}
