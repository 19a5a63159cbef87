// Package metrics measures what the methods are compared by: classification,
// calibration, average precision of boxes and masks, referring expressions, and
// the distance of two sets of features.
//
//	truth, err := metrics.ReadGroundTruth(file, "lvis_v1_val.json", metrics.ReadOptions{Masks: true})
//	...
//	found, err := metrics.ReadDetections(results, "results.json", truth)
//	...
//	e, err := metrics.NewLVIS(truth, metrics.LVIS{Masks: true})
//	...
//	r, err := e.Evaluate(found)
//	fmt.Println(r.Stat("AP"), r.Stat("APr"))
//
// A detector that runs now needs no list of detections: it hands each image to
// Evaluator.Add as soon as it is done and calls Result at the end. What is kept
// of a detection then is its score and one bit for each threshold.
//
// # Definitions
//
// COCO measures follow COCOeval of pycocotools, LVIS measures LVISEval of the lvis
// package (Gupta, Dollar and Girshick, arXiv:1908.03195): which ground truth may
// be matched, what is ignored, how ties fall. Their numbers agree to the last
// digits. Accuracy of referring expressions and the generalised form follow
// SimVG's paper and gRefCOCO's evaluator over the whole split.
//
// # Guarantees
//
// Results are the same bits at any number of workers. Bad input is a fault that
// names the entry, never a panic.
//
// # Caveats
//
// Two oddities of pycocotools are not repeated. It takes a ground truth of id 0
// for no match; ids mean nothing here. Its first number is -1 where MaxDets has no
// 100; here AP counts the largest of MaxDets.
// A measure without anything to measure is -1, as there.
package metrics
