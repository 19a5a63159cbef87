package ops

// Stepper is a family of operations.
type Stepper interface{}
