// Package augment changes pictures at random for training, as a recipe says:
//
//	recipe, err := augment.Parse("random_resized_crop(224) | flip | rand_augment(2, 9)")
//	a := recipe.New() // one a goroutine, kept between pictures
//	var out raster.RGB
//	err = a.Apply(&out, decoded, augment.Seed{Run: 1, Epoch: epoch, Key: key})
//	recipe.Normalize().CHW(dst, &out)
//
// The steps: resize, center_crop, pad_crop, random_resized_crop, flip,
// color_jitter, rand_augment and, last, normalize; Ops lists their arguments.
//
// Guarantees: what a step draws follows from the seed, its place in the recipe
// and its name alone, never from pictures before it; another step added behind
// it changes nothing of it. The distributions are those of torchvision's
// transforms of the same names (random_resized_crop is Inception's, Szegedy et
// al. 2015; rand_augment is Cubuk et al. 2020) and, for the same parameters,
// each operation gives the bytes of torchvision 0.29 on Pillow 13, resampling
// included. CHW gives the floats of torchvision's ToDtype and Normalize. Steady
// state allocates nothing.
//
// Caveats: the draws are not those of torch's generator. Geometric operations of
// rand_augment take the nearest pixel and fill with black, torchvision's default.
// Sizes up to 65535. A recipe without a last normalize has normalize(imagenet).
package augment
