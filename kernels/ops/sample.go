package ops

// Sampler is a family of operations.
type Sampler interface{}
