package ops

// Convolver is a family of operations.
type Convolver interface{}
