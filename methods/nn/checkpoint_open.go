package nn

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/safetensors"
)

// Checkpoint is a Source that is closed after use.
type Checkpoint interface {
	Source
	io.Closer
}

// OpenCheckpoint opens a file by what it begins with: a file of torch.save, the
// index of a sharded safetensors model (named *.json), or a safetensors file, mapped.
func OpenCheckpoint(path string) (Checkpoint, error) {
	r, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fault.Wrap(fault.NotFound, err)
	}
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var head [16]byte
	n, err := io.ReadFull(r, head[:])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	switch {
	case isTorch(head[:n]):
		return checkpoint(OpenTorch(path))
	case strings.HasSuffix(path, ".json"):
		return checkpoint(safetensors.OpenIndex(path))
	}
	return checkpoint(safetensors.OpenMapped(path))
}

// checkpoint turns a nil pointer beside an error into a nil interface.
func checkpoint[T Checkpoint](c T, err error) (Checkpoint, error) {
	if err != nil {
		return nil, err
	}
	return c, nil
}

// StripPrefix returns a LoadOptions.Rename that takes a prefix such as
// "state_dict." off and leaves out what does not begin with it.
func StripPrefix(prefix string) func(name string) string {
	return func(name string) string {
		rest, ok := strings.CutPrefix(name, prefix)
		if !ok {
			return ""
		}
		return rest
	}
}

// ParseCheckpoint is OpenCheckpoint of a safetensors file or a file of torch.save
// that is in memory.
func ParseCheckpoint(data []byte) (Checkpoint, error) {
	if isTorch(data) {
		return checkpoint(ReadTorch(bytes.NewReader(data), int64(len(data))))
	}
	return checkpoint(safetensors.Parse(data))
}

// isTorch knows a file of torch.save by what it begins with.
func isTorch(data []byte) bool {
	return bytes.HasPrefix(data, []byte("PK\x03\x04")) || bytes.HasPrefix(data, legacyMagic)
}
