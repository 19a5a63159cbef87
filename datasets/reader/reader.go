package reader

import (
	"context"
	"io"
	"runtime"

	"github.com/tailorbird/tailorbird/datasets/built"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/augment"
	"github.com/tailorbird/tailorbird/kernels/picture"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

// Options say what a reader delivers. Batch is needed; the zero value of the rest
// reads every sample once, in the order of the keys, as float32.
type Options struct {
	Seed    uint64
	Batch   int  // samples a batch
	Shuffle bool // else the order of the keys
	// Rank of World readers takes its share of the one order; World 0 is 1.
	Rank, World int
	// DropLast leaves out the end of an epoch that is no whole batch for every rank.
	DropLast bool
	// Draw lists the samples of an epoch by ID, in rising order, for instance by
	// repeat factors; nil: each once. It must depend on the epoch alone.
	Draw func(epoch int64) []int32
	// Augment is a recipe of kernels/augment. Pictures that come out of it in
	// different sizes are left out, unless they have the size of the first.
	Augment string
	Views   int  // 2 for Batch.Second; 0 is 1
	Pixels  bool // 8-bit Batch.Pixels in place of floats
	// Alloc makes the buffers of Images and Second; nil: make.
	Alloc func(floats int) []float32

	Format    string // webdataset, tfrecord or parquet; empty: the first of these that is there
	IndexFile string // address of the index: read, or made and written where there is none
	Prefetch  int    // batches ahead of the one that is used; 0 is 2
	Workers   int    // goroutines that decode; 0: all cores
	Requests  int    // reads at a time; 0 is 8
	// MemoryBytes bounds buffers: batches, records, pictures at work; 0: no bound on
	// a single record, else as much as the other options ask for. The index and
	// what the format's own reader takes are not in it.
	MemoryBytes int64
}

// Reader delivers the batches of a split. It is for one goroutine.
type Reader struct {
	opt    Options
	set    *built.Dataset
	index  *index
	lost   []error
	recipe *augment.Recipe
	w, h   int
	plan   memoryPlan

	at     State // behind the last batch
	steps  int64 // batches since Epoch or Restore
	counts Counts
	bad    map[int64]Skip // what has failed once is not tried again
	pipe   *pipeline
	left   stock // of the pipeline before
	free   batchStore
}

// Open opens a split of the dataset at dir. The pictures' size is that of the
// recipe, or of the first sample that can be decoded. Options that make no sense
// are fault.Usage; a split that the dataset does not have, too.
func Open(ctx context.Context, dir, split string, o Options) (*Reader, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	recipe, err := augment.Parse(o.Augment)
	if err != nil {
		return nil, err
	}
	set, err := built.OpenFormat(ctx, dir, o.Format)
	if err != nil {
		return nil, err
	}
	if _, ok := set.Manifest.Splits[split]; !ok {
		return nil, fault.At(fault.New(fault.Usage, "there is no split %q, only %q", split, set.Manifest.SplitNames()), fault.Place{Path: dir})
	}
	r := &Reader{opt: o, set: set, recipe: recipe, bad: map[int64]Skip{}, counts: Counts{Skipped: map[fault.Code]int64{}}}
	if err := r.openIndex(ctx, split); err != nil {
		return nil, err
	}
	if r.index.samples() == 0 {
		return nil, fault.At(fault.New(fault.NotFound, "split %s has no sample", split), fault.Place{Path: dir})
	}
	if err := r.size(ctx); err != nil {
		return nil, err
	}
	if r.plan, err = planMemory(&r.opt, r.w, r.h); err != nil {
		return nil, err
	}
	r.free.limit = r.opt.Prefetch + 1
	return r, r.Epoch(0)
}

func (o *Options) complete() error {
	if o.World == 0 {
		o.World = 1
	}
	if o.Views == 0 {
		o.Views = 1
	}
	switch {
	case o.Batch < 1:
		return fault.New(fault.Usage, "reader: Batch is %d; want 1 or more", o.Batch)
	case o.World < 1 || o.Rank < 0 || o.Rank >= o.World:
		return fault.New(fault.Usage, "reader: rank %d of %d", o.Rank, o.World)
	case o.Views < 1 || o.Views > 2:
		return fault.New(fault.Usage, "reader: %d views; want 1 or 2", o.Views)
	case o.Prefetch < 0 || o.Workers < 0 || o.Requests < 0 || o.MemoryBytes < 0:
		return fault.New(fault.Usage, "reader: Prefetch %d, Workers %d, Requests %d, MemoryBytes %d; want none below 0", o.Prefetch, o.Workers, o.Requests, o.MemoryBytes)
	}
	if o.Prefetch == 0 {
		o.Prefetch = 2
	}
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Requests == 0 {
		o.Requests = 8
	}
	if o.Alloc == nil {
		o.Alloc = func(n int) []float32 { return make([]float32, n) }
	}
	return nil
}

// openIndex loads the index, or makes it and keeps it where it is to be kept.
func (r *Reader) openIndex(ctx context.Context, split string) error {
	head := headerOf(r.set, split)
	if r.opt.IndexFile != "" {
		x, err := loadIndex(ctx, r.opt.IndexFile, head)
		if err == nil {
			r.index = x
			return x.held(r.set.Shards(split))
		}
		if fault.CodeOf(err) != fault.NotFound {
			return err
		}
	}
	var err error
	if r.index, r.lost, err = buildIndex(ctx, r.set, split, r.opt.Workers); err != nil {
		return err
	}
	// An index of broken shards is not kept: they may be mended.
	if r.opt.IndexFile == "" || len(r.lost) > 0 {
		return nil
	}
	return r.index.save(ctx, r.opt.IndexFile, head)
}

// sizeTries is how many samples are decoded to learn the size of pictures.
const sizeTries = 64

// size learns the size of the pictures that the recipe makes.
func (r *Reader) size(ctx context.Context) error {
	var ok bool
	if r.w, r.h, ok = r.recipe.Fixed(); ok {
		return nil
	}
	pool := r.set.NewPool()
	defer pool.Close()
	dec := picture.NewDecoder(picture.Limits{})
	defer dec.Close()
	var rgb raster.RGB
	var last error
	for id := range min(r.index.samples(), sizeTries) {
		shard, e := r.index.entry(id)
		ex, err := pool.Get(ctx, built.Place{Shard: r.index.shards[shard].path, Key: e.Key, Offset: e.Offset, Bytes: e.Bytes})
		if err == nil {
			err = dec.RGB(&rgb, ex.Image)
		}
		if err == nil {
			r.w, r.h = r.recipe.Size(rgb.Width, rgb.Height)
			return nil
		}
		if last = err; !fault.CodeOf(err).IsData() {
			return err
		}
	}
	return fault.New(fault.Corrupt, "reader: none of the first samples can be decoded, so their size is unknown: %w", last)
}

// Len is how many samples the split has.
func (r *Reader) Len() int64 { return r.index.samples() }

// Key is the key of a sample.
func (r *Reader) Key(id int64) string { return r.index.key(id) }

// Size is the width and the height of the pictures delivered.
func (r *Reader) Size() (w, h int) { return r.w, r.h }

// Lost says which shards could not be read to their end; the samples behind are
// not among those counted.
func (r *Reader) Lost() []error { return r.lost }

// Counts are the samples delivered and left out so far.
func (r *Reader) Counts() Counts { return r.counts }

// Steps is how many batches this reader has in the present epoch, counted from
// where it began to read it, as long as no sample is left out.
func (r *Reader) Steps() int64 {
	s := r.pipe.from
	open := r.pipe.end
	mine := (open-int64(s.Rank)+int64(s.World)-1)/int64(s.World) - s.Taken
	if mine <= 0 {
		return 0
	}
	if r.opt.DropLast {
		return mine / int64(r.opt.Batch)
	}
	return (mine + int64(r.opt.Batch) - 1) / int64(r.opt.Batch)
}

// Epoch begins an epoch, from 0; what was read ahead of another is dropped.
func (r *Reader) Epoch(epoch int64) error {
	if epoch < 0 {
		return fault.New(fault.Usage, "reader: epoch %d", epoch)
	}
	return r.start(State{Keys: r.index.digest, Seed: r.opt.Seed, Epoch: epoch, World: r.opt.World, Rank: r.opt.Rank})
}

// start makes a pipeline from s on. It begins to work with the first Next.
func (r *Reader) start(s State) error {
	ord, err := newOrder(&r.opt, r.index.samples(), s.Epoch)
	if err != nil {
		return err
	}
	if s.Base > ord.places {
		return fault.New(fault.Usage, "reader: the state is at place %d of %d", s.Base, ord.places)
	}
	r.stop()
	r.at, r.steps = s, 0
	r.pipe, r.left = newPipeline(r, ord, s, r.left), stock{}
	return nil
}

func (r *Reader) stop() {
	if r.pipe != nil {
		r.left = r.pipe.stop()
		r.pipe = nil
	}
}

// Close ends what is under way. Batches not yet released stay valid.
func (r *Reader) Close() error {
	r.stop()
	for _, w := range r.left.workers {
		w.close()
	}
	r.left = stock{}
	return nil
}

// Next returns the next batch, or io.EOF when the epoch is over. Another error is
// the machinery's; where every sample was left out it is
// fault.Exhausted.
func (r *Reader) Next(ctx context.Context) (*Batch, error) {
	if r.pipe == nil {
		return nil, fault.New(fault.Usage, "reader: it is closed")
	}
	b, err := r.pipe.next(ctx)
	if b == nil && err == nil {
		r.account(r.pipe.tail, r.pipe.own)
		if err := r.pipe.nothing(); err != nil {
			return nil, err
		}
		return nil, io.EOF
	}
	if err != nil {
		return nil, err
	}
	b.Step = r.steps
	r.steps++
	r.at.Delivered += int64(len(b.Keys))
	r.counts.Delivered += int64(len(b.Keys))
	r.account(b.Skipped, b.taken)
	return b, nil
}

// account moves the state to a place and counts what was left out before it.
func (r *Reader) account(skipped []Skip, taken int64) {
	if taken == r.at.Taken {
		return
	}
	r.at.Taken = taken
	r.at.Skipped += int64(len(skipped))
	for _, s := range skipped {
		r.counts.Skipped[s.Reason]++
	}
}
