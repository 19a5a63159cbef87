package ops

// Mover is a family of operations.
type Mover interface{}
