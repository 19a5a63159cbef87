// Package trained writes the page of a training run or of a sweep of runs: how the
// configurations compare, how they learnt, what they confuse, and what they cost.
//
//	err := trained.Write(f, trained.Input{Title: "runs", Keys: []string{"method.name", "seed"}, Runs: runs})
//
// Runs that differ only in their seed form a group. A group has the mean, the sample
// standard deviation (n - 1 in the denominator) and the range of its runs that ended
// well; one that failed counts in no number and is listed with its reason. A mean of
// a curve is drawn where all of them have a point.
//
// Guarantees: the same input gives the same bytes; every text is escaped; numbers
// that are not finite are written as a dash and drawn as a gap; pictures are embedded,
// and only as JPEG or PNG; the page runs no script and loads nothing (package report).
//
// Caveats: top-1, top-5 and the calibration error are shares from 0 to 1. The group
// that is marked as the best has the greatest mean top-1 of the last evaluations; the
// mark says nothing of whether the difference is more than chance. Curves show at most
// 24 groups in colour, a confusion matrix at most 200 classes; the page says what it
// leaves out.
package trained
