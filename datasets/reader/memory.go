package reader

import (
	"math"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Bytes that are read as one group, unless memory asks for less, and what a
// pixel takes while it is decoded and augmented: the picture, a crop and its
// like, and the codec's own.
const (
	defaultGroupBytes = 8 << 20
	minGroupBytes     = 256 << 10
	pixelBytes        = 24
	groupsAhead       = 2
	minPixels         = 1 << 18
)

// memoryPlan is what a pipeline may hold.
type memoryPlan struct {
	group      int   // samples that are read together
	line       int   // samples between reading and batch
	groupBytes int64 // of records of a group
	maxRecord  int64 // a larger one is left out
	maxPixels  int64 // a larger picture is left out; 0: the decoder's own limit
}

func planMemory(o *Options, w, h int) (memoryPlan, error) {
	p := memoryPlan{group: min(max(o.Batch, 16), 64), groupBytes: defaultGroupBytes, maxRecord: math.MaxInt64}
	p.line = groupsAhead*p.group + 2*o.Workers
	if o.MemoryBytes == 0 {
		return p, nil
	}
	value := int64(4)
	if o.Pixels {
		value = 1
	}
	pixels := 3 * int64(w) * int64(h) * int64(o.Views)
	held := int64(o.Prefetch+1)*int64(o.Batch)*pixels*value + int64(p.samples(o))*pixels
	least := held + (groupsAhead+1)*minGroupBytes + int64(o.Workers)*minPixels*pixelBytes
	if o.MemoryBytes < least {
		return p, fault.New(fault.Usage, "reader: MemoryBytes is %d MB; %d batches of %d pictures of %d x %d and what makes them need %d MB",
			o.MemoryBytes>>20, o.Prefetch+1, o.Batch, w, h, least>>20+1)
	}
	rest := o.MemoryBytes - held - int64(o.Workers)*minPixels*pixelBytes
	p.groupBytes = min(defaultGroupBytes, rest/2/(groupsAhead+1))
	p.groupBytes = max(p.groupBytes, minGroupBytes)
	p.maxRecord = p.groupBytes
	p.maxPixels = minPixels + (rest-(groupsAhead+1)*p.groupBytes)/int64(o.Workers)/pixelBytes
	return p, nil
}

// samples is how many may be on their way at a time.
func (p *memoryPlan) samples(o *Options) int { return p.line + o.Workers }
