package reader

import "github.com/tailorbird/tailorbird/internal/fault"

// Batch is some samples, ready for training. Row i of every field is sample i.
type Batch struct {
	Epoch  int64
	Step   int64 // of this reader in the epoch since Epoch or Restore, from 0
	Keys   []string
	IDs    []int64 // place of each key among the split's, the same in every epoch
	Labels []int64 // -1 where a sample has no class

	Height, Width int
	// Images is (B, 3, Height, Width), normalised; nil with Options.Pixels.
	Images []float32
	// Second is another view of the same samples; nil unless Options.Views is 2.
	Second []float32
	// Pixels is (B, Height, Width, 3), with Options.Pixels; SecondPixels as Second.
	Pixels, SecondPixels []byte

	// Skipped are the samples left out on the way to this batch.
	Skipped []Skip

	owner  *batchStore
	floats [2][]float32 // a view each, at full length
	pixels [2][]byte
	left   int   // rows that were given away and are not yet there
	sealed bool  // no more will be given away
	taken  int64 // State.Taken behind it
}

// Skip is one sample that was left out.
type Skip struct {
	ID     int64
	Key    string
	Shard  string
	Reason fault.Code
	Err    error
}

// Release gives the buffers back: the batch must not be used afterwards. A batch
// that is not released costs new buffers, and no harm else.
func (b *Batch) Release() {
	if s := b.owner; s != nil {
		b.owner = nil
		s.put(b)
	}
}

// Counts are the samples of all epochs of a reader.
type Counts struct {
	Delivered int64
	Skipped   map[fault.Code]int64
}
