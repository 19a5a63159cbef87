package ops

// Multiplier is a family of operations.
type Multiplier interface{}
