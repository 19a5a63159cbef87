package cpu

//go:generate go run ./asm/gemm -out gemm_amd64.s -stubs gemm_stub_amd64.go -pkg cpu

// Matrix products on packed panels, after Goto and van de Geijn, "Anatomy of
// High-Performance Matrix Multiplication" (TOMS 2008). What a kernel calls:
//
//	gemmPart    C = alpha A B + beta C for any strides of A and B, inside a part
//	packA/packB a matrix into panels, once, when it serves many products
//	gemmPackedA, gemmPackedB, gemmPacked
//	            the same product with the left, the right or both packed before, k > 0
//	gemmColumn  panels of A times one panel of B, for kernels with loops of their own
//	e.gemm      one product on all workers
//
// A loop around gemmPart rewinds the scratch: see scratchMark.
//
// A is m x k, B is k x n, C is m x n. Element (i, j) of A is a[i*ars+j*acs], so a
// transposed operand swaps the strides; rows of C are crs apart and contiguous.
// beta 0 does not read C. Slices begin at element (0, 0).
//
// A packed A is panels of gemmMR rows, panel after panel, each k x gemmMR: element
// (i, p) lies at (i/gemmMR)*gemmMR*k + p*gemmMR + i%gemmMR. A packed B is panels of
// gemmNR columns, each k x gemmNR: element (p, j) lies at (j/gemmNR)*gemmNR*k +
// p*gemmNR + j%gemmNR. Rows and columns beyond the last are zeros or anything
// finite. A kernel that produces its operand itself, such as Winograd's transform,
// may write this form directly.
//
// Every element of C is one sum over k in rising order, cut into passes by the sizes
// alone, whatever the strides and the number of workers. alpha scales each pass.
const (
	gemmMR = 6  // rows of a tile: 12 of the 16 vector registers are sums
	gemmNR = 16 // columns of a tile: two vectors

	gemmKC = 512  // most of k in one pass: a panel of B stays in the first cache
	gemmMC = 96   // rows of A in one pass: they stay in the second cache
	gemmNC = 1024 // columns of B packed in one pass

	gemmNCFew = 64 // the same where one pass has all rows of A

	gemmDirectRows = 132     // rows and values of A, and the distance of rows of B,
	gemmDirectSize = 1 << 15 // up to which operands are not packed
	gemmDirectStep = 512
	gemmDirectCols = 256 // columns up to which A is not packed for a packed B
)

// packedASize returns how many floats packA writes, packedBSize how many packB does.
func packedASize(m, k int) int { return (m + gemmMR - 1) / gemmMR * gemmMR * k }
func packedBSize(k, n int) int { return (n + gemmNR - 1) / gemmNR * gemmNR * k }

// gemmPart sets C = alpha A B + beta C on the calling worker.
func gemmPart(s *scratch, m, n, k int, alpha float32, a []float32, ars, acs int,
	b []float32, brs, bcs int, beta float32, c []float32, crs int) {
	if k == 0 {
		scaleRows(m, n, beta, c, crs)
		return
	}
	if gemmIsSmall(m, k, brs, bcs) {
		gemmDirect(s, m, n, k, alpha, a, ars, acs, b, brs, bcs, beta, c, crs)
		return
	}
	gemmBlocked(s, m, n, k, alpha, a, ars, acs, b, brs, bcs, beta, c, crs)
}

// gemmBlocked is gemmPart for operands that are packed.
func gemmBlocked(s *scratch, m, n, k int, alpha float32, a []float32, ars, acs int,
	b []float32, brs, bcs int, beta float32, c []float32, crs int) {
	kc, nc := gemmDepth(k), gemmNC
	if m <= gemmMC {
		nc = gemmNCFew
	}
	pa := s.floats(packedASize(min(m, gemmMC), kc))
	pb := s.floats(packedBSize(kc, min(n, nc)))
	for p := 0; p < k; p += kc {
		kp := min(kc, k-p)
		beta := betaAt(p, beta)
		if m <= gemmMC {
			packA(pa, m, kp, a[p*acs:], ars, acs)
		}
		for j := 0; j < n; j += nc {
			nj := min(nc, n-j)
			packB(pb, kp, nj, b[p*brs+j*bcs:], brs, bcs)
			for i := 0; i < m; i += gemmMC {
				mi := min(gemmMC, m-i)
				if m > gemmMC {
					packA(pa, mi, kp, a[i*ars+p*acs:], ars, acs)
				}
				gemmTiles(mi, nj, kp, alpha, pa, gemmMR*kp, pb, gemmNR*kp, beta, c[i*crs+j:], crs, nil)
			}
		}
	}
}

// gemmIsSmall says whether packing costs more than it saves: A stays in the second
// cache, and the rows of a B that is read where it is are not so far apart that a
// panel of it lies in few sets of the first.
func gemmIsSmall(m, k, brs, bcs int) bool {
	return m <= gemmDirectRows && m*gemmDepth(k) <= gemmDirectSize && (bcs != 1 || brs <= gemmDirectStep)
}

// gemmPackedA is gemmPart with an A that packA packed.
func gemmPackedA(s *scratch, m, n, k int, alpha float32, pa []float32,
	b []float32, brs, bcs int, beta float32, c []float32, crs int) {
	if k == 0 {
		scaleRows(m, n, beta, c, crs)
		return
	}
	kc := gemmDepth(k)
	nc := min(n, gemmNCFew)
	if m > gemmMC {
		nc = min(n, gemmNC)
	}
	pb := s.floats(packedBSize(kc, nc))
	for p := 0; p < k; p += kc {
		kp := min(kc, k-p)
		for j := 0; j < n; j += nc {
			nj := min(nc, n-j)
			packB(pb, kp, nj, b[p*brs+j*bcs:], brs, bcs)
			for i := 0; i < m; i += gemmMC {
				gemmTiles(min(gemmMC, m-i), nj, kp, alpha, pa[i*k+p*gemmMR:], gemmMR*k, pb, gemmNR*kp, betaAt(p, beta), c[i*crs+j:], crs, nil)
			}
		}
	}
}

// gemmPackedB is gemmPart with a B that packB packed, plus a bias on every row.
func gemmPackedB(s *scratch, m, n, k int, alpha float32, a []float32, ars, acs int,
	pb []float32, beta float32, c []float32, crs int, bias []float32) {
	kc := gemmDepth(k)
	direct := acs == 1 && n <= gemmDirectCols && ars%gemmDirectStep != 0 && bias == nil
	var pa []float32
	if !direct {
		pa = s.floats(packedASize(min(m, gemmMC), kc))
	}
	for i := 0; i < m; i += gemmMC {
		mi := min(gemmMC, m-i)
		for p := 0; p < k; p += kc {
			kp := min(kc, k-p)
			rows, panels, out := a[i*ars+p*acs:], pb[p*gemmNR:], c[i*crs:]
			if direct {
				gemmRows(mi, n, kp, alpha, rows, ars, panels, gemmNR*k, betaAt(p, beta), out, crs)
				continue
			}
			packA(pa, mi, kp, rows, ars, acs)
			gemmTiles(mi, n, kp, alpha, pa, gemmMR*kp, panels, gemmNR*k, betaAt(p, beta), out, crs, biasAt(p, bias))
		}
	}
}

// gemmPacked is gemmPart with both operands packed, plus a bias on every row.
// It needs no scratch.
func gemmPacked(m, n, k int, alpha float32, pa, pb []float32, beta float32, c []float32, crs int, bias []float32) {
	kc := gemmDepth(k)
	for p := 0; p < k; p += kc {
		kp := min(kc, k-p)
		for i := 0; i < m; i += gemmMC {
			gemmTiles(min(gemmMC, m-i), n, kp, alpha, pa[i*k+p*gemmMR:], gemmMR*k, pb[p*gemmNR:], gemmNR*k,
				betaAt(p, beta), c[i*crs:], crs, biasAt(p, bias))
		}
	}
}

// gemmDirect is gemmPart for small operands: A is read where it is, and so are
// whole panels of a B with contiguous rows.
func gemmDirect(s *scratch, m, n, k int, alpha float32, a []float32, ars, acs int,
	b []float32, brs, bcs int, beta float32, c []float32, crs int) {
	kc := gemmDepth(k)
	pb := s.floats(gemmNR * kc)
	for p := 0; p < k; p += kc {
		kp := min(kc, k-p)
		for j := 0; j < n; j += gemmNR {
			nr := min(gemmNR, n-j)
			panel, step := b[p*brs+j*bcs:], brs
			if bcs != 1 || nr < gemmNR {
				packB(pb, kp, nr, panel, brs, bcs)
				panel, step = pb, gemmNR
			}
			for i := 0; i < m; i += gemmMR {
				gemmTile(min(gemmMR, m-i), nr, kp, alpha, a[i*ars+p*acs:], ars, acs, panel, step, betaAt(p, beta), c[i*crs+j:], crs)
			}
		}
	}
}

// gemmTiles multiplies packed panels, paStride and pbStride floats apart. The
// inner loop runs over A, so that a panel of B is read again from the first cache.
func gemmTiles(m, n, k int, alpha float32, pa []float32, paStride int, pb []float32, pbStride int,
	beta float32, c []float32, crs int, bias []float32) {
	for j := 0; j < n; j += gemmNR {
		var b []float32
		if bias != nil {
			b = bias[j:]
		}
		gemmColumnBias(m, min(gemmNR, n-j), k, alpha, pa, paStride, pb[j/gemmNR*pbStride:], beta, c[j:], crs, b)
	}
}

// gemmRows is gemmTiles with an A whose rows, ars apart, are read where they are.
func gemmRows(m, n, k int, alpha float32, a []float32, ars int, pb []float32, pbStride int,
	beta float32, c []float32, crs int) {
	for j := 0; j < n; j += gemmNR {
		b := pb[j/gemmNR*pbStride:]
		for i := 0; i < m; i += gemmMR {
			gemmTile(min(gemmMR, m-i), min(gemmNR, n-j), k, alpha, a[i*ars:], ars, 1, b, gemmNR, beta, c[i*crs+j:], crs)
		}
	}
}

// gemmDepth returns into passes of which depth k is cut: equal ones of at most gemmKC.
func gemmDepth(k int) int {
	passes := (k + gemmKC - 1) / gemmKC
	return (k + passes - 1) / passes
}

// biasAt returns the bias for the pass that begins at p: the first adds it.
func biasAt(p int, bias []float32) []float32 {
	if p > 0 {
		return nil
	}
	return bias
}

// betaAt returns beta for the pass that begins at p: later ones add to the first.
func betaAt(p int, beta float32) float32 {
	if p > 0 {
		return 1
	}
	return beta
}

// scaleRows sets C = beta C, what a product over nothing leaves.
func scaleRows(m, n int, beta float32, c []float32, crs int) {
	for i := range m {
		row := c[i*crs : i*crs+n]
		for j := range row {
			if beta == 0 {
				row[j] = 0
			} else {
				row[j] *= beta
			}
		}
	}
}
