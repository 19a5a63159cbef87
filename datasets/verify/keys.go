package verify

import (
	"cmp"
	"slices"
	"strings"
)

// keyList holds the keys of a shard at some bytes more than they have: a large
// dataset's are all held until its shards have been read.
type keyList struct {
	text []byte
	ends []uint32 // in text, of each key
}

func (l *keyList) add(key string) {
	l.text = append(l.text, key...)
	l.ends = append(l.ends, uint32(len(l.text)))
}

// entry is one key and the shard that holds it.
type entry struct {
	key   string
	shard *shard
}

// gather takes the keys of a group's shards, sorted. whole tells that they are
// all there is: there are such shards, and each was read to its end.
func (c *checker) gather(group string) (list []entry, whole bool) {
	n := 0
	for _, s := range c.shards {
		if s.group == group {
			n += len(s.keys.ends)
		}
	}
	list, whole = make([]entry, 0, n), true
	found := false
	for _, s := range c.shards {
		if s.group != group {
			continue
		}
		found, whole = true, whole && s.complete
		text, from := string(s.keys.text), uint32(0)
		for _, end := range s.keys.ends {
			list = append(list, entry{text[from:end], s})
			from = end
		}
		s.keys = keyList{}
	}
	slices.SortFunc(list, func(a, b entry) int {
		return cmp.Or(strings.Compare(a.key, b.key), strings.Compare(a.shard.Path, b.shard.Path))
	})
	return list, found && whole
}

// duplicates looks for a key in two shards. Two of one shard were met when it
// was read.
func (c *checker) duplicates(list []entry) {
	for i := 1; i < len(list); i++ {
		if a, b := list[i-1], list[i]; a.key == b.key && a.shard != b.shard {
			c.problem(Duplicate, b.shard.Path, b.key, "the key is in %s too", a.shard.Path)
		}
	}
}

// keys looks for keys that are in two shards of one split and format, and for
// formats that do not hold the same keys.
func (c *checker) keys() {
	for _, split := range c.m.SplitNames() {
		var first []entry
		firstFormat := ""
		for _, format := range c.m.Formats() {
			list, whole := c.gather(groupOf(split, format))
			c.duplicates(list)
			if !whole {
				continue
			}
			if firstFormat == "" {
				first, firstFormat = list, format
				continue
			}
			if e, ok := difference(first, list); !ok {
				missing := firstFormat
				if e.shard.Format == firstFormat {
					missing = format
				}
				c.problem(Record, e.shard.Path, e.key, "split %s: the %s shards do not hold the key", split, missing)
			}
		}
	}
}

// difference returns the first entry whose key is in only one of two sorted
// lists. Keys that come twice count once.
func difference(a, b []entry) (entry, bool) {
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		switch strings.Compare(a[i].key, b[j].key) {
		case -1:
			return a[i], false
		case 1:
			return b[j], false
		}
		i, j = past(a, i), past(b, j)
	}
	if i < len(a) {
		return a[i], false
	}
	if j < len(b) {
		return b[j], false
	}
	return entry{}, true
}

// past is the position of the next other key.
func past(list []entry, i int) int {
	key := list[i].key
	for i < len(list) && list[i].key == key {
		i++
	}
	return i
}
