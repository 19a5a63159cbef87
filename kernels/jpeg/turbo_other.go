//go:build !((darwin || linux) && (amd64 || arm64))

package jpeg

import "image"

// Where purego does not reach, there is no libturbojpeg: library says so and
// nothing below it is ever called.
type turbo struct {
	path, version                string
	initDecompress, initCompress uintptr
}

func library() (*turbo, string) { return nil, "not looked for on this platform" }

func (*turbo) open(uintptr) (*turboHandle, error) { panic("jpeg: no libturbojpeg") }

type turboHandle struct{}

func (*turboHandle) close()                                           {}
func (*turboHandle) readHeader([]byte) (w, h, sub int, err error)     { return }
func (*turboHandle) toPlanes(*image.YCbCr, bool, []byte) error        { return nil }
func (*turboHandle) toPixels([]byte, int, int, uintptr, []byte) error { return nil }
func (*turboHandle) bound(int, int, image.YCbCrSubsampleRatio) (int, error) {
	return 0, nil
}
func (*turboHandle) fromPlanes([]byte, *image.YCbCr, int) (int, error) { return 0, nil }
func (*turboHandle) fromRGB([]byte, []byte, int, int, image.YCbCrSubsampleRatio, int) (int, error) {
	return 0, nil
}
