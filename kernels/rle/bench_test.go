package rle

import (
	"math"
	"testing"
)

// blob is an outline of 60 points round the middle of a 480 x 640 image, about
// the size of a COCO object.
func blob() []float64 {
	var xy []float64
	for i := range 60 {
		r := 90 + 25*math.Sin(float64(7*i))
		s, c := math.Sincos(float64(i) * math.Pi / 30)
		xy = append(xy, 320+1.3*r*c, 240+r*s)
	}
	return xy
}

func blobMask(b *testing.B) Mask {
	m, err := FromPolygon(blob(), 480, 640, nil)
	if err != nil {
		b.Fatal(err)
	}
	return m
}

// bench runs f, which returns the buffer to pass next time.
func bench[T any](b *testing.B, buf []T, f func([]T) ([]T, error)) {
	b.Helper()
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if buf, err = f(buf); err != nil {
			b.Fatal(err)
		}
	}
}

// benchMask is bench for functions that return masks.
func benchMask(b *testing.B, f func([]uint32) (Mask, error)) {
	b.Helper()
	bench(b, nil, func(buf []uint32) ([]uint32, error) {
		m, err := f(buf)
		return m.Counts, err
	})
}

func BenchmarkFromPolygon(b *testing.B) {
	xy := blob()
	benchMask(b, func(buf []uint32) (Mask, error) { return FromPolygon(xy, 480, 640, buf) })
}

func BenchmarkFromPolygons(b *testing.B) {
	parts := [][]float64{blob(), {10, 10, 100, 20, 50, 90}, {600, 400, 630, 410, 620, 470}}
	benchMask(b, func(buf []uint32) (Mask, error) { return FromPolygons(parts, 480, 640, buf) })
}

func BenchmarkRLEEncode(b *testing.B) {
	m := blobMask(b)
	columns, err := m.AppendColumns(nil)
	if err != nil {
		b.Fatal(err)
	}
	rows, err := m.AppendBitmap(nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("columns", func(b *testing.B) {
		b.SetBytes(480 * 640)
		benchMask(b, func(buf []uint32) (Mask, error) { return FromColumns(columns, 480, 640, buf) })
	})
	b.Run("rows", func(b *testing.B) {
		b.SetBytes(480 * 640)
		benchMask(b, func(buf []uint32) (Mask, error) { return FromBitmap(rows, 480, 640, buf) })
	})
}

func BenchmarkRLEDecode(b *testing.B) {
	m := blobMask(b)
	b.Run("columns", func(b *testing.B) {
		b.SetBytes(480 * 640)
		bench(b, nil, func(buf []byte) ([]byte, error) { return m.AppendColumns(buf[:0]) })
	})
	b.Run("rows", func(b *testing.B) {
		b.SetBytes(480 * 640)
		bench(b, nil, func(buf []byte) ([]byte, error) { return m.AppendBitmap(buf[:0]) })
	})
}

func BenchmarkString(b *testing.B) {
	m := blobMask(b)
	s := m.String()
	b.Run("append", func(b *testing.B) {
		bench(b, nil, func(buf []byte) ([]byte, error) { return m.AppendString(buf[:0]), nil })
	})
	b.Run("parse", func(b *testing.B) {
		benchMask(b, func(buf []uint32) (Mask, error) { return FromString(s, 480, 640, buf) })
	})
}

func BenchmarkTransform(b *testing.B) {
	m := blobMask(b)
	b.Run("resize", func(b *testing.B) {
		benchMask(b, func(buf []uint32) (Mask, error) { return m.Resize(224, 224, buf) })
	})
	b.Run("crop", func(b *testing.B) {
		benchMask(b, func(buf []uint32) (Mask, error) { return m.Crop(200, 100, 256, 256, buf) })
	})
	b.Run("flip", func(b *testing.B) {
		benchMask(b, func(buf []uint32) (Mask, error) { return m.FlipHorizontal(buf) })
	})
	b.Run("turn", func(b *testing.B) {
		benchMask(b, func(buf []uint32) (Mask, error) { return m.Orient(6, buf) })
	})
}

func BenchmarkMerge(b *testing.B) {
	m := blobMask(b)
	o, err := m.Orient(3, nil)
	if err != nil {
		b.Fatal(err)
	}
	parts := []Mask{m, o}
	b.Run("union", func(b *testing.B) {
		benchMask(b, func(buf []uint32) (Mask, error) { return Union(parts, buf) })
	})
	b.Run("overlap", func(b *testing.B) {
		bench(b, nil, func(buf []float64) ([]float64, error) { return IoUs(buf, parts, parts, nil) })
	})
}
