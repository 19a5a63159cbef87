package ops

// Softmaxer is a family of operations.
type Softmaxer interface{}
