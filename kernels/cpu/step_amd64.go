package cpu

//go:generate go run ./asm/step -out step_kernels_amd64.s -stubs step_stub_amd64.go -pkg cpu

// Each function gives whole vectors to the assembly and the rest to the portable
// loop. Which slice is which is said there.

const stepVector = 8

func sgdStep(t *stepTask, from, to int) {
	if n := (to - from) &^ (stepVector - 1); useAVX2 && n > 0 {
		if t.a == nil {
			sgdPlainAVX2(&t.p[from], &t.g[from], n, &t.k)
		} else {
			sgdAVX2(&t.p[from], &t.g[from], &t.a[from], n, &t.k)
		}
		from += n
	}
	sgdPortable(t, from, to)
}

func adamStep(t *stepTask, from, to int) {
	if n := (to - from) &^ (stepVector - 1); useAVX2 && n > 0 {
		switch p, g, v := &t.p[from], &t.g[from], &t.b[from]; {
		case t.a == nil && t.c == nil && t.d == nil:
			adagradAVX2(p, g, v, n, &t.k)
			from += n
		case t.a == nil || t.c != nil && t.d != nil: // not worth a form of its own
		case t.c != nil:
			amsgradAVX2(p, g, &t.a[from], v, &t.c[from], n, &t.k)
			from += n
		case t.d != nil:
			lambAVX2(p, g, &t.a[from], v, &t.d[from], n, &t.k)
			from += n
		default:
			adamAVX2(p, g, &t.a[from], v, n, &t.k)
			from += n
		}
	}
	adamPortable(t, from, to)
}

func rmsStep(t *stepTask, from, to int) {
	if n := (to - from) &^ (stepVector - 1); useAVX2 && n > 0 && t.c == nil {
		if t.a == nil {
			rmsPlainAVX2(&t.p[from], &t.g[from], &t.b[from], n, &t.k)
		} else {
			rmsAVX2(&t.p[from], &t.g[from], &t.b[from], &t.a[from], n, &t.k)
		}
		from += n
	}
	rmsPortable(t, from, to)
}

func lionStep(t *stepTask, from, to int) {
	if n := (to - from) &^ (stepVector - 1); useAVX2 && n > 0 {
		lionAVX2(&t.p[from], &t.g[from], &t.a[from], n, &t.k)
		from += n
	}
	lionPortable(t, from, to)
}

func adanStep(t *stepTask, from, to int) {
	if n := (to - from) &^ (stepVector - 1); useAVX2 && n > 0 {
		adanAVX2(&t.p[from], &t.g[from], &t.a[from], &t.b[from], &t.c[from], &t.d[from], n, &t.k)
		from += n
	}
	adanPortable(t, from, to)
}

func lerpStep(t *stepTask, from, to int) {
	if n := (to - from) &^ (stepVector - 1); useAVX2 && n > 0 {
		lerpAVX2(&t.p[from], &t.g[from], n, &t.k)
		from += n
	}
	lerpPortable(t, from, to)
}

// dotLoop adds the products of len(a) values, a multiple of dotLanes, to s.
func dotLoop(a, b []float32, s *[dotLanes]float64) {
	if useAVX2 && len(a) > 0 {
		dotAVX2(&a[0], &b[0], len(a), s)
		return
	}
	dotPortable(a, b, s)
}
