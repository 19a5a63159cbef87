package morph

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

// speckle returns a bitmap with about the given share of the pixels set, to
// values other than 0.
func speckle(r *rand.Rand, w, h int, share float64) *Bitmap {
	b := New(w, h)
	for i := range b.Pix {
		if r.Float64() < share {
			b.Pix[i] = byte(1 + r.IntN(255))
		}
	}
	return b
}

// blobs returns a bitmap of a few overlapping rectangles.
func blobs(r *rand.Rand, w, h int) *Bitmap {
	b := New(w, h)
	for range 6 {
		x, y := r.IntN(w), r.IntN(h)
		for j := y; j < min(h, y+1+r.IntN(h)); j++ {
			for i := x; i < min(w, x+1+w/4); i++ {
				b.Pix[j*w+i] = 255
			}
		}
	}
	return b
}

func (b *Bitmap) at(x, y int) bool {
	return x >= 0 && y >= 0 && x < b.Width && y < b.Height && b.Pix[y*b.Width+x] != 0
}

// plainDilate is the definition, offset by offset.
func plainDilate(src *Bitmap, k Kernel) *Bitmap {
	dst := New(src.Width, src.Height)
	kw, kh := k.Size()
	for j := range kh {
		for i := range kw {
			if dx, dy := i-kw/2, j-kh/2; k.At(i, j) {
				for y := max(0, -dy); y < min(src.Height, src.Height-dy); y++ {
					for x := max(0, -dx); x < min(src.Width, src.Width-dx); x++ {
						if src.at(x+dx, y+dy) {
							dst.Pix[y*dst.Width+x] = 255
						}
					}
				}
			}
		}
	}
	return dst
}

func inverse(b *Bitmap) *Bitmap {
	dst := New(b.Width, b.Height)
	for i, v := range b.Pix {
		if v == 0 {
			dst.Pix[i] = 255
		}
	}
	return dst
}

func equal(t *testing.T, what string, got, want *Bitmap) {
	t.Helper()
	if got.Width != want.Width || got.Height != want.Height || !bytes.Equal(got.Pix, want.Pix) {
		t.Fatalf("%s differs:\n%s\nwant\n%s", what, dump(got), dump(want))
	}
}

func dump(b *Bitmap) string {
	var s bytes.Buffer
	for y := range min(b.Height, 40) {
		for x := range min(b.Width, 100) {
			s.WriteByte(".#"[min(b.Pix[y*b.Width+x], 1)])
		}
		s.WriteByte('\n')
	}
	return s.String()
}

// kernels are elements of every kind, even sizes, and ones larger than any
// picture of the tests.
func kernels(r *rand.Rand) []Kernel {
	n := func() int { return 1 + r.IntN(12) }
	return []Kernel{{}, Rect(n(), n()), Cross(n()), Ellipse(n(), n()), Disk(r.IntN(5)), Rect(150, 1), Cross(170), Rect(0, -1)}
}

func TestOperationsEqualTheirDefinitions(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	var m Morpher
	var got, second Bitmap
	for i := range 30 {
		src := speckle(r, 1+r.IntN(80), 1+r.IntN(20), []float64{0.02, 0.3, 0.9}[i%3])
		for _, k := range kernels(r) {
			name := fmt.Sprint(src.Width, "x", src.Height, " by ", k.rects)
			dilated := plainDilate(src, k)
			m.Dilate(&got, src, k)
			equal(t, "dilation "+name, &got, dilated)

			eroded := inverse(plainDilate(inverse(src), k))
			m.Erode(&got, src, k)
			equal(t, "erosion "+name, &got, eroded)

			m.Close(&got, src, k)
			m.Erode(&second, dilated, k)
			equal(t, "closing "+name, &got, &second)

			m.Open(&got, src, k)
			m.Dilate(&second, eroded, k)
			equal(t, "opening "+name, &got, &second)
		}
	}
}

func TestDilationsCompose(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	var m Morpher
	for range 40 {
		src := blobs(r, 1+r.IntN(300), 1+r.IntN(60))
		a, b := r.IntN(20), r.IntN(20)
		var twice, once Bitmap
		m.Dilate(&twice, src, Rect(2*a+1, 2*b+1))
		m.Dilate(&twice, &twice, Rect(2*b+1, 2*a+1))
		m.Dilate(&once, src, Rect(2*(a+b)+1, 2*(a+b)+1))
		equal(t, "two dilations", &twice, &once)

		// An odd element's closing holds the picture, its opening is held by
		// it, and doing either again changes nothing.
		k := Ellipse(2*a+1, 2*b+1)
		m.Close(&once, src, k)
		m.Close(&twice, &once, k)
		equal(t, "second closing", &twice, &once)
		for i, v := range src.Pix {
			if v != 0 && once.Pix[i] == 0 {
				t.Fatal("a closing lost a pixel")
			}
		}
		m.Open(&once, src, k)
		m.Open(&twice, &once, k)
		equal(t, "second opening", &twice, &once)
		for i, v := range once.Pix {
			if v != 0 && src.Pix[i] == 0 {
				t.Fatal("an opening made a pixel")
			}
		}
	}
}

func TestEllipseIsOpenCVs(t *testing.T) {
	t.Parallel()
	// cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (w, h)), OpenCV 5.0.0
	tests := []struct {
		w, h int
		rows string
	}{
		{3, 3, ".#. ### .#."},
		{5, 5, "..#.. ##### ##### ##### ..#.."},
		{7, 7, "...#... .#####. ####### ####### ####### .#####. ...#..."},
		{4, 6, "..#. .### #### #### #### .###"},
		{9, 4, "....#.... .#######. ######### .#######."},
	}
	for _, tt := range tests {
		k := Ellipse(tt.w, tt.h)
		var rows []byte
		for y := range tt.h {
			for x := range tt.w {
				v := byte('.')
				if k.At(x, y) {
					v = '#'
				}
				rows = append(rows, v)
			}
			rows = append(rows, ' ')
		}
		if got := string(rows[:len(rows)-1]); got != tt.rows {
			t.Errorf("ellipse %d x %d is %s, want %s", tt.w, tt.h, got, tt.rows)
		}
	}
}

func TestEmptyPicturesAreFine(t *testing.T) {
	t.Parallel()
	var m Morpher
	for _, b := range []*Bitmap{{}, New(0, 5), New(5, 0)} {
		var dst Bitmap
		m.Close(&dst, b, Rect(3, 3))
		if dst.Width != b.Width || dst.Height != b.Height {
			t.Errorf("%d x %d became %d x %d", b.Width, b.Height, dst.Width, dst.Height)
		}
		if labels, parts := m.Components(nil, b); len(labels)+len(parts) > 0 {
			t.Errorf("%d x %d has components", b.Width, b.Height)
		}
		if d := m.Distance(nil, b); len(d) > 0 {
			t.Errorf("%d x %d has distances", b.Width, b.Height)
		}
	}
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	src := blobs(r, 320, 240)
	var m Morpher
	var dst Bitmap
	var labels []int32
	var distances []float32
	k := Disk(3)
	work := func() {
		m.Close(&dst, src, k)
		labels, _ = m.Components(labels, src)
		distances = m.Distance(distances, src)
	}
	work()
	if n := testing.AllocsPerRun(10, work); n > 0 {
		t.Errorf("%v allocations a run", n)
	}
}

func FuzzMorph(f *testing.F) {
	f.Add([]byte("\x01\x00\x01\x00\x00\x01\x01\x00\x01"), uint8(3), uint8(10), uint8(2))
	f.Add(bytes.Repeat([]byte{0, 0, 9}, 70), uint8(70), uint8(5), uint8(7))
	f.Add([]byte{}, uint8(0), uint8(0), uint8(0))
	f.Fuzz(func(t *testing.T, pix []byte, width, kw, kh uint8) {
		src := New(0, 0)
		if width > 0 {
			src.Width, src.Height = int(width), len(pix)/int(width)
			src.Pix = pix[:src.Width*src.Height]
		}
		var m Morpher
		var dilated, eroded Bitmap
		k := Ellipse(int(kw), int(kh))
		m.Dilate(&dilated, src, k)
		m.Erode(&eroded, inverse(src), k)
		equal(t, "erosion of the background", inverse(&eroded), &dilated)
		labels, parts := m.Components(nil, src)
		checkPartition(t, src, labels, parts)
		m.Distance(nil, src)
	})
}

func BenchmarkMorph(b *testing.B) {
	r := rand.New(rand.NewPCG(7, 8))
	src := blobs(r, 640, 480)
	noise := speckle(r, 640, 480, 0.1)
	var m Morpher
	var dst Bitmap
	var labels []int32
	var distances []float32
	for _, bb := range []struct {
		name string
		f    func()
	}{
		{"dilate rect 10", func() { m.Dilate(&dst, src, Rect(10, 10)) }},
		{"close disk 2", func() { m.Close(&dst, src, Disk(2)) }},
		{"dilate disk 20", func() { m.Dilate(&dst, src, Disk(20)) }},
		{"components", func() { labels, _ = m.Components(labels, src) }},
		{"components of noise", func() { labels, _ = m.Components(labels, noise) }},
		{"distance", func() { distances = m.Distance(distances, src) }},
	} {
		b.Run(bb.name, func(b *testing.B) {
			for b.Loop() {
				bb.f()
			}
		})
	}
}
