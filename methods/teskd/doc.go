// Package teskd holds TESKD (Li et al., "Student Helping Teacher: Teacher Evolution via
// Self-Knowledge Distillation", arXiv:2110.00329), a training method:
//
//	method: {name: teskd, temperature: 4}
//
// # What it does
//
// Three classifiers, the students, grow on the stages s_1 to s_4 of the network, from the
// last one up. They learn from the labels, from the network's logits and from its
// pooled feature. The network, their teacher, learns from the labels, and from them in
// two ways: through the stages, and through the divergence of its logits from theirs.
// When training ends the students go. With D channels in s_4, sections of
// specs/teskd.md in front:
//
//	2  S_4 = lateral_4(s_4);  u = up_j(S_{j+1});                          Students.maps
//	   S_j = fuse_j([u + lateral_j(s_j), u]),  j = 3, 2, 1
//	2  f_j = mean of head_j(S_j);  z_j = fc_j(f_j)                        Students.Forward
//	5  p = softmax(z_t/T) + 1e-7;  KL_j = T^2/B sum p (log p - log q_j)   Soften, Softened.KL
//	5  FEA_j = sum (f_j - stop f_t)^2 where one is above 0                FeatureLoss
//	5  L = w_ce (b_t CE(z_t) + sum b_sj CE(z_j)) + w_kd sum KL_j          Options.Weigh
//	     + w_fea sum FEA_j
//
// Student 1 stands on stage 1 and on the paths of the other two; student 3 on s_3 and
// s_4 alone. Weights do not change during training.
//
//	option          default  meaning
//	w_ce            0.2      weight of all cross-entropies, the network's too
//	w_kd            0.8      of the sum of the divergences
//	w_fea           1e-7     of the sum of the feature losses. Those are sums over the batch:
//	                         at another batch than 128, 1e-7 * 128/batch keeps the relation
//	b_t             1        of the network's cross-entropy within w_ce
//	b_s1 b_s2 b_s3  1        of the students' cross-entropies within w_ce
//	temperature     4        T (3 in the release before October 2021; the paper's is unknown)
//	size            32       side of the images in pixels
//	width           0        channels of the branches; 0: D
//	detach_teacher  false    ablation: the network learns nothing from the divergences
//	detach_stages   false    ablation: nor anything through its stages
//
// An arm without students is w_kd, w_fea and b_s1 to b_s3 at 0; to be compared with plain
// training it has w_ce 1, for 0.2 is a fifth of the learning rate but not of the decay.
//
// # Guarantees
//
// Evaluation and the exported weights are the plain network's, under its own names, and
// its logits are those that it has among students, bit for bit. The students' entries
// are in checkpoints as method.lateral1.0.weight and so on; a run that was killed goes on
// bit for bit. Without students a step is that of the plain loss times w_ce b_t, bit for
// bit. A steady step takes no new tensor memory. A term of weight 0 is not computed; what
// no term reaches has a gradient of zeros, so that momentum and decay act on it.
//
// Any zoo.Backbone of four stages will do: residual networks, also pre-activated, grouped
// and gated, VGG, DenseNet, MobileNet, PVT, Swin. s_4 is the map that is pooled, which in
// some has passed a closing norm or convolution. The networks of three stages and images
// whose maps are no multiples of the last one are a fault.Usage, and so are images of
// another size than the option's.
//
// # What differs from the authors' release, and why
//
//   - Students are numbered by stage. In the release its weight b1 is for the third.
//   - The 1x1 convolution of up_j comes before the interpolation. The two commute, and on a
//     quarter of the positions it costs a quarter: 264 of the 1485 million multiply-adds of
//     the students of a ResNet-18 on 32 pixels. Results differ by rounding.
//   - The windows of the heads follow from the maps: to the size of s_4, and to 2x2 where
//     s_4 is one position. That gives the release's 2, 4, 8, and 1, 2, 4 for its VGG; on
//     images of 8 pixels a ResNet has 1, 2, 4 here.
//   - width is an addition. At D = 2048 the windows of the heads are 352 of the 411 million
//     weights of the students; with a width of 512 these are 30 million in all. The last
//     convolution of a head then leads back to D.
//   - Weight 0 leaves a term out in place of multiplying by 0.
//   - The release never writes its best checkpoint, for it compares after the update;
//     the training loop here does.
//   - Precision is float32 throughout; the release mixes with float16.
//
// Convolutions of the students begin as torch's do, whatever the network's. The CIFAR
// ResNets of the release begin so, too: model option default_init.
//
// # Expected results
//
// Top-1 from the abstract: ResNet-18 on CIFAR-100 79.15 (baseline 74.41), on ImageNet
// 71.14 (baseline 69.71). Public reports of the CIFAR baseline under usual recipes are
// 75.6 to 78: train the baseline with the same recipe. That recipe is SGD with Nesterov
// momentum 0.9, rate 0.1 and a tenth after epochs 100 and 150 of 200, batch 128, decay
// 5e-4, deviations (0.2023, 0.1994, 0.2010). The feature term is expected to do nothing
// that can be seen.
//
// # How it was verified
//
// tests/parity compares all terms, logits, features and gradients of a network with
// PyTorch. Here: closed forms of the divergence and of the feature loss with their
// gradients, interpolation of ramps, parameter counts and multiply-adds, the shape table,
// which block reaches which student, the loss and gradients of weights of every parameter
// against the same in float64 by central differences, the degenerate cases above, runs
// that are stopped at random steps, and a few images learned by heart.
package teskd
