package ops

// Reducer is a family of operations.
type Reducer interface{}
