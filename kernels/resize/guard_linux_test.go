package resize

import (
	"os"
	"syscall"
	"testing"
)

// guarded returns n bytes that end where a page begins that must not be read,
// or that begin where one ends.
func guarded(t *testing.T, n int, atEnd bool) []byte {
	t.Helper()
	page := os.Getpagesize()
	inner := (n + page - 1) / page * page
	m, err := syscall.Mmap(-1, 0, inner+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Skipf("no memory to guard: %v", err)
	}
	t.Cleanup(func() { syscall.Munmap(m) })
	for _, p := range [][]byte{m[:page], m[page+inner:]} {
		if err := syscall.Mprotect(p, syscall.PROT_NONE); err != nil {
			t.Skipf("no page to guard with: %v", err)
		}
	}
	if atEnd {
		return m[page+inner-n : page+inner : page+inner]
	}
	return m[page : page+n : page+n]
}

func TestNothingOutsideTheBuffersIsTouched(t *testing.T) {
	t.Parallel()
	for _, c := range [][4]int{{500, 37, 341, 26}, {33, 33, 32, 32}, {21, 9, 33, 3}, {26, 40, 19, 64}, {300, 5, 20, 5}, {64, 64, 64, 33}, {17, 3, 200, 70}, {900, 3, 31, 3}} {
		for _, channels := range []int{1, 3} {
			for _, atEnd := range []bool{false, true} {
				for f := range filters {
					src, dst := guarded(t, c[0]*c[1]*channels, atEnd), guarded(t, c[2]*c[3]*channels, atEnd)
					new(Resizer).resize(plane{dst, c[2] * channels, c[2], c[3]}, plane{src, c[0] * channels, c[0], c[1]}, channels, Options{Filter: f})
				}
			}
		}
	}
}
