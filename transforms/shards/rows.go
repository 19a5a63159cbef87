package shards

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"sort"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// The rows of an example lie anywhere in the annotation file. One sequential
// pass copies them into a rows file a shard: on object storage a shard then costs
// a few ranged reads of one small object instead of a request an annotation, or
// the whole file a shard. The places are known before anything is copied, because
// they follow from the order of the spans alone.

// openRows bounds the rows files that are written at a time; more shards than
// that take another pass over the annotation file.
const openRows = 256

// copyBuffer is how much of the annotation file is read at once.
const copyBuffer = 1 << 20

// piece is one row's way from the annotation file to its rows file.
type piece struct {
	from   int64 // offset in the annotation file; -1 for bytes in the plan
	length int64
	ref    int32
	row    int32
	to     int64 // offset in the rows file
}

// rowLayout is where the rows of a split's refs go.
type rowLayout struct {
	refs   []datasets.Ref
	shards []int32 // of each ref
	pieces []piece // in the order in which they are written
	first  []int   // index of a ref's first piece in byRef
	byRef  []int32 // pieces by ref, then row
}

// layRows decides the place of every row: within a shard first the rows that the
// plan itself holds, in the order of the refs, then spans in the order of the file.
func layRows(refs []datasets.Ref, shards int) *rowLayout {
	l := &rowLayout{refs: refs, shards: make([]int32, len(refs)), first: make([]int, len(refs)+1)}
	for i := range refs {
		l.shards[i] = int32(shardOf(refs[i].Key, shards))
		l.first[i+1] = l.first[i] + len(refs[i].Rows)
	}
	l.pieces = make([]piece, 0, l.first[len(refs)])
	for i := range refs {
		for k, row := range refs[i].Rows {
			p := piece{from: row.Offset, length: row.Length, ref: int32(i), row: int32(k)}
			if row.Data != nil {
				p.from, p.length = -1, int64(len(row.Data))
			}
			l.pieces = append(l.pieces, p)
		}
	}
	sort.Slice(l.pieces, func(i, j int) bool {
		a, b := &l.pieces[i], &l.pieces[j]
		if a.from != b.from {
			return a.from < b.from
		}
		if a.ref != b.ref {
			return a.ref < b.ref
		}
		return a.row < b.row
	})
	end := make([]int64, shards)
	l.byRef = make([]int32, len(l.pieces))
	for i := range l.pieces {
		p := &l.pieces[i]
		s := l.shards[p.ref]
		p.to = end[s]
		end[s] += p.length
		l.byRef[l.first[p.ref]+int(p.row)] = int32(i)
	}
	return l
}

func (l *rowLayout) shard(ref int) int { return int(l.shards[ref]) }

// pack lists the places of a ref's rows in its rows file: for each the distance
// from the end of the one before (signed varint) and the length (varint).
func (l *rowLayout) pack(ref int) []byte {
	var b []byte
	var at int64
	for _, i := range l.byRef[l.first[ref]:l.first[ref+1]] {
		p := &l.pieces[i]
		b = binary.AppendVarint(b, p.to-at)
		b = binary.AppendUvarint(b, uint64(p.length))
		at = p.to + p.length
	}
	return b
}

// place is where one row lies in a rows file.
type place struct{ offset, length int64 }

// unpackRows reads what pack wrote.
func unpackRows(b []byte) ([]place, error) {
	var out []place
	var at int64
	for len(b) > 0 {
		d, n := binary.Varint(b)
		if n <= 0 {
			return nil, fault.New(fault.Bug, "rows of an item: cut short")
		}
		length, k := binary.Uvarint(b[n:])
		if k <= 0 || length > 1<<40 {
			return nil, fault.New(fault.Bug, "rows of an item: cut short")
		}
		b = b[n+k:]
		out = append(out, place{at + d, int64(length)})
		at += d + int64(length)
	}
	return out, nil
}

// write copies the rows, openRows shards at a time.
func (l *rowLayout) write(ctx context.Context, job *Job, split string) error {
	if len(l.pieces) == 0 {
		return nil
	}
	var src io.ReaderAt
	if l.pieces[len(l.pieces)-1].from >= 0 {
		o, err := blob.Open(ctx, job.input("annotations", ""))
		if err != nil {
			return err
		}
		defer o.Close()
		src = o
	}
	last := 0
	for _, s := range l.shards {
		last = max(last, int(s))
	}
	for lo := 0; lo <= last; lo += openRows {
		if err := l.writeGroup(ctx, job, split, src, lo, min(lo+openRows, last+1)); err != nil {
			return err
		}
	}
	return nil
}

// writeGroup copies the rows of shards lo .. hi-1 in one pass.
func (l *rowLayout) writeGroup(ctx context.Context, job *Job, split string, src io.ReaderAt, lo, hi int) error {
	writers := make([]blob.Writer, hi-lo)
	defer func() {
		for _, w := range writers {
			if w != nil {
				_ = w.Close()
			}
		}
	}()
	in := window{src: src, buf: make([]byte, 0, copyBuffer)}
	for i := range l.pieces {
		p := &l.pieces[i]
		s := int(l.shards[p.ref])
		if s < lo || s >= hi {
			continue
		}
		if i%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		data := l.refs[p.ref].Rows[p.row].Data
		if p.from >= 0 {
			var err error
			if data, err = in.read(p.from, p.length); err != nil {
				return fmt.Errorf("annotations: byte %d: %w", p.from, err)
			}
		}
		if writers[s-lo] == nil {
			w, err := blob.Create(ctx, job.rowsPath(split, s))
			if err != nil {
				return err
			}
			writers[s-lo] = w
		}
		if _, err := writers[s-lo].Write(data); err != nil {
			return err
		}
	}
	for _, w := range writers {
		if w == nil {
			continue
		}
		if _, err := w.Publish(ctx); err != nil {
			return err
		}
	}
	return nil
}

// window reads rising spans of a file through one large buffer.
type window struct {
	src io.ReaderAt
	at  int64 // offset of buf[0]
	buf []byte
}

// read returns the bytes of a span until the next call.
func (w *window) read(off, n int64) ([]byte, error) {
	if off >= w.at && off+n <= w.at+int64(len(w.buf)) {
		return w.buf[off-w.at : off-w.at+n], nil
	}
	if n > int64(cap(w.buf)) {
		w.buf = make([]byte, 0, n)
	}
	w.at, w.buf = off, w.buf[:cap(w.buf)]
	got, err := w.src.ReadAt(w.buf, off)
	w.buf = w.buf[:got]
	if int64(got) < n {
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return w.buf[:n], nil
}
