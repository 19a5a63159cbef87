package cpu

// linearState holds the tasks of this family.
type linearState struct{}
