// Package ctkd trains a network from a trained one: distillation at a fixed
// temperature (method kd) and at one that learns to make the task harder, easy at
// first (method ctkd: Li et al., "Curriculum Temperature for Knowledge
// Distillation", AAAI 2023, arXiv:2211.16231).
//
//	model: {name: resnet20}
//	method: {name: ctkd, loss: dkd, teacher: resnet56, teacher_weights: runs/resnet56/final.safetensors}
//	optimizer: {name: sgd, lr: 0.05, momentum: 0.9, weight_decay: 5e-4}
//
// The loss is gamma CE + alpha KD + beta extra. Option loss chooses the extra one and
// the release's weights; sections are those of specs/ctkd.md:
//
//	kd    none                                     Hinton et al., arXiv:1503.02531     KD
//	dkd   the true class apart from the others     Zhao et al., arXiv:2203.08679       DKD
//	pkt   probabilities of nearness, pooled        Passalis and Tefas, ECCV 2018       PKT
//	sp    products of pairs of last maps           Tung and Mori, arXiv:1907.09682     SP
//	vid   regression of each stage with variances  Ahn et al., arXiv:1904.05835        VID
//	crd   contrast with a memory of all samples    Tian et al., arXiv:1910.10699       CRD
//	srrl  regression through the classifier        Yang et al., ICLR 2021              SRRL
//
// The temperature is 1 + 20 sigmoid(GRL(u)) (section 2; Global, Instance, Range). GRL
// passes u on and multiplies the gradient by -lambda, so that the network minimises
// and the temperature maximises the same loss. lambda rises from 0 to 1 in half a
// cosine over the first loops epochs, which count from 1 (section 3; Curriculum). u
// is one parameter (module: global) or a small network of both logits (module:
// instance).
//
// A run's loop trains what Collect names in the groups of the network: the same rate,
// momentum and weight decay, as the release has it (section 5). Keep decay_bias_norm
// on: without decay theta is not pulled to 0.
//
// # Guarantees
//
// A run that is broken off goes on bit for bit: adapters are parameters; memories,
// constants and the labels that CRD has seen are buffers; negatives follow from seed
// and step. It does not go on with another teacher. The teacher is evaluated, takes
// no gradient and never changes. A loss of weight 0 is not computed. A steady step
// takes no new tensor memory.
//
// # What differs from the release
//
// DKD is computed from logarithms of sums: the release's NaN of a probability that
// rounds to 0 does not happen (section 11, point 5). Loops of 0, which divide by zero
// there, are refused. The module for each sample is published as a figure only: we
// take raw logits without their gradient, a hidden layer of as many units as classes
// with ReLU, and begin at u = 1 (section 2, "recommended"). Its KD alone has 1e-7
// inside the teacher's logarithm, as the release's text asks. SRRL uses the teacher's
// classifier whatever the network; the release takes the last entry of its list,
// which is one in ResNets and wide ResNets only (point 8). CRD computes the products
// with all rows and picks K+1 of them, which is the same; it learns the labels from
// the batches, so that in the first epoch a sample that was not seen yet, whose row is
// still random, may be a negative of its own class. VID pairs the stages of two
// networks in order and leaves out what one of them has more. SP looks at the output
// of the last stage. The teacher's batch norms are folded into its convolutions.
//
// # Caveats
//
// Weights of 3000 and 30000 belong to batches of 64 and networks for CIFAR. A
// temperature that reaches an end of its range stays there, since the sigmoid is flat:
// lower lambda_to or t_range. A network of another width than the zoo's cannot be a
// teacher. The memory of CRD is two rows of crd_dim floats a sample.
//
// # How it was verified
//
// tests/parity holds temperatures, losses, gradients, schedules, a trajectory of
// theta and the memories to the reference cases ctkd_* and kd_*. Tests here have the
// closed forms, degenerate equalities, bounds and micro experiments of section 12 by
// name, and every gradient against central differences. The published accuracies
// (section 9) were not repeated.
package ctkd
