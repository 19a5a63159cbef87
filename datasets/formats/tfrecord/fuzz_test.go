package tfrecord_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"os"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats/formattest"
	"github.com/tailorbird/tailorbird/datasets/formats/tfrecord"
	"github.com/tailorbird/tailorbird/internal/fault"
)

func readFixture(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/tensorflow.tfrecord")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// reframe puts right the checksums of what looks like frames, so that a fuzzer
// gets past them.
func reframe(b []byte) []byte {
	mask := func(b []byte) uint32 {
		c := crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))
		return (c>>15 | c<<17) + 0xa282ead8
	}
	for at := 0; len(b)-at >= 16; {
		n := binary.LittleEndian.Uint64(b[at:])
		binary.LittleEndian.PutUint32(b[at+8:], mask(b[at:at+8]))
		if n > uint64(len(b)-at-16) {
			break
		}
		end := at + 12 + int(n)
		binary.LittleEndian.PutUint32(b[end:], mask(b[at+12:end]))
		at = end + 4
	}
	return b
}

func TestHugeLengthWithRightChecksumIsRefusedBeforeAllocation(t *testing.T) {
	t.Parallel()
	for _, n := range []uint64{1 << 20, 1 << 40, 1<<63 - 1, 1<<64 - 1, 1<<64 - 12} {
		shard := reframe(binary.LittleEndian.AppendUint64(nil, n))
		shard = reframe(append(shard, make([]byte, 100)...))
		if err := formattest.Damaged(t, tfrecord.Format{}, shard); fault.CodeOf(err) != fault.Corrupt {
			t.Errorf("length %d: %v", n, err)
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add(formattest.Shard(f, tfrecord.Format{}, datasets.Referring, 2))
	f.Add(readFixture(f))
	f.Fuzz(func(t *testing.T, shard []byte) {
		formattest.Damaged(t, tfrecord.Format{}, shard)
		formattest.Damaged(t, tfrecord.Format{}, reframe(bytes.Clone(shard)))
	})
}
