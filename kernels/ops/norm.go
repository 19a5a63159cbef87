package ops

// Normaliser is a family of operations.
type Normaliser interface{}
