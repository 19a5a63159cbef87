package ops

// Attender is a family of operations.
type Attender interface{}
