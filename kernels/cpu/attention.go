package cpu

// attentionState holds the tasks of this family.
type attentionState struct{}
