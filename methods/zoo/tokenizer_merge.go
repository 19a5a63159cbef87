package zoo

import "container/heap"

// encodeWord starts from a word's bytes, the last of which carries the end of the
// word, and merges the neighbours of the lowest rank, from the left, until no known
// pair is left. A merge only makes pairs of higher ranks, because a table joins
// what lines above made, so that a queue of pairs by rank and place does it in
// n log n steps for a word of n bytes.
func (k *Tokenizer) encodeWord(w string) []int32 {
	switch w { // open_clip's names for them, which its pattern knows
	case startName:
		return []int32{int32(k.Start())}
	case endName:
		return []int32{int32(k.End())}
	}
	c := chain{k: k, ids: make([]int32, len(w)), next: make([]int, len(w)), before: make([]int, len(w))}
	for i := range len(w) {
		c.ids[i], c.next[i], c.before[i] = byteID[w[i]], i+1, i-1
	}
	c.ids[len(w)-1] += 256
	for i := range len(w) - 1 {
		c.offer(i)
	}
	for len(c.queue) > 0 {
		c.take(heap.Pop(&c.queue).(candidate))
	}
	out := c.ids[:0]
	for i := 0; i < len(w); i = c.next[i] {
		out = append(out, c.ids[i])
	}
	return out
}

// chain is a word that is being merged: a linked list of tokens.
type chain struct {
	k            *Tokenizer
	ids          []int32 // -1 where a token was merged into the one before
	next, before []int
	queue        candidates
}

// candidate is a pair that may be merged if it is still there.
type candidate struct {
	merge
	pair
	at int // of its left token
}

// offer queues the pair whose left token is at i, if a merge is known for it.
func (c *chain) offer(i int) {
	if i < 0 || c.next[i] >= len(c.ids) {
		return
	}
	p := pair{c.ids[i], c.ids[c.next[i]]}
	if m, ok := c.k.merges[p]; ok {
		heap.Push(&c.queue, candidate{m, p, i})
	}
}

// take merges a pair unless one of its tokens has changed since it was queued.
func (c *chain) take(p candidate) {
	i, n := p.at, c.next[p.at]
	if c.ids[i] != p.left || n >= len(c.ids) || c.ids[n] != p.right {
		return
	}
	c.ids[i], c.ids[n] = p.id, -1
	c.next[i] = c.next[n]
	if c.next[i] < len(c.ids) {
		c.before[c.next[i]] = i
	}
	c.offer(c.before[i])
	c.offer(i)
}

// candidates is a heap by rank, then by place.
type candidates []candidate

func (q candidates) Len() int { return len(q) }
func (q candidates) Less(i, j int) bool {
	return q[i].rank < q[j].rank || q[i].rank == q[j].rank && q[i].at < q[j].at
}
func (q candidates) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *candidates) Push(x any)   { *q = append(*q, x.(candidate)) }
func (q *candidates) Pop() any {
	old := *q
	x := old[len(old)-1]
	*q = old[:len(old)-1]
	return x
}
