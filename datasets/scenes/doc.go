// Package scenes draws small datasets: shapes cut from coloured card, lying on
// textured grounds, with every outline, mask, box, class and expression known
// exactly. It writes them in the layouts in which RefCOCO, LVIS and ImageNet are
// published, so that all of the tool can be tried, and tested, on data that nobody
// has to download.
//
//	layout, err := scenes.Write("demo-data", 0, scenes.Size{})
//	layout.RefCOCO.Inputs["refs"] // demo-data/refer/refcoco/refs(unc).p
//
// The RefCOCO set has the first images of the LVIS set, as COCO 2014 and 2017
// share theirs. Each set carries the accidents that real downloads have: a
// truncated JPEG, an empty file, a page of HTML, a PNG under a JPEG's name, a
// header that claims 65,535 x 65,535 pixels, a missing file, an annotation outside
// its image. Recipe.Planted names them and what should become of them.
//
// The LVIS set has a long tail: classes seen in one to three images beside common
// and frequent ones. The rarest (leaf, fish, bell, house) lie whole and uncovered
// in scenes with little else, so that they can be cut out.
//
// Guarantees: the same seed and size give the same files (for one Go release and
// one architecture: floating point and image/jpeg decide the pixels). An
// expression is true of the object it names and of no other in its image; masks
// are what is seen of an object, those of hidden parts left out.
//
// Caveats: frequencies follow LVIS's rule (rare up to 10 images, common up to
// 100, frequent above), so a set of fewer than 103 scenes has no frequent class.
// RefCOCO's splits are by image and mean nothing more. The wnids n90000001 to
// n90000010 are made up. Colours and shapes are drawn to be told apart, not to be
// hard.
package scenes
