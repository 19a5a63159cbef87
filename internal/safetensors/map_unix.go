//go:build unix

package safetensors

import (
	"io"
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// mapFile maps a file for reading. Data is nil for a file that cannot be mapped,
// such as an empty one or a pipe.
func mapFile(path string) (data []byte, unmap io.Closer, err error) {
	r, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	st, err := r.Stat()
	if err != nil {
		return nil, nil, err
	}
	if !st.Mode().IsRegular() || st.Size() == 0 || st.Size() > math.MaxInt {
		return nil, nil, nil
	}
	data, err = unix.Mmap(int(r.Fd()), 0, int(st.Size()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, nil, nil // Open serves: a file system may know no mappings
	}
	return data, &mapping{data}, nil
}

type mapping struct{ data []byte }

func (m *mapping) Close() error {
	data := m.data
	if m.data = nil; data == nil {
		return nil
	}
	return unix.Munmap(data)
}
