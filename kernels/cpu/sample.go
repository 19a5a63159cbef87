package cpu

// sampleState holds the tasks of this family.
type sampleState struct{}
