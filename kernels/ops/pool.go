package ops

// Pooler is a family of operations.
type Pooler interface{}
