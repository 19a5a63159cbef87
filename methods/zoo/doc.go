// Package zoo has the networks that the methods train on, under the weight names
// of their published checkpoints.
//
//	net, err := zoo.New("resnet8x4", zoo.Options{Classes: 100})
//	nn.Initialise(net, seed)
//	logits := net.Forward(t, x)
//
// One file a family. A family's constructor takes a config, and the published
// networks are rows of configs, so a narrow copy of a network is the same code.
// zoo.Lookup tells the number of parameters and of multiply-adds of each.
//
// Convolutional networks are Backbones: beside logits they give the output of
// every stage, which distillation, hierarchical students and region branches
// need. Fold turns one into its inference form, in which batch normalisation
// is part of the convolutions.
package zoo
