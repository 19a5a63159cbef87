package reader

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/tailorbird/tailorbird/datasets/built"
	"github.com/tailorbird/tailorbird/datasets/formats"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/manifest"
)

// index says where each sample of a split lies. It holds no string a key: 1.28
// million samples of ImageNet take some 50 MB.
type index struct {
	shards []shardIndex
	starts []uint32 // of each shard's first sample; one more at the end
	byKey  []uint32 // the samples in the order of their keys
	digest string   // of the keys in that order, 16 hex digits
}

// shardIndex is a shard's samples in its order.
type shardIndex struct {
	path    string
	keys    string   // one after the other
	ends    []uint32 // where each key ends
	offsets []int64
	bytes   []uint32 // 0 where unknown
}

func (s *shardIndex) key(i int) string {
	if i == 0 {
		return s.keys[:s.ends[0]]
	}
	return s.keys[s.ends[i-1]:s.ends[i]]
}

// samples is how many there are.
func (x *index) samples() int64 { return int64(len(x.byKey)) }

// find returns the shard of a sample and its number there.
func (x *index) find(id int64) (shard, i int) {
	raw := x.byKey[id]
	shard = sort.Search(len(x.shards), func(s int) bool { return x.starts[s+1] > raw })
	return shard, int(raw - x.starts[shard])
}

func (x *index) key(id int64) string {
	shard, i := x.find(id)
	return x.shards[shard].key(i)
}

// entry is where a sample lies, as its format knows it.
func (x *index) entry(id int64) (shard int, e formats.Entry) {
	shard, i := x.find(id)
	s := &x.shards[shard]
	return shard, formats.Entry{Key: s.key(i), Offset: s.offsets[i], Bytes: int64(s.bytes[i])}
}

// buildIndex reads the headers of every shard, some at a time. What is wrong with
// a shard costs the samples behind it and is returned beside the index.
func buildIndex(ctx context.Context, d *built.Dataset, split string, workers int) (*index, []error, error) {
	list := d.Shards(split)
	x := &index{shards: make([]shardIndex, len(list))}
	errs := make([]error, len(list))
	var wg sync.WaitGroup
	slots := make(chan struct{}, workers)
	for i, shard := range list {
		slots <- struct{}{}
		wg.Go(func() {
			errs[i] = x.shards[i].read(ctx, d, shard)
			<-slots
		})
	}
	wg.Wait()
	var lost []error
	for _, err := range errs {
		if err != nil && !fault.CodeOf(err).IsData() {
			return nil, nil, err
		} else if err != nil {
			lost = append(lost, err)
		}
	}
	return x, lost, x.finish()
}

func (s *shardIndex) read(ctx context.Context, d *built.Dataset, shard manifest.Shard) error {
	s.path = shard.Path
	if err := ctx.Err(); err != nil {
		return err
	}
	places, err := d.Index(ctx, shard)
	s.take(places)
	if err == nil && len(places) != shard.Examples {
		err = fault.At(fault.New(fault.Corrupt, "%d samples, the manifest counts %d", len(places), shard.Examples), fault.Place{Path: shard.Path})
	}
	return err
}

func (s *shardIndex) take(places []built.Place) {
	n := 0
	for _, p := range places {
		n += len(p.Key)
	}
	var keys strings.Builder
	keys.Grow(n)
	s.ends, s.offsets, s.bytes = make([]uint32, len(places)), make([]int64, len(places)), make([]uint32, len(places))
	for i, p := range places {
		keys.WriteString(p.Key)
		// A record of 4 GB and more is no picture: 0 is "unknown" to who reads it.
		s.ends[i], s.offsets[i], s.bytes[i] = uint32(keys.Len()), p.Offset, uint32(min(p.Bytes, 1<<32-1))
	}
	s.keys = keys.String()
}

// finish numbers the samples by their keys.
func (x *index) finish() error {
	if err := x.number(); err != nil {
		return err
	}
	shardOf := make([]uint32, len(x.byKey))
	for s := range x.shards {
		for i := x.starts[s]; i < x.starts[s+1]; i++ {
			shardOf[i], x.byKey[i] = uint32(s), i
		}
	}
	key := func(raw uint32) string {
		s := shardOf[raw]
		return x.shards[s].key(int(raw - x.starts[s]))
	}
	slices.SortFunc(x.byKey, func(a, b uint32) int {
		if c := cmp.Compare(key(a), key(b)); c != 0 {
			return c
		}
		return cmp.Compare(a, b)
	})
	h := sha256.New()
	var line []byte
	for _, raw := range x.byKey {
		line = append(append(line[:0], key(raw)...), '\n')
		h.Write(line)
	}
	x.digest = hex.EncodeToString(h.Sum(nil))[:16]
	return nil
}

// number sets starts and makes room for byKey.
func (x *index) number() error {
	total := int64(0)
	x.starts = make([]uint32, len(x.shards)+1)
	for i := range x.shards {
		if total += int64(len(x.shards[i].ends)); total > maxSamples {
			return fault.New(fault.TooLarge, "reader: more than %d samples", int64(maxSamples))
		}
		x.starts[i+1] = uint32(total)
	}
	x.byKey = make([]uint32, total)
	return nil
}

// maxSamples bounds a split: sample numbers have 31 bits.
const maxSamples = 1<<31 - 1

// held proves that the index is of these shards.
func (x *index) held(list []manifest.Shard) error {
	same := len(list) == len(x.shards)
	for i := 0; same && i < len(list); i++ {
		same = list[i].Path == x.shards[i].path && list[i].Examples == len(x.shards[i].ends)
	}
	if !same {
		return fault.New(fault.Corrupt, "index file: its shards are not those of the manifest")
	}
	return nil
}
