package cpu

// normState holds the tasks of this family.
type normState struct{}
