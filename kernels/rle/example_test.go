package rle_test

import (
	"fmt"

	"github.com/tailorbird/tailorbird/kernels/rle"
)

func Example() {
	// An object in two parts, in an image of 6 rows and 8 columns.
	parts := [][]float64{{1, 1, 4, 1, 4, 5, 1, 5}, {6, 0, 8, 0, 8, 2, 6, 2}}
	m, err := rle.FromPolygons(parts, 6, 8, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(m.Area(), m.Box(), m)

	// What a random crop with a flip does to the image, done to the mask.
	m, err = m.Crop(2, 0, 6, 6, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err = m.FlipHorizontal(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	rows, err := m.AppendBitmap(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for ; len(rows) > 0; rows = rows[6:] {
		fmt.Println(rows[:6])
	}
	// Output:
	// 16 [1 0 7 5] 742000;NG00
	// [1 1 0 0 0 0]
	// [1 1 0 0 1 1]
	// [0 0 0 0 1 1]
	// [0 0 0 0 1 1]
	// [0 0 0 0 1 1]
	// [0 0 0 0 0 0]
}
