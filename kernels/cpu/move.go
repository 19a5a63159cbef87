package cpu

// moveState holds the tasks of this family.
type moveState struct{}
