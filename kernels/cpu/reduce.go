package cpu

// reduceState holds the tasks of this family.
type reduceState struct{}
