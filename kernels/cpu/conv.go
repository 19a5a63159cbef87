package cpu

// convState holds the tasks of this family.
type convState struct{}
