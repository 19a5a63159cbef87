package morph

// Otsu returns the level that parts hist, the number of pixels of each value,
// into values up to it and values above it with the largest variance between the
// two (Otsu, "A threshold selection method from gray-level histograms", IEEE
// Trans. SMC 9(1), 1979). Of equally good levels it is the lowest; 0 where there
// is nothing to part. It is the threshold that OpenCV's THRESH_OTSU returns.
//
// Counts below 0 are a caller's bug.
func Otsu(hist *[256]int64) int {
	var total, sum int64
	for v, n := range hist {
		total += n
		sum += int64(v) * n
	}
	if total == 0 {
		return 0
	}
	// A class with less than this share counts as empty: the float32 epsilon.
	const least = 1.0 / (1 << 23)
	scale := 1 / float64(total)
	mean := float64(sum) * scale
	level, best := 0, 0.0
	var low, lowMean float64 // share and mean of the values up to v
	for v, n := range hist {
		share := float64(n) * scale
		moment := float64(lowMean * low)
		low += share
		high := 1 - low
		if min(low, high) < least || max(low, high) > 1-least {
			lowMean = moment
			continue
		}
		// No product below may fuse with its sum: ties are decided by last bits.
		lowMean = (moment + float64(float64(v)*share)) / low
		highMean := (mean - float64(low*lowMean)) / high
		gap := lowMean - highMean
		if between := float64(float64(low*high)*gap) * gap; between > best {
			level, best = v, between
		}
	}
	return level
}
