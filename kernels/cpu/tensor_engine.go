package cpu

import "gorgonia.org/tensor"

// TensorEngine returns the engine that gorgonia.org/tensor's own arithmetic uses
// on this engine's tensors.
func (e *Engine) TensorEngine() tensor.Engine { return tensor.StdEng{} }
