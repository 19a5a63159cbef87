package verify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/crc32"
	"io"

	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/progress"
)

const (
	readBytes = 1 << 20
	// maxGap is how far a reader may jump ahead before the bytes between are
	// left for the end: an index at the end of a file is far, padding is near.
	maxGap = 1 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// digester hashes an object while a reader goes through it front to back, so
// that its bytes are fetched once. What the reader leaves out is read by sum.
// For one goroutine.
type digester struct {
	blob.Object
	ctx  context.Context
	buf  []byte
	done int64 // the bytes before are hashed
	sha  hash.Hash
	crc  uint32
}

func newDigester(ctx context.Context, o blob.Object, buf []byte) *digester {
	return &digester{Object: o, ctx: ctx, buf: buf, sha: sha256.New()}
}

// ReadAt reads for the reader of the records and hashes what is new.
func (d *digester) ReadAt(p []byte, off int64) (int, error) {
	if gap := off - d.done; gap > 0 && gap <= maxGap {
		if err := d.advance(off); err != nil {
			return 0, err
		}
	}
	n, err := d.Object.ReadAt(p, off)
	if off <= d.done && off+int64(n) > d.done {
		d.add(p[d.done-off : n])
	}
	return n, err
}

func (d *digester) add(b []byte) {
	d.sha.Write(b)
	d.crc = crc32.Update(d.crc, castagnoli, b)
	d.done += int64(len(b))
	progress.Local.Read.Add(int64(len(b)))
}

// advance hashes up to byte end.
func (d *digester) advance(end int64) error {
	for d.done < end {
		if err := d.ctx.Err(); err != nil {
			return err
		}
		b := d.buf[:min(int64(len(d.buf)), end-d.done)]
		n, err := d.Object.ReadAt(b, d.done)
		d.add(b[:n])
		if n < len(b) {
			if err == io.EOF { // it shrank under us
				err = io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}

// sum hashes the rest and returns both sums of the whole object in hex.
func (d *digester) sum() (sha, crc string, err error) {
	if err := d.advance(d.Size()); err != nil {
		return "", "", err
	}
	return hex.EncodeToString(d.sha.Sum(nil)), fmt.Sprintf("%08x", d.crc), nil
}
