package cpu

// poolingState holds the tasks of this family.
type poolingState struct{}
