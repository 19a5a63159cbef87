package sew

import (
	"bytes"
	"context"
	"errors"
	"image"
	"slices"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/built"
	"github.com/tailorbird/tailorbird/datasets/formats"
	"github.com/tailorbird/tailorbird/datasets/formats/webdataset"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/recipe"
	"github.com/tailorbird/tailorbird/kernels/jpeg"
	"github.com/tailorbird/tailorbird/kernels/picture"
	"github.com/tailorbird/tailorbird/kernels/raster"
	"github.com/tailorbird/tailorbird/kernels/resize"
	"github.com/tailorbird/tailorbird/methods/addsd"
	"github.com/tailorbird/tailorbird/methods/addsd/copypaste"
	"github.com/tailorbird/tailorbird/methods/addsd/filter"
	"github.com/tailorbird/tailorbird/methods/addsd/localise"
	"github.com/tailorbird/tailorbird/methods/addsd/served"
)

// Maker makes pictures. One serves all bundles of a process: it holds what is
// opened once, the generator, and bounds what is at work.
type Maker struct {
	job       *Job
	dataset   *built.Dataset
	pool      *built.Pool
	classes   map[int64]datasets.Class
	generator addsd.Generator
	limits    filter.Limits
	close     func() error
	chunk     int // requests that are asked for at once
	slots     int // chunks at work
	benches   chan *bench
	memory    *semaphore.Weighted
	budget    int64
	users     int
}

var (
	makersMu sync.Mutex
	makers   = map[string]*Maker{}
)

// borrowMaker returns the process's Maker of a job; giveBack ends its use.
func borrowMaker(ctx context.Context, job *Job) (*Maker, error) {
	makersMu.Lock()
	defer makersMu.Unlock()
	key := job.Shards.RunID + "\n" + job.Shards.Out
	m := makers[key]
	if m == nil {
		var err error
		if m, err = NewMaker(ctx, job); err != nil {
			return nil, err
		}
		makers[key] = m
	}
	m.users++
	return m, nil
}

func (m *Maker) giveBack() error {
	makersMu.Lock()
	defer makersMu.Unlock()
	if m.users--; m.users > 0 {
		return nil
	}
	delete(makers, m.job.Shards.RunID+"\n"+m.job.Shards.Out)
	return m.Close()
}

// NewMaker opens the source and the generator of a job whose plan is published.
func NewMaker(ctx context.Context, job *Job) (*Maker, error) {
	d, list, err := job.source(ctx)
	if err != nil {
		return nil, err
	}
	if got := jpeg.Codec(); got != job.Shards.Codec {
		return nil, fault.New("", "this worker's codec is %s, the run's is %s: a run never mixes codecs", got, job.Shards.Codec)
	}
	m := &Maker{job: job, dataset: d, pool: d.NewPool(), classes: map[int64]datasets.Class{}, limits: limitsOf(&job.Recipe.Filter), budget: job.Shards.PixelBytes()}
	for _, c := range d.Manifest.Classes {
		m.classes[c.ID] = c
	}
	if err := m.openGenerator(ctx, len(list)); err != nil {
		return nil, err
	}
	cores := job.Shards.Cores()
	m.chunk, m.slots = max(1, m.generator.Batch()), cores
	if !job.copies() {
		m.slots = max(cores, int(job.Recipe.Generator.Concurrency))
	}
	m.memory = semaphore.NewWeighted(m.budget)
	m.benches = make(chan *bench, cores)
	for range cores {
		m.benches <- newBench(int(job.Recipe.Quality))
	}
	return m, nil
}

// Close ends the generator and frees codec handles.
func (m *Maker) Close() error {
	for range cap(m.benches) {
		(<-m.benches).close()
	}
	return errors.Join(m.pool.Close(), m.generator.Close(), m.close())
}

func limitsOf(f *recipe.SewFilter) filter.Limits {
	l := filter.Defaults()
	l.MinArea, l.MaxArea, l.MaxChanged, l.MaxDrift, l.MaxOverlap, l.MinDistance = f.MinArea, f.MaxArea, f.MaxChanged, f.MaxDrift, f.MaxOverlap, int(f.MinDistance)
	return l
}

// openGenerator opens what the recipe names.
func (m *Maker) openGenerator(ctx context.Context, shards int) error {
	m.close = func() error { return nil }
	g := &m.job.Recipe.Generator
	if !m.job.copies() {
		s, err := OpenServed(ctx, g)
		m.generator = s
		return err
	}
	statistics := new(addsd.Statistics)
	if err := readJSON(ctx, m.job.extra(statisticsFile), statistics); err != nil {
		return err
	}
	bank, closeBank, err := openBank(ctx, m.job, shards)
	if err != nil {
		return err
	}
	m.close = closeBank
	m.generator = copypaste.New(bank, statistics, CopyPasteOptions(g))
	return nil
}

// CopyPasteOptions are those of a recipe.
func CopyPasteOptions(g *recipe.SewGenerator) copypaste.Options {
	return copypaste.Options{Blend: g.Blend, MaxHidden: g.MaxCover}
}

// OpenServed connects to the server that a recipe names.
func OpenServed(ctx context.Context, g *recipe.SewGenerator) (*served.Generator, error) {
	retries := int(g.Retries)
	if retries == 0 {
		retries = -1 // none, where 0 would be the client's own number
	}
	return served.Open(ctx, served.Options{URL: g.URL, Header: g.Header, Timeout: g.Timeout, Retries: retries, Concurrency: int(g.Concurrency),
		Geometry: g.Geometry, Steps: int(g.Steps), Guidance: g.Guidance, ImageGuidance: g.ImageGuidance})
}

// try asks for one attempt at each sample of a chunk and judges what comes.
func (m *Maker) try(ctx context.Context, chunk []*sampleWork, attempt int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	bases := make([]*datasets.Example, len(chunk))
	var need int64
	for i, w := range chunk {
		ex, err := m.pool.Get(ctx, w.sample.Bases[attempt])
		if err != nil {
			if !fault.CodeOf(err).IsData() {
				return err
			}
			w.reject(attempt, addsd.Reject(addsd.BadBase, "%v", err), nil)
			continue
		}
		bases[i] = ex
		need += pixelBuffers * 3 * int64(ex.Width) * int64(ex.Height)
	}
	need = min(need, m.budget)
	if err := m.memory.Acquire(ctx, need); err != nil {
		return err
	}
	defer m.memory.Release(need)
	reqs, at, err := m.requests(chunk, bases, attempt)
	if err != nil || len(reqs) == 0 {
		return err
	}
	made, err := m.generator.Generate(ctx, reqs)
	if err != nil {
		return err
	}
	if len(made) != len(reqs) {
		return fault.New(fault.Bug, "generator %s answered %d of %d requests", m.generator.Identity().Name, len(made), len(reqs))
	}
	for i := range made {
		if err := m.onBench(func(b *bench) error { return m.judge(b, chunk[at[i]], bases[at[i]], reqs[i], &made[i]) }); err != nil {
			return fault.At(err, fault.Place{Key: reqs[i].Key})
		}
	}
	return nil
}

// pixelBuffers is how many pictures of a base's size are held for one sample:
// the base, the made one, both after the codec, and the generator's own.
const pixelBuffers = 6

func (m *Maker) onBench(work func(*bench) error) error {
	b := <-m.benches
	defer func() { m.benches <- b }()
	return work(b)
}

// requests decodes the bases. at says which sample of the chunk a request is of.
func (m *Maker) requests(chunk []*sampleWork, bases []*datasets.Example, attempt int) (reqs []*addsd.Request, at []int, err error) {
	g := &m.job.Recipe.Generator
	for i, w := range chunk {
		ex := bases[i]
		if ex == nil {
			continue
		}
		scene := &addsd.Scene{Key: ex.Key, SHA256: sum(ex.Image), Image: new(raster.RGB), Objects: *ex.Annotations}
		err := m.onBench(func(b *bench) error { return b.dec.RGB(scene.Image, ex.Image) })
		if err == nil && (scene.Image.Width != ex.Width || scene.Image.Height != ex.Height) {
			err = fault.New(fault.InvalidAnnotation, "the picture has %d x %d pixels, its record says %d x %d", scene.Image.Width, scene.Image.Height, ex.Width, ex.Height)
		}
		if err != nil {
			if !fault.CodeOf(err).IsData() {
				return nil, nil, err
			}
			w.reject(attempt, addsd.Reject(addsd.BadBase, "%v", err), nil)
			continue
		}
		seed := addsd.Planned{Seed: w.sample.Seed}
		reqs = append(reqs, &addsd.Request{Key: w.sample.Key, Base: scene, Category: m.classes[w.sample.Category], Instruction: w.sample.Instruction,
			Seed: seed.AttemptSeed(attempt), Attempt: attempt, Steps: int(g.Steps), Guidance: g.Guidance, ImageGuidance: g.ImageGuidance})
		at = append(at, i)
	}
	return reqs, at, nil
}

// reject counts a try. thumb is a small picture of it, nil where there is none.
func (w *sampleWork) reject(attempt int, err error, thumb *thumbnail, verdicts ...datasets.Verdict) {
	r := addsd.RejectionOf(err)
	t := try{Base: w.sample.Bases[attempt].Key, Attempt: attempt, Reason: r.Reason, Message: r.Message, Verdicts: verdicts}
	if thumb != nil {
		t.Thumb, t.Width, t.Height = thumb.jpeg, thumb.w, thumb.h
	}
	w.record.Tries = append(w.record.Tries, t)
}

// bench is one core's tools.
type bench struct {
	dec     *picture.Decoder
	enc     *jpeg.Encoder
	loc     addsd.Localiser
	size    resize.Resizer
	region  filter.Region
	quality int
	file    []byte     // of the base, through the codec
	seen    raster.RGB // what a reader of the file will see
	base    raster.RGB // the base after the same codec
	frame   raster.RGB // the base in the frame of the picture
	small   raster.RGB
}

func newBench(quality int) *bench {
	return &bench{dec: picture.NewDecoder(picture.Limits{}), enc: jpeg.NewEncoder(), loc: localise.NewDifference(localise.Options{}), quality: quality}
}

func (b *bench) close() {
	b.dec.Close()
	b.enc.Close()
}

const subsampling = image.YCbCrSubsampleRatio420

// judge encodes a made picture, looks for the object in what a reader will see,
// and takes the picture or counts why not.
func (m *Maker) judge(b *bench, w *sampleWork, ex *datasets.Example, req *addsd.Request, made *addsd.Made) error {
	if made.Err != nil {
		if addsd.RejectionOf(made.Err) == nil {
			return made.Err
		}
		thumb, err := b.thumb(req.Base.Image, thumbSide)
		w.reject(req.Attempt, made.Err, thumb)
		return err
	}
	data, err := b.enc.RGB(nil, made.Image, b.quality, subsampling)
	if err != nil {
		return err
	}
	if err := b.dec.RGB(&b.seen, data); err != nil {
		return err
	}
	if err := b.baseAfterCodec(req, made); err != nil {
		return err
	}
	found, err := b.loc.Localise(&b.base, &b.seen, req)
	var verdicts []datasets.Verdict
	if err == nil {
		verdicts, err = m.limits.Check(found, made.Objects, made.Image.Width, made.Image.Height)
	}
	if err != nil {
		if addsd.RejectionOf(err) == nil {
			return err
		}
		thumb, terr := b.thumb(&b.seen, thumbSide)
		w.reject(req.Attempt, err, thumb, verdicts...)
		return terr
	}
	return m.take(b, w, ex, req, made, data, &found, verdicts)
}

// baseAfterCodec leaves in b.base what the base looks like in the frame of the
// made picture and after the same codec: what differs then is not the codec's.
func (b *bench) baseAfterCodec(req *addsd.Request, made *addsd.Made) error {
	src := req.Base.Image
	if !made.Frame.IsWhole(src.Width, src.Height) {
		f := made.Frame
		b.frame.Reset(f.Width, f.Height)
		b.size.RGB(&b.frame, src, resize.Options{Filter: resize.Lanczos3, Box: resize.Box{X0: f.X, Y0: f.Y, X1: f.X + f.W, Y1: f.Y + f.H}})
		src = &b.frame
	}
	var err error
	if b.file, err = b.enc.RGB(b.file[:0], src, b.quality, subsampling); err != nil {
		return err
	}
	return b.dec.RGB(&b.base, b.file)
}

type thumbnail struct {
	jpeg []byte
	w, h int
}

const (
	thumbSide    = 192 // of the longer side, pixels
	sheetSide    = 360 // likewise, of what the report shows large
	thumbQuality = 80
)

// thumb shrinks a picture so that its longer side is at most side.
func (b *bench) thumb(src *raster.RGB, side int) (*thumbnail, error) {
	w, h := fit(src.Width, src.Height, side)
	b.small.Reset(w, h)
	b.size.RGB(&b.small, src, resize.Options{})
	data, err := b.enc.RGB(nil, &b.small, thumbQuality, subsampling)
	return &thumbnail{data, w, h}, err
}

// fit shrinks w x h so that the longer side is at most side.
func fit(w, h, side int) (int, int) {
	long := max(w, h)
	if long <= side {
		return w, h
	}
	return max(1, (w*side+long/2)/long), max(1, (h*side+long/2)/long)
}

// packBatch writes the pictures that were taken as a tar, and notes where each
// lies.
func packBatch(split, dataset string, work []*sampleWork) ([]byte, error) {
	var tar bytes.Buffer
	out, err := webdataset.Format{}.NewWriter(&tar, formats.Header{Dataset: dataset, Task: datasets.Detection, Split: split, Shards: 1})
	if err != nil {
		return nil, err
	}
	taken := map[string]*accepted{}
	for _, w := range work {
		if w.example == nil {
			continue
		}
		if err := out.Write(w.example); err != nil {
			return nil, err
		}
		taken[w.record.Key] = w.record.Accepted
	}
	if err := out.Close(); err != nil {
		return nil, err
	}
	index, err := webdataset.NewReader(bytes.NewReader(tar.Bytes()), int64(tar.Len())).Index()
	for _, e := range index {
		taken[e.Key].Place = built.Place{Key: e.Key, Offset: e.Offset, Bytes: e.Bytes}
	}
	return tar.Bytes(), err
}

// categories lists the category of every object, in order.
func categories(objects []datasets.Annotation) []int64 {
	ids := make([]int64, len(objects))
	for i := range objects {
		ids[i] = objects[i].CategoryID
	}
	slices.Sort(ids)
	return ids
}
