//go:build (darwin || linux) && (amd64 || arm64)

package jpeg

import (
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// turbo is a loaded libturbojpeg: the addresses of its functions. The 2.x
// functions are used, which 3.x keeps.
type turbo struct {
	path, version                    string
	initDecompress, initCompress     uintptr
	destroy, errorStr                uintptr
	header, decompress, decompressTo uintptr
	compress, compressFrom, bufSize  uintptr
}

// library loads libturbojpeg once. Where it cannot, reason says why.
var library = sync.OnceValues(func() (lib *turbo, reason string) {
	if strings.EqualFold(os.Getenv("TAILORBIRD_NATIVE"), "off") {
		return nil, "TAILORBIRD_NATIVE=off"
	}
	names := []string{"libturbojpeg.so.0", "libturbojpeg.so"}
	if runtime.GOOS == "darwin" {
		names = []string{"libturbojpeg.dylib", "/opt/homebrew/lib/libturbojpeg.dylib", "/usr/local/lib/libturbojpeg.dylib"}
	}
	return load(names)
})

// load binds the first of the named libraries that is libturbojpeg. Else reason
// tells of the last that was there, or that the first was not.
func load(names []string) (lib *turbo, reason string) {
	for _, name := range names {
		handle, err := purego.Dlopen(name, purego.RTLD_NOW|purego.RTLD_LOCAL)
		if err != nil {
			if reason == "" {
				reason = err.Error()
			}
			continue
		}
		if lib, err = bind(name, handle); err == nil {
			lib.path = mapped(name)
			return lib, ""
		}
		reason = fmt.Sprintf("%s: %v", name, err)
	}
	return nil, reason
}

// mapped returns the path of the file that was loaded by name, where the
// system tells.
func mapped(name string) string {
	maps, _ := os.ReadFile("/proc/self/maps")
	for line := range strings.Lines(string(maps)) {
		if at := strings.IndexByte(line, '/'); at >= 0 && strings.HasPrefix(filepath.Base(line[at:]), name) {
			return strings.TrimSpace(line[at:])
		}
	}
	return name
}

// bind looks up the functions of the library behind handle.
func bind(path string, handle uintptr) (*turbo, error) {
	t := &turbo{path: path, version: "2.x"}
	for _, s := range []struct {
		name string
		addr *uintptr
	}{
		{"tjInitDecompress", &t.initDecompress},
		{"tjInitCompress", &t.initCompress},
		{"tjDestroy", &t.destroy},
		{"tjGetErrorStr2", &t.errorStr}, // since 2.0
		{"tjDecompressHeader3", &t.header},
		{"tjDecompress2", &t.decompress},
		{"tjDecompressToYUVPlanes", &t.decompressTo},
		{"tjCompress2", &t.compress},
		{"tjCompressFromYUVPlanes", &t.compressFrom},
		{"tjBufSize", &t.bufSize},
	} {
		addr, err := purego.Dlsym(handle, s.name)
		if err != nil {
			return nil, fmt.Errorf("too old or not libturbojpeg: no %s", s.name)
		}
		*s.addr = addr
	}
	if _, err := purego.Dlsym(handle, "tj3Init"); err == nil {
		t.version = "3.x"
	}
	return t, nil
}

// turboHandle is one TurboJPEG instance with what its calls read and write; it
// lives on the heap, which does not move. One goroutine at a time.
type turboHandle struct {
	lib     *turbo
	create  uintptr // makes an instance
	id      uintptr
	args    arguments
	planes  [3]uintptr
	strides [3]int32
	head    [4]int32
	out     uintptr
	size    uint64 // unsigned long: 64 bits on every platform of this file
	pin     runtime.Pinner
	cleanup runtime.Cleanup
}

// arguments are those of a C call; tjCompress2 has the most.
type arguments [11]uintptr

// open makes an instance; create is lib's initDecompress or initCompress.
func (lib *turbo) open(create uintptr) (*turboHandle, error) {
	h := &turboHandle{lib: lib, create: create}
	return h, h.renew()
}

// renew replaces the instance by a new one.
func (h *turboHandle) renew() error {
	if h.id != 0 {
		h.close()
	}
	destroy := h.lib.destroy
	if h.id, _, _ = purego.SyscallN(h.create); h.id == 0 {
		return errors.New("jpeg: libturbojpeg gives no instance: out of memory")
	}
	h.cleanup = runtime.AddCleanup(h, func(id uintptr) { purego.SyscallN(destroy, id) }, h.id)
	return nil
}

func (h *turboHandle) close() {
	h.cleanup.Stop()
	purego.SyscallN(h.lib.destroy, h.id)
}

// hold pins the memory that p starts until the next call has returned, and
// returns its address. The collector does not see an address among the
// arguments; passing pointers as such would allocate them for each call.
func (h *turboHandle) hold(p *byte) uintptr {
	h.pin.Pin(p)
	return uintptr(unsafe.Pointer(p))
}

// call calls fn with the first n of h.args and returns TurboJPEG's message where
// the result is not 0. The message lies in the thread, so the goroutine stays
// on its thread until it is read.
func (h *turboHandle) call(fn uintptr, n int) (err error) {
	runtime.LockOSThread()
	if rc, _, _ := purego.SyscallN(fn, h.args[:n]...); int32(rc) != 0 {
		text, _, _ := purego.SyscallN(h.lib.errorStr, h.id)
		err = turboError(goString(text))
	}
	runtime.UnlockOSThread()
	h.pin.Unpin()
	return err
}

// goString copies the C string at address p.
func goString(p uintptr) string {
	if p == 0 {
		return "unknown error"
	}
	c := *(**byte)(unsafe.Pointer(&p))
	n := 0
	for *(*byte)(unsafe.Add(unsafe.Pointer(c), n)) != 0 {
		n++
	}
	return string(unsafe.Slice(c, n))
}

// readHeader gives TurboJPEG's own reading of a file: what its decoders will
// write depends on it. A warning is no error.
func (h *turboHandle) readHeader(data []byte) (w, ht, subsampling int, err error) {
	h.head = [4]int32{}
	at := uintptr(unsafe.Pointer(&h.head))
	h.args = arguments{h.id, h.hold(&data[0]), uintptr(len(data)), at, at + 4, at + 8, at + 12}
	err = h.call(h.lib.header, 7)
	if h.head[0] > 0 {
		err = nil
	} else if e := h.renew(); e != nil { // 2.1 would go on in the middle of the header it could not read
		err = e
	}
	return int(h.head[0]), int(h.head[1]), int(h.head[2]), err
}

// toPlanes decodes to the planes of dst, which readHeader has been found to
// agree with; a grey file writes Y alone.
func (h *turboHandle) toPlanes(dst *image.YCbCr, grey bool, data []byte) error {
	planes, strides := h.holdPlanes(dst, grey)
	h.args = arguments{h.id, h.hold(&data[0]), uintptr(len(data)), planes,
		uintptr(dst.Rect.Dx()), strides, uintptr(dst.Rect.Dy()), tjAccurateDCT}
	return h.call(h.lib.decompressTo, 8)
}

// toPixels decodes to w x ht interleaved pixels of the given format.
func (h *turboHandle) toPixels(dst []byte, w, ht int, format uintptr, data []byte) error {
	h.args = arguments{h.id, h.hold(&data[0]), uintptr(len(data)), h.hold(&dst[0]),
		uintptr(w), 0, uintptr(ht), format, tjAccurateDCT}
	return h.call(h.lib.decompress, 9)
}

// bound returns the most bytes that a w x ht file takes.
func (h *turboHandle) bound(w, ht int, ratio image.YCbCrSubsampleRatio) (int, error) {
	sub, ok := tjSubsampling[ratio]
	if !ok {
		return 0, fmt.Errorf("jpeg: libturbojpeg does not write subsampling %v", ratio)
	}
	h.args = arguments{uintptr(w), uintptr(ht), sub}
	n, _, _ := purego.SyscallN(h.lib.bufSize, h.args[:3]...)
	if int64(n) <= 0 {
		return 0, fmt.Errorf("jpeg: cannot encode %dx%d pixels", w, ht)
	}
	return int(n), nil
}

// fromPlanes encodes src into dst, of bound bytes at least, and returns the
// length. The planes reach to whole chroma samples.
func (h *turboHandle) fromPlanes(dst []byte, src *image.YCbCr, quality int) (int, error) {
	planes, strides := h.holdPlanes(src, false)
	out, size := h.holdOutput(dst)
	a, b, _ := stackInts(quality, tjNoRealloc|tjAccurateDCT, 0)
	h.args = arguments{h.id, planes, uintptr(src.Rect.Dx()), strides, uintptr(src.Rect.Dy()),
		tjSubsampling[src.SubsampleRatio], out, size, a, b}
	err := h.call(h.lib.compressFrom, 10)
	return int(h.size), err
}

// fromRGB is fromPlanes for interleaved RGB.
func (h *turboHandle) fromRGB(dst, pix []byte, w, ht int, ratio image.YCbCrSubsampleRatio, quality int) (int, error) {
	out, size := h.holdOutput(dst)
	a, b, c := stackInts(int(tjSubsampling[ratio]), quality, tjNoRealloc|tjAccurateDCT)
	h.args = arguments{h.id, h.hold(&pix[0]), uintptr(w), 0, uintptr(ht), tjRGB, out, size, a, b, c}
	err := h.call(h.lib.compress, 11)
	return int(h.size), err
}

// holdPlanes returns the addresses of arrays with m's planes and strides.
func (h *turboHandle) holdPlanes(m *image.YCbCr, grey bool) (planes, strides uintptr) {
	h.planes = [3]uintptr{h.hold(&m.Y[0])}
	h.strides = [3]int32{int32(m.YStride), int32(m.CStride), int32(m.CStride)}
	if !grey {
		h.planes[1], h.planes[2] = h.hold(&m.Cb[0]), h.hold(&m.Cr[0])
	}
	return uintptr(unsafe.Pointer(&h.planes)), uintptr(unsafe.Pointer(&h.strides))
}

// holdOutput returns the addresses of a pointer to dst and of its length, which
// TurboJPEG overwrites with what it used.
func (h *turboHandle) holdOutput(dst []byte) (out, size uintptr) {
	h.out, h.size = h.hold(&dst[0]), uint64(len(dst))
	return uintptr(unsafe.Pointer(&h.out)), uintptr(unsafe.Pointer(&h.size))
}

// stackInts places the C ints of a call from its ninth argument on. Apple's
// arm64 packs what does not fit the registers into 8-byte stack slots;
// everywhere else each has a slot, or still a register, of its own.
func stackInts(a, b, c int) (uintptr, uintptr, uintptr) {
	if runtime.GOOS == "darwin" && runtime.GOARCH == "arm64" {
		return uintptr(uint32(a)) | uintptr(uint32(b))<<32, uintptr(uint32(c)), 0
	}
	return uintptr(a), uintptr(b), uintptr(c)
}
