package reader

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io"
	"strings"

	"github.com/tailorbird/tailorbird/datasets/built"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// An index file is: magic; u32 length and JSON of indexHeader; of each shard its
// keys, then ends u32, offsets i64 and bytes u32 of each sample; byKey u32; the
// CRC-32C of all before it. Numbers are little-endian.
const (
	indexMagic     = "tailorbird-index-1\n"
	maxIndexHeader = 64 << 20
)

type indexHeader struct {
	RootHash string        `json:"root_hash"` // of the dataset's manifest
	Split    string        `json:"split"`
	Format   string        `json:"format"`
	Digest   string        `json:"digest"`
	Shards   []indexedFile `json:"shards"`
}

type indexedFile struct {
	Path     string `json:"path"`
	Samples  int64  `json:"samples"`
	KeyBytes int64  `json:"key_bytes"`
}

func headerOf(d *built.Dataset, split string) indexHeader {
	return indexHeader{RootHash: d.Manifest.RootHash, Split: split, Format: d.Format()}
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// save writes x to addr, which nothing may have but the same bytes.
func (x *index) save(ctx context.Context, addr string, h indexHeader) error {
	h.Digest = x.digest
	for i := range x.shards {
		s := &x.shards[i]
		h.Shards = append(h.Shards, indexedFile{s.path, int64(len(s.ends)), int64(len(s.keys))})
	}
	text, err := json.Marshal(h)
	if err != nil {
		return fault.Wrap(fault.Bug, err)
	}
	w, err := blob.Create(ctx, addr)
	if err != nil {
		return err
	}
	defer w.Close()
	sum := crc32.New(castagnoli)
	out := bufio.NewWriterSize(io.MultiWriter(w, sum), 256<<10)
	out.WriteString(indexMagic)
	put(out, []uint32{uint32(len(text))})
	out.Write(text)
	for i := range x.shards {
		s := &x.shards[i]
		out.WriteString(s.keys)
		put(out, s.ends)
		put(out, s.offsets)
		put(out, s.bytes)
	}
	put(out, x.byKey)
	if err := out.Flush(); err != nil {
		return err
	}
	if _, err := w.Write(binary.LittleEndian.AppendUint32(nil, sum.Sum32())); err != nil {
		return err
	}
	_, err = w.Publish(ctx)
	return err
}

// put writes numbers; an error comes back from the writer's Flush.
func put[T uint32 | int64](w *bufio.Writer, values []T) {
	var buf [8]byte
	size := binary.Size(T(0))
	for _, v := range values {
		binary.LittleEndian.PutUint64(buf[:], uint64(v))
		w.Write(buf[:size])
	}
}

// loadIndex reads the index file at addr. One of another dataset or split is
// fault.Conflict, a broken one fault.Corrupt, none fault.NotFound.
func loadIndex(ctx context.Context, addr string, want indexHeader) (*index, error) {
	o, err := blob.Open(ctx, addr)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	x, err := parseIndex(o, o.Size(), want)
	return x, fault.At(err, fault.Place{Path: addr})
}

// indexReader takes numbers off a file, and knows how many bytes can still come.
type indexReader struct {
	r    *bufio.Reader
	left int64
	sum  uint32
	err  error
}

func parseIndex(f io.ReaderAt, size int64, want indexHeader) (*index, error) {
	r := &indexReader{r: bufio.NewReaderSize(io.NewSectionReader(f, 0, size), 256<<10), left: size}
	if string(r.take(int64(len(indexMagic)))) != indexMagic {
		return nil, r.fail("it does not begin as an index")
	}
	var n [1]uint32
	get(r, n[:])
	if r.err != nil || int64(n[0]) > maxIndexHeader {
		return nil, r.fail("its header has %d bytes", n[0])
	}
	var h indexHeader
	if err := json.Unmarshal(r.take(int64(n[0])), &h); err != nil {
		return nil, r.fail("header: %v", err)
	}
	if h.RootHash != want.RootHash || h.Split != want.Split || h.Format != want.Format {
		return nil, fault.New(fault.Conflict, "the index is that of split %s of another dataset or format (%.12s, %s): remove it or name another file", h.Split, h.RootHash, h.Format)
	}
	x := &index{shards: make([]shardIndex, len(h.Shards)), digest: h.Digest}
	for i, f := range h.Shards {
		if err := x.shards[i].parse(r, f); err != nil {
			return nil, err
		}
	}
	if err := x.number(); err != nil {
		return nil, err
	}
	if !r.has(4 * int64(len(x.byKey))) {
		return nil, r.fail("it is cut off")
	}
	get(r, x.byKey)
	for _, raw := range x.byKey {
		if int64(raw) >= x.samples() {
			return nil, r.fail("it names the sample %d of %d", raw, x.samples())
		}
	}
	sum := r.sum
	get(r, n[:])
	if r.err != nil || n[0] != sum || r.left != 0 {
		return nil, r.fail("its checksum is wrong")
	}
	return x, nil
}

func (s *shardIndex) parse(r *indexReader, f indexedFile) error {
	if f.Samples < 0 || f.Samples > maxSamples || f.KeyBytes < 0 || !r.has(f.Samples) || !r.has(f.KeyBytes) || !r.has(16*f.Samples+f.KeyBytes) {
		return r.fail("shard %.100q has %d samples in %d bytes", f.Path, f.Samples, r.left)
	}
	var keys strings.Builder
	keys.Grow(int(f.KeyBytes))
	for n := f.KeyBytes; n > 0 && r.err == nil; n -= min(n, chunk) {
		keys.Write(r.take(min(n, chunk)))
	}
	s.path, s.keys = f.Path, keys.String()
	s.ends, s.offsets, s.bytes = make([]uint32, f.Samples), make([]int64, f.Samples), make([]uint32, f.Samples)
	get(r, s.ends)
	get(r, s.offsets)
	get(r, s.bytes)
	last := uint32(0)
	for i, e := range s.ends {
		if e < last || int64(e) > f.KeyBytes || s.offsets[i] < 0 {
			return r.fail("sample %d of shard %.100q has no place", i, f.Path)
		}
		last = e
	}
	return nil
}

func (r *indexReader) has(n int64) bool { return r.err == nil && n >= 0 && n <= r.left }

func (r *indexReader) fail(format string, args ...any) error {
	if r.err != nil && !errors.Is(r.err, io.ErrUnexpectedEOF) && !errors.Is(r.err, io.EOF) {
		return r.err
	}
	return fault.New(fault.Corrupt, "index file: "+format, args...)
}

// take reads n bytes of the file, nil where they are not there.
func (r *indexReader) take(n int64) []byte {
	if !r.has(n) {
		r.err = orShort(r.err)
		return nil
	}
	b := make([]byte, n)
	r.fill(b)
	return b
}

func orShort(err error) error {
	if err != nil {
		return err
	}
	return io.ErrUnexpectedEOF
}

func (r *indexReader) fill(b []byte) {
	if r.err == nil {
		_, r.err = io.ReadFull(r.r, b)
		r.left -= int64(len(b))
		r.sum = crc32.Update(r.sum, castagnoli, b)
	}
}

// chunk is a whole number of numbers of either size.
const chunk = 64 << 10

func get[T uint32 | int64](r *indexReader, values []T) {
	var buf [chunk]byte
	size := binary.Size(T(0))
	for len(values) > 0 && r.err == nil {
		n := min(len(values), chunk/size)
		b := buf[:n*size]
		r.fill(b)
		for i := range values[:n] {
			if size == 4 {
				values[i] = T(binary.LittleEndian.Uint32(b[4*i:]))
			} else {
				values[i] = T(binary.LittleEndian.Uint64(b[8*i:]))
			}
		}
		values = values[n:]
	}
}
