package cpu

import (
	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// IndexSelect implements ops.Mover.
func (e *Engine) IndexSelect(dst, x, ids *tensor.Dense, p ops.Index) error {
	return e.index("index select", dst, x, ids, p, false)
}

// IndexAdd implements ops.Mover.
func (e *Engine) IndexAdd(dst, ids, y *tensor.Dense, p ops.Index) error {
	return e.index("index add", y, dst, ids, p, true)
}

// index moves slices between x, which has the axis, and y, which has ids in its place.
func (e *Engine) index(op string, y, x, ids *tensor.Dense, p ops.Index, add bool) error {
	if err := ops.WantType(op, tensor.Float32, y, x); err != nil {
		return err
	}
	if err := ops.WantType(op, tensor.Int64, ids); err != nil {
		return err
	}
	axis, err := ops.Axis(op, p.Axis, len(x.Shape()))
	if err != nil {
		return err
	}
	if err := ops.IndexShape(op, y.Shape(), x.Shape(), ids.Shape(), axis); err != nil {
		return err
	}
	t := &e.indexing
	*t = indexTask{x: x.Float32s(), y: y.Float32s(), ids: ids.Int64s(), size: x.Shape()[axis], add: add, except: -1}
	if p.Except != nil {
		t.except = *p.Except
	}
	if err := checkIDs(op, t.ids, t.size); err != nil {
		return err
	}
	t.outer, t.inner = ops.Around(x.Shape(), axis)
	if add {
		t.cut = 64 // columns a part at least: a cache line and more
	} else {
		t.cut = t.inner
	}
	e.run(t.parts(), t)
	t.x, t.y, t.ids = nil, nil, nil
	return nil
}

func checkIDs(op string, ids []int64, size int) error {
	for i, id := range ids {
		if uint64(id) >= uint64(size) {
			return fault.New(fault.Usage, "%s: id %d at place %d, the axis has %d", op, id, i, size)
		}
	}
	return nil
}

// indexTask selects by (outer slice, id), and adds by (outer slice, columns): all
// ids of a column are added by one part, in their order.
type indexTask struct {
	x, y               []float32
	ids                []int64
	outer, inner, size int
	cut                int // columns that one part handles together
	add                bool
	except             int64
}

func (t *indexTask) parts() int {
	if t.add {
		return partsOf(t.outer*t.columns(), len(t.ids)*min(t.cut, t.inner))
	}
	return partsOf(t.outer*len(t.ids), t.inner)
}

func (t *indexTask) columns() int { return (t.inner + t.cut - 1) / t.cut }

func (t *indexTask) part(i int, _ *scratch) {
	if t.add {
		t.addPart(i)
		return
	}
	begin, end := split(t.outer*len(t.ids), t.parts(), i)
	for u := begin; u < end; u++ {
		o, id := u/len(t.ids), int(t.ids[u%len(t.ids)])
		copy(t.y[u*t.inner:][:t.inner], t.x[(o*t.size+id)*t.inner:][:t.inner])
	}
}

func (t *indexTask) addPart(i int) {
	columns := t.columns()
	begin, end := split(t.outer*columns, t.parts(), i)
	for u := begin; u < end; {
		o, c := u/columns, u%columns
		last := min(columns, c+end-u)
		from, to := c*t.cut, min(t.inner, last*t.cut)
		for k, id := range t.ids {
			if id == t.except {
				continue
			}
			d := t.x[(o*t.size+int(id))*t.inner:][from:to]
			addTo(d, t.y[(o*len(t.ids)+k)*t.inner:][from:to])
		}
		u += last - c
	}
}

// Gather implements ops.Mover.
func (e *Engine) Gather(dst, x, ids *tensor.Dense, p ops.Index) error {
	if err := ops.WantType("gather", tensor.Float32, dst, x); err != nil {
		return err
	}
	if err := ops.WantType("gather", tensor.Int64, ids); err != nil {
		return err
	}
	if err := ops.SameShape("gather", dst, ids); err != nil {
		return err
	}
	return e.alongAxis("gather", x, ids, dst, p, false)
}

// ScatterAdd implements ops.Mover.
func (e *Engine) ScatterAdd(dst, ids, y *tensor.Dense, p ops.Index) error {
	if err := ops.WantType("scatter add", tensor.Float32, dst, y); err != nil {
		return err
	}
	if err := ops.WantType("scatter add", tensor.Int64, ids); err != nil {
		return err
	}
	return e.alongAxis("scatter add", dst, ids, y, p, true)
}

// alongAxis moves elements between x and y, whose places beside the axis are the same.
func (e *Engine) alongAxis(op string, x, ids, y *tensor.Dense, p ops.Index, add bool) error {
	axis, err := ops.Axis(op, p.Axis, len(x.Shape()))
	if err != nil {
		return err
	}
	if err := ops.GatherShape(op, x.Shape(), ids.Shape(), y.Shape(), axis); err != nil {
		return err
	}
	t := &e.gather
	*t = gatherTask{x: x.Float32s(), y: y.Float32s(), ids: ids.Int64s(), add: add, axis: axis, rank: len(x.Shape())}
	if err := checkIDs(op, t.ids, x.Shape()[axis]); err != nil {
		return err
	}
	t.place(x.Shape(), ids.Shape(), y.Shape())
	e.run(t.parts(), t)
	t.x, t.y, t.ids = nil, nil, nil
	return nil
}

// gatherTask walks lines of ids along the axis; lines never meet in x.
type gatherTask struct {
	x, y       []float32
	ids        []int64
	add        bool
	rank, axis int
	lines      int
	shape      [ops.MaxAxes]int // of ids
	ix, iy, ii [ops.MaxAxes]int // strides of x, y and ids
}

func (t *gatherTask) place(x, ids, y []int) {
	copy(t.shape[:], ids)
	ops.AppendStrides(t.ix[:0], x)
	ops.AppendStrides(t.iy[:0], y)
	ops.AppendStrides(t.ii[:0], ids)
	t.lines = ops.Size(ids) / ids[t.axis]
}

func (t *gatherTask) parts() int { return partsOf(t.lines, 4*t.shape[t.axis]) }

func (t *gatherTask) part(i int, _ *scratch) {
	begin, end := split(t.lines, t.parts(), i)
	sx, sy, si := t.ix[t.axis], t.iy[t.axis], t.ii[t.axis]
	for line := begin; line < end; line++ {
		ix, iy, ii := t.start(line)
		for k := range t.shape[t.axis] {
			at := ix + int(t.ids[ii+k*si])*sx
			if t.add {
				t.x[at] += t.y[iy+k*sy]
			} else {
				t.y[iy+k*sy] = t.x[at]
			}
		}
	}
}

// start returns where a line begins in x, y and ids.
func (t *gatherTask) start(line int) (ix, iy, ii int) {
	for a := t.rank - 1; a >= 0; a-- {
		if a == t.axis {
			continue
		}
		at := line % t.shape[a]
		line /= t.shape[a]
		ix += at * t.ix[a]
		iy += at * t.iy[a]
		ii += at * t.ii[a]
	}
	return ix, iy, ii
}
