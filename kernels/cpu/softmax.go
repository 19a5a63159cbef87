package cpu

// softmaxState holds the tasks of this family.
type softmaxState struct{}
