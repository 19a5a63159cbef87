package cpu

// stepState holds the tasks of this family.
type stepState struct{}
