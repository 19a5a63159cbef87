// Package localise finds the object that was added to a picture: by comparing it
// with its base, or by joining that with a detector.
//
//	var where addsd.Localiser = localise.NewDifference(localise.Options{})
//	found, err := where.Localise(base, made, request) // both decoded from one quality
//	if addsd.RejectionOf(err) != nil {
//		// nothing_found, too_much, drift: counted and left out
//	}
//
// The difference is that of specs/add_sd.md section 4.7: the largest change of a
// pixel's channels, smoothed, cut at a threshold, closed, and taken apart into
// components. The section's threshold, the larger of 0.15 and Otsu's, finds hard
// edges well and loses objects that have the colour of what they stand on, so it
// is only the most that a threshold can be here. Instead:
//
//   - Noise is measured. A codec or a model changes every part of a picture a
//     little; the peaks of the quieter blocks say how much. Both thresholds stay
//     above a multiple of that.
//   - Weak change counts where strong change is connected with it (hysteresis;
//     Canny, "A computational approach to edge detection", IEEE PAMI 8(6), 1986).
//   - A codec spreads an edge over its block of 16 x 16 pixels. Change that is weak
//     beside a strong one in the blocks around it is taken for that.
//   - An object whose middle matches the base falls into parts. Those near the
//     largest belong to it.
//
// Guarantees: arithmetic that decides pixels is in integers, so that the same
// pictures give the same result on every machine. Everything is safe for
// concurrent use. Memory beyond the result is pooled.
//
// Caveats: one object is looked for. Pixels in which object and base agree cannot
// be seen and are only filled in where others surround them. Base and made have
// to be encoded with the same quality; otherwise the codec's noise of the whole
// picture hides weak objects.
package localise
