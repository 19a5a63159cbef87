package nn

import "iter"

// UpdateBatchNorm computes the running statistics of all BatchNorm2d inside m
// anew, as torch.optim.swa_utils.update_bn: the mean over batches, each with the
// same weight. Each function of passes runs m forward on a batch, in training and
// without recording. A tape's error ends it.
func UpdateBatchNorm(t *Tape, m Module, passes iter.Seq[func()]) error {
	var layers []*BatchNorm2d
	Modules(m, func(_ string, m Module) {
		if l, ok := m.(*BatchNorm2d); ok && l.RunningMean != nil && l.RunningVar != nil {
			layers = append(layers, l)
		}
	})
	if len(layers) == 0 {
		return nil
	}
	for _, l := range layers {
		defer func(before bool) { l.Cumulative = before }(l.Cumulative)
		l.Cumulative = true
		if err := l.resetStatistics(t); err != nil {
			return err
		}
	}
	defer func(before bool) { t.Training = before }(t.Training)
	t.Training = true
	for pass := range passes {
		t.NoGrad(pass)
		if t.err != nil {
			return t.err
		}
	}
	return nil
}

func (l *BatchNorm2d) resetStatistics(t *Tape) error {
	if l.NumBatchesTracked == nil {
		l.NumBatchesTracked = NewCounter()
	}
	l.NumBatchesTracked.Value.Int64s()[0] = 0
	if err := t.E.Fill(l.RunningMean.Value, 0); err != nil {
		return err
	}
	return t.E.Fill(l.RunningVar.Value, 1)
}
