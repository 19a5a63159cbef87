// Package training trains a network on real images and holds the curve against
// PyTorch's.
//
//	TAILORBIRD_CIFAR10=cifar10_jpeg.tar go test -v -timeout 2h ./tests/training
//	python3 tests/training/cifar.py cifar10_jpeg.tar OUT
//
// The archive holds SPLIT/CLASS/NAME.jpg. Both programs take the same images in the
// same order with the same crops and flips, from the same first weights, which the
// Go side writes to OUT (TAILORBIRD_CIFAR10_OUT) and the Python side reads there.
// What is left between the curves is rounding, and what rounding grows to.
package training
