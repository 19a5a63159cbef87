package cpu

import "unsafe"

// gemmTile sets rows x cols of C to alpha A B + beta C, rows <= gemmMR and cols <=
// gemmNR. Element (i, p) of A is a[i*ars+p*acs] and (p, j) of B is b[p*brs+j]; B
// has gemmNR readable columns whatever cols. k is at least 1.
func gemmTile(rows, cols, k int, alpha float32, a []float32, ars, acs int, b []float32, brs int,
	beta float32, c []float32, crs int) {
	if !useAVX2 {
		gemmTilePortable(rows, cols, k, alpha, a, ars, acs, b, brs, beta, c, crs)
		return
	}
	// The assembly checks nothing: these are its last elements.
	_, _, _ = a[(rows-1)*ars+(k-1)*acs], b[(k-1)*brs+gemmNR-1], c[(rows-1)*crs+cols-1]
	switch rows {
	case 1:
		gemmTile1AVX2(k, &a[0], ars, acs, &b[0], brs, &c[0], crs, cols, alpha, beta)
	case 2:
		gemmTile2AVX2(k, &a[0], ars, acs, &b[0], brs, &c[0], crs, cols, alpha, beta)
	case 3:
		gemmTile3AVX2(k, &a[0], ars, acs, &b[0], brs, &c[0], crs, cols, alpha, beta)
	case 4:
		gemmTile4AVX2(k, &a[0], ars, acs, &b[0], brs, &c[0], crs, cols, alpha, beta)
	case 5:
		gemmTile5AVX2(k, &a[0], ars, acs, &b[0], brs, &c[0], crs, cols, alpha, beta)
	case gemmMR:
		gemmTile6AVX2(k, &a[0], ars, acs, &b[0], brs, &c[0], crs, cols, alpha, beta)
	}
}

// gemmColumn is a column of tiles: packed panels of A, astep floats apart, times
// one packed panel of B.
func gemmColumn(rows, cols, k int, alpha float32, a []float32, astep int, b []float32, beta float32, c []float32, crs int) {
	gemmColumnBias(rows, cols, k, alpha, a, astep, b, beta, c, crs, nil)
}

// gemmColumnBias is gemmColumn plus a bias on every row, nil for none.
func gemmColumnBias(rows, cols, k int, alpha float32, a []float32, astep int, b []float32, beta float32, c []float32, crs int, bias []float32) {
	if bias != nil && (!useAVX2 || cols < gemmNR || alpha != 1 || beta != 0) {
		addBias(c, rows, cols, crs, bias, beta)
		bias, beta = nil, 1
	}
	tiles := 0
	if useAVX2 && rows >= gemmMR {
		tiles = rows / gemmMR
		_, _, _ = a[(tiles-1)*astep+k*gemmMR-1], b[k*gemmNR-1], c[(tiles*gemmMR-1)*crs+cols-1]
		gemmPackedAVX2(tiles, k, &a[0], astep, &b[0], &c[0], crs, cols, alpha, beta, unsafe.SliceData(bias))
	}
	done := tiles * gemmMR
	if done < rows && bias != nil {
		addBias(c[done*crs:], rows-done, cols, crs, bias, beta)
		beta = 1
	}
	for i := done; i < rows; i += gemmMR {
		gemmTile(min(gemmMR, rows-i), cols, k, alpha, a[i/gemmMR*astep:], 1, gemmMR, b, gemmNR, beta, c[i*crs:], crs)
	}
}

// addBias sets every row of C to bias + beta C.
func addBias(c []float32, rows, cols, crs int, bias []float32, beta float32) {
	for i := range rows {
		row := c[i*crs:][:cols]
		if beta == 0 {
			copy(row, bias)
			continue
		}
		for j, v := range bias[:cols] {
			row[j] = v + beta*row[j]
		}
	}
}

// gemmTilePortable is gemmTile in Go.
func gemmTilePortable(rows, cols, k int, alpha float32, a []float32, ars, acs int, b []float32, brs int,
	beta float32, c []float32, crs int) {
	for i := range rows {
		var sum [gemmNR]float32
		for p := range k {
			x := a[i*ars+p*acs]
			row := b[p*brs : p*brs+gemmNR]
			for j, y := range row {
				sum[j] += x * y
			}
		}
		row := c[i*crs : i*crs+cols]
		for j := range row {
			if beta == 0 {
				row[j] = alpha * sum[j]
			} else {
				row[j] = alpha*sum[j] + beta*row[j]
			}
		}
	}
}
