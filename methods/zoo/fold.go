package zoo

import "github.com/tailorbird/tailorbird/methods/nn"

// Fold turns the network into its inference form: every batch normalisation that
// follows a convolution becomes part of its weight and bias. Forward gives the
// same logits in evaluation mode, up to rounding, in less time. The network cannot
// train afterwards, and its entries are no longer those of a checkpoint. Folding a
// folded network changes nothing; after an error nothing is folded.
func (n *Network) Fold() error {
	if n.folded {
		return nil
	}
	convs := make([]*nn.Conv2d, len(n.units))
	for i, u := range n.units {
		var err error
		if convs[i], err = nn.FoldBatchNorm(u.conv, u.norm); err != nil {
			return err
		}
	}
	for i, u := range n.units {
		u.conv, u.norm = convs[i], nil
	}
	n.folded = true
	return nil
}
