package recursivemix

import (
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/zoo"
)

// Looks says whether this step's forward pass needs the feature map: something was
// pasted and there is a ROI branch.
func (h *History) Looks() bool { return h.Omega > 0 && !h.mixed.Box.Empty() }

// Loss returns the cross-entropy of logits (B, K) and the mixed labels. Where nothing
// was pasted and labels are hard it is that of plain training, bit for bit.
func (h *History) Loss(t *nn.Tape, logits *nn.Var) *nn.Var {
	if h.mixed.Labels == nil {
		return t.Fail(fault.New(fault.Usage, "recursivemix: a loss before BeforeForward"))
	}
	if h.mixed.Box.Empty() && h.Smoothing == 0 {
		return t.CrossEntropy(logits, h.mixed.Hard, nn.CrossEntropy{})
	}
	return t.SoftCrossEntropy(logits, t.Const(h.mixed.Labels), nn.CrossEntropy{})
}

// AfterForward returns what the step adds to the loss, nil where that is nothing, and
// then keeps logits (B, K). features (B, C, H', W') is the map that the network pooled;
// it may be nil where Looks is false. The term is omega a softCE(z_roi, softmax Z):
// the features inside the box have to say of the pasted image what the network said
// of it one step ago. consistency is softCE(z_roi, softmax Z) alone, for logs.
func (h *History) AfterForward(t *nn.Tape, net zoo.Backbone, features, logits *nn.Var) (term, consistency *nn.Var) {
	const op = "recursivemix"
	if !h.open {
		return t.Fail(fault.New(fault.Usage, "%s: AfterForward without BeforeForward", op)), nil
	}
	h.open = false
	if t.Err() != nil {
		return nil, nil
	}
	n := h.mixed.Images.Shape()[0]
	if s := logits.Shape(); len(s) != 2 || s[0] != n || s[1] != h.Classes {
		return t.Fail(fault.New(fault.Usage, "%s: logits %v for %d samples of %d classes", op, s, n, h.Classes)), nil
	}
	switch {
	case h.Looks():
		consistency = h.consistency(t, net, features, n)
		term = t.Scale(consistency, float32(h.Omega*h.mixed.Share))
	case h.Head != nil:
		term = h.idle(t)
	}
	if t.Err() == nil {
		if err := copyFirst(h.e, h.logits.Value, logits.Value); err != nil {
			return t.Fail(err), nil
		}
	}
	return term, consistency
}

// consistency is softCE(z_roi, softmax Z). Z comes from a younger network and takes no
// gradient.
func (h *History) consistency(t *nn.Tape, net zoo.Backbone, features *nn.Var, n int) *nn.Var {
	zROI := h.Look(t, net, features)
	z, err := h.first(h.logits.Value, n)
	if err != nil {
		return t.Fail(err)
	}
	return t.SoftCrossEntropy(zROI, t.Softmax(t.Const(z), 1), nn.CrossEntropy{})
}

// Look returns the ROI branch's logits (B, K): the head on the features inside the
// step's box, averaged by ROI align to 1 x 1. One scale serves both axes: that of the
// widths, as the authors have it.
func (h *History) Look(t *nn.Tape, net zoo.Backbone, features *nn.Var) *nn.Var {
	if features == nil || len(features.Shape()) != 4 {
		return t.Fail(fault.New(fault.Usage, "recursivemix: the ROI branch needs the network's feature map (B, C, H, W)"))
	}
	n, b := features.Dim(0), h.mixed.ROI
	h.rois = h.rois[:0]
	for i := range n {
		h.rois = append(h.rois, float32(i), float32(b.X1), float32(b.Y1), float32(b.X2), float32(b.Y2))
	}
	p := ops.RoIAlign{Scale: float32(features.Dim(3)) / float32(h.Width), SamplingRatio: -1, Aligned: true}
	v := t.Reshape(t.RoIAlign(features, t.Upload(h.rois, n, 5), 1, 1, p), n, features.Dim(1))
	if h.Head == nil {
		return net.Logits(t, v)
	}
	return h.Head.Forward(t, v)
}

// idle is 0 with a gradient of 0 for the ROI head. In a step that pastes nothing the
// head is not used, yet momentum and weight decay still act on it, as on a network
// in PyTorch whose gradients are zeros.
func (h *History) idle(t *nn.Tape) *nn.Var {
	return t.Scale(t.Add(t.Sum(h.Head.Weight, false), t.Sum(h.Head.Bias, false)), 0)
}
