package shards

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/progress"
	"github.com/tailorbird/tailorbird/transforms/chain"
)

// The stages of one example, as timed.
const (
	stageRead = iota
	stageHash
	stageAnnotations
	stageDecode
	stageTransform
	stageEncode
	stageRemove
	stageWrite
	stages
)

var stageNames = [stages]string{"read", "hash", "annotations", "decode", "transform", "encode", "remove", "write"}

// result is one item's way through the pool.
type result struct {
	index     int
	task      *task
	item      *Item
	example   *datasets.Example
	rejection *datasets.Rejection
	err       error  // of the machinery
	buf       []byte // holds the encoded image
	nanos     [stages]int64
}

// pool makes one bundle's examples on the process's engine. At most window items
// are between submit and release.
type pool struct {
	job     *Job
	source  datasets.Source
	records datasets.Records // of a source of whole records, else nil
	meta    *datasets.Meta
	classes map[int64]int
	chain   *chain.Chain
	window  int
	tokens  chan struct{}
	work    chan *result
	engine  *engine
	remove  chan *remover // one for each worker, nil where nothing is removed
	done    func()        // gives the engine back
	budget  int64         // bytes of pixels at a time
	single  blob.Object
	buffers sync.Pool
	wg      sync.WaitGroup
}

// Memory of one process besides pixels: the runner, the index, the shard
// buffers. The rest of --memory goes to images at work.
const (
	baseMemory    = 160 << 20
	minPixels     = 48 << 20
	defaultPixels = 512 << 20
)

func newPool(ctx context.Context, job *Job, src datasets.Source, meta *datasets.Meta, classes map[int64]int) (*pool, error) {
	c, err := chain.Parse(job.Transforms)
	if err != nil {
		return nil, err
	}
	if got := c.Codec(); got != job.Codec && got != chain.NoCodec {
		return nil, fault.New("", "this worker's codec is %s, the build's is %s: a run never mixes codecs", got, job.Codec)
	}
	n := job.cores()
	p := &pool{job: job, source: src, meta: meta, classes: classes, chain: c, window: 8 * n, budget: job.PixelBytes()}
	if r, ok := src.(datasets.Recorder); ok {
		if p.records, err = r.Records(ctx, job.Inputs); err != nil {
			return nil, err
		}
	} else if info, err := blob.Stat(ctx, job.Inputs["images"]); err == nil && info.Size > 0 {
		if p.single, err = blob.Open(ctx, job.Inputs["images"]); err != nil {
			return nil, err
		}
	}
	if job.Removal != nil {
		// An example carries its edited pictures until it is written: fewer at a time.
		p.window = 2 * n
		p.remove = make(chan *remover, n)
		for range n {
			r, err := newRemover(job, meta.Classes)
			if err != nil {
				return nil, err
			}
			p.remove <- r
		}
	}
	p.engine, p.done = borrowEngine(c, engineKey{job.Transforms, n, p.budget})
	p.tokens, p.work = make(chan struct{}, p.window), make(chan *result, p.window)
	p.buffers.New = func() any { return new([]byte) }
	for range n {
		p.wg.Add(1)
		go p.serve(ctx)
	}
	return p, nil
}

// submit queues every item of t, in order, waiting where the window is full.
func (p *pool) submit(ctx context.Context, t *task) {
	for i := range t.items {
		p.tokens <- struct{}{}
		p.work <- &result{index: i, task: t, item: &t.items[i]}
	}
}

// keptBuffer is the largest buffer that goes back to the pool, bytes.
const keptBuffer = 1 << 20

// release ends the life of a result.
func (p *pool) release(r *result) {
	if buf := r.buf; buf != nil && cap(buf) <= keptBuffer {
		p.buffers.Put(&buf)
	}
	<-p.tokens
}

func (p *pool) close() {
	close(p.work)
	p.wg.Wait()
	p.done()
	for range cap(p.remove) {
		(<-p.remove).dec.Close()
	}
	if p.single != nil {
		_ = p.single.Close()
	}
	if p.records != nil {
		_ = p.records.Close()
	}
}

func (p *pool) serve(ctx context.Context) {
	defer p.wg.Done()
	for r := range p.work {
		w := <-p.engine.workers
		if err := ctx.Err(); err != nil {
			r.err = err
		} else if p.run(ctx, w, r) {
			w.Close() // a panic may have left it in any state
			w = p.chain.NewWorker()
		}
		p.engine.workers <- w
		r.task.results <- r
	}
}

// run makes one example; a panic becomes a rejection that names its place.
func (p *pool) run(ctx context.Context, w *chain.Worker, r *result) (panicked bool) {
	stage := "read"
	defer func() {
		if v := recover(); v != nil {
			r.rejection = r.reject(stage, fault.New(fault.Bug, "panic: %v at %s", v, callers()))
			panicked = true
		}
	}()
	if err := p.make(ctx, w, r, &stage); err != nil {
		if fault.CodeOf(err).IsData() {
			r.rejection = r.reject(stage, err)
		} else {
			r.err = fault.At(err, fault.Place{Key: r.item.Key})
		}
	}
	return false
}

// callers names the functions of a panic, innermost first. It holds no address
// and no path, so that it is the same on every machine.
func callers() string {
	var pcs [32]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	var names []string
	for {
		f, more := frames.Next()
		if !strings.HasPrefix(f.Function, "runtime.") && f.Function != "" {
			names = append(names, fmt.Sprintf("%s:%d", f.Function[strings.LastIndexByte(f.Function, '/')+1:], f.Line))
		}
		if !more || len(names) == 8 {
			return strings.Join(names, " < ")
		}
	}
}

func (r *result) reject(stage string, err error) *datasets.Rejection {
	o := datasets.Origin{Name: r.item.Name, Offset: r.item.Offset, Bytes: r.item.Length}
	if r.example != nil {
		o = r.example.Source
	}
	return &datasets.Rejection{Key: r.item.Key, Split: r.task.split, Stage: stage, Reason: fault.CodeOf(err), Message: err.Error(), Label: r.item.Label, Source: o}
}

func (p *pool) make(ctx context.Context, w *chain.Worker, r *result, stage *string) error {
	clock := time.Now()
	lap := func(i int) {
		now := time.Now()
		r.nanos[i] += now.Sub(clock).Nanoseconds()
		clock = now
	}
	data, restore, err := p.fetch(ctx, r, stage, lap)
	if err != nil {
		return err
	}
	ex := r.example
	defer restore()

	*stage = "decode"
	need, err := w.Open(ex, data)
	if err != nil {
		return err
	}
	if need > p.budget {
		if p.job.MemoryBytes > 0 {
			return fault.New("", "needs %d MB of pixels, --memory leaves %d MB: give more memory", need>>20, p.budget>>20)
		}
		need = p.budget // no ceiling was given: it goes alone
	}
	if err := p.engine.memory.Acquire(ctx, need); err != nil {
		return err
	}
	defer p.engine.memory.Release(need)
	*stage = "annotations"
	if err := datasets.Validate(ex, ex.OriginalWidth, ex.OriginalHeight, p.classes); err != nil {
		return err
	}
	clock = time.Now()
	*stage = "decode"
	if !(ex.Checked && p.chain.Keep()) {
		if err := w.Decode(); err != nil {
			return err
		}
	}
	lap(stageDecode)
	*stage = "transform"
	if err := w.Transform(); err != nil {
		return err
	}
	lap(stageTransform)
	*stage = "encode"
	r.buf, err = w.Encode(r.buf)
	lap(stageEncode)
	if err != nil || p.remove == nil {
		return err
	}
	*stage = "remove"
	tools := <-p.remove
	err = tools.add(ctx, ex)
	p.remove <- tools
	lap(stageRemove)
	return err
}

// fetch reads an item: its picture, and its example into r. What it returns to
// be called at the end puts back what the chain is not to see.
func (p *pool) fetch(ctx context.Context, r *result, stage *string, lap func(int)) ([]byte, func(), error) {
	if p.records != nil {
		return p.record(ctx, r, lap)
	}
	data, err := p.read(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	lap(stageRead)
	sum := sha256.Sum256(data)
	origin := datasets.Origin{Name: p.sourceName(r.item), Offset: r.item.Offset, Bytes: int64(len(data)), SHA256: hex.EncodeToString(sum[:])}
	lap(stageHash)
	*stage = "annotations"
	ex, err := p.annotations(r)
	if err != nil {
		return nil, nil, err
	}
	ex.Key, ex.Split, ex.Source = r.item.Key, r.task.split, origin
	r.example = ex
	lap(stageAnnotations)
	return data, func() {}, nil
}

// record reads an example that lies ready. Its original size is that of another
// picture than the stored one, so the chain does not hold the two together.
func (p *pool) record(ctx context.Context, r *result, lap func(int)) ([]byte, func(), error) {
	it := r.item
	ex, err := p.records.Record(ctx, &datasets.Ref{Key: it.Key, Split: r.task.split, Label: it.Label,
		Image: datasets.Span{Name: it.Name, Offset: it.Offset, Length: it.Length}})
	if err != nil {
		return nil, nil, err
	}
	if ex.Key != it.Key {
		return nil, nil, fault.New(fault.Corrupt, "the record is that of %q", ex.Key)
	}
	ex.Split = r.task.split
	r.example = ex
	progress.Local.Read.Add(int64(len(ex.Image)))
	lap(stageRead)
	w, h := ex.OriginalWidth, ex.OriginalHeight
	ex.OriginalWidth, ex.OriginalHeight = 0, 0
	return ex.Image, func() { ex.OriginalWidth, ex.OriginalHeight = w, h }, nil
}

func (p *pool) sourceName(it *Item) string {
	if it.Name == "" {
		return blob.Base(p.job.Inputs["images"])
	}
	return it.Name
}

// read fetches the encoded image into a buffer of the pool.
func (p *pool) read(ctx context.Context, r *result) ([]byte, error) {
	it := r.item
	if it.Length < 0 {
		return nil, fault.At(fault.New(fault.NotFound, "the image is not there"), fault.Place{Path: p.sourceName(it)})
	}
	if it.Length > math.MaxInt32 {
		return nil, fault.At(fault.New(fault.TooLarge, "%d bytes", it.Length), fault.Place{Path: p.sourceName(it)})
	}
	addr := ""
	if it.Name != "" || p.single == nil {
		addr = p.job.input("images", it.Name)
	}
	data, err := p.load(ctx, r, addr, it.Offset, it.Length)
	if err != nil {
		return nil, err
	}
	return p.follow(ctx, r, data)
}

// load reads a span of the object at addr, or of the single input where addr is
// empty, into the buffer of r.
func (p *pool) load(ctx context.Context, r *result, addr string, offset, length int64) ([]byte, error) {
	o := p.single
	if addr != "" {
		var err error
		if o, err = blob.Open(ctx, addr); err != nil {
			return nil, dropAddress(err, p.sourceName(r.item))
		}
		defer o.Close()
	}
	if r.buf == nil {
		r.buf = *p.buffers.Get().(*[]byte)
	}
	if int64(cap(r.buf)) < length {
		r.buf = make([]byte, length)
	}
	r.buf = r.buf[:length]
	if n, err := o.ReadAt(r.buf, offset); int64(n) < length {
		if err == nil || err == io.EOF {
			err = fault.New(fault.Corrupt, "ends after %d of %d bytes: it has changed since the plan", n, length)
		}
		return nil, fault.At(err, fault.Offset(p.sourceName(r.item), offset))
	}
	progress.Local.Read.Add(length)
	return r.buf, nil
}

// dropAddress names an input as the dataset does: machine paths stay out of
// what is published.
func dropAddress(err error, name string) error {
	if c := fault.CodeOf(err); c.IsData() {
		return fault.At(fault.New(c, "the image is not there"), fault.Place{Path: name})
	}
	return err
}

// annotations parses the item's rows.
func (p *pool) annotations(r *result) (*datasets.Example, error) {
	places, err := unpackRows(r.item.Rows)
	if err != nil {
		return nil, err
	}
	rows := make([][]byte, len(places))
	for i, at := range places {
		rows[i] = make([]byte, at.length)
		if n, err := r.task.rows.ReadAt(rows[i], at.offset); int64(n) < at.length {
			return nil, fmt.Errorf("rows: byte %d: %w", at.offset, err)
		}
	}
	it := r.item
	return p.source.Example(&datasets.Ref{Key: it.Key, Split: r.task.split, Label: it.Label,
		Image: datasets.Span{Name: it.Name, Offset: it.Offset, Length: it.Length}}, rows, p.meta)
}
