// Package recursivemix holds RecursiveMix (Yang et al., "RecursiveMix: Mixed Learning
// with History", arXiv:2203.06844) and what it is compared with: CutMix (Yun et al.,
// arXiv:1905.04899) and Mixup (Zhang et al., arXiv:1710.09412). Each is a training method:
//
//	method: {name: recursivemix, omega: 0.1, size: 32}
//
// # What it does
//
// The whole mixed batch of the last step is shrunk and pasted into a box of this one.
// As that batch holds the one before, images of geometrically falling age and scale
// lie in each other. With x, y the new batch, X, Y, Z the kept images, labels and
// logits, and a the share of the image that the box covers:
//
//	u ~ U(0, alpha), sides floor(W sqrt u), floor(H sqrt u), clipped   NewDraw, Draw.Box
//	x[box] = resize(X);  Y = (1-a) y + a Y                             History.BeforeForward
//	L = softCE(z, Y)                                                   History.Loss
//	  + omega a softCE(z_roi, softmax Z)                               History.AfterForward
//	X, Y, Z = the mixed images, their labels, z
//
// z_roi are the logits of ROI align over the box, to 1 x 1, of the map that the
// network pools, by a linear layer of its own, fc_roi, that serves in training only.
//
//	option         default   meaning
//	alpha          0.5       largest share of a box before clipping
//	omega          0.5       weight of the consistency term (0.1 in the authors' CIFAR-10 run);
//	                         0: no ROI branch, and no fc_roi
//	interpolation  nearest   or bilinear, corners aligned
//	share_fc       false     the ROI branch uses the network's classifier
//	smoothing      0         of the labels: eps/(K-1) for each wrong class
//	swapped_axes   false     the authors' paste before April 2023, for ablation
//	size           32        side of the images in pixels
//
// cutmix has alpha (1, of Beta), probability (1) and smoothing; mixup the same with
// alpha 0.4. History is the mechanism without the training loop, for methods/historical.
//
// # Guarantees
//
// The first step of an epoch pastes nothing and is that of plain training. Neutral
// settings (alpha 0, probability 0) are plain training to the bit. The draws depend
// on the run's seed and the step; what is kept, 4 B (3HW + 2K) bytes, is among the
// method's buffers: a run that was killed in the middle of an epoch goes on bit for bit.
// No gradient reaches what is kept. The caller's batch is not written to.
//
// # What differs from the authors' release, and why
//
//   - The release before April 2023 pasted at the transposed box while the ROI branch
//     looked at the box; the published numbers very probably come from it. Here both
//     are the box; swapped_axes brings the old way back.
//   - A box with one side of no pixel is empty. The release tests for two.
//   - omega 0 leaves the branch out; the release computes it and multiplies by 0, which
//     gives fc_roi momentum and decay but the network the same gradients.
//   - In a step that pastes nothing fc_roi has a gradient of zeros, so that momentum
//     and weight decay act on it, as the release has it with zeroed gradients.
//   - A batch that is larger than the one before, in one epoch, is an error; a batch
//     of one keeps its axis.
//   - Probability and label smoothing of CutMix and Mixup are additions. The release has
//     the two as functions that its loop does not call.
//
// Nearest resize picks as torch.nn.functional.interpolate, in float32. That is floor(i
// in/out) at 32 pixels; at 224 it is one pixel less at 17 of the 25,200 places of all
// sizes. The ROI branch takes its scale from the widths for both axes, as the release does.
//
// # Expected results
//
// Top-1 of the authors: ResNet-50, ImageNet, 300 epochs, 79.20 (baseline 76.32, Mixup
// 77.42, CutMix 78.60); PyramidNet-200 on CIFAR-10 97.65, the best epochs on the test
// split of three runs, 97.41 at the last epoch. Mixing lowers training accuracy and
// needs long schedules: a short run may well lose to the baseline.
//
// # How it was verified
//
// tests/parity compares five steps of training with PyTorch and torchvision (images,
// labels, boxes, losses, gradients, weights), and CutMix and Mixup with torchvision and
// timm. Here: the law of the boxes against its moments, the closed forms of labels and
// pixels, ROI align on a ramp, gradients of the whole loss by differences in float64,
// and runs that are killed at random steps.
package recursivemix
