package training

// CheckParts holds model, optimiser and schedule to what there is, before any
// data is opened. Mistakes are fault.Usage.
func CheckParts(model, optimiser, schedule Named, classes, epochs int) error {
	o, err := parseOptimiser(optimiser)
	if err != nil {
		return err
	}
	if _, err := parseSchedule(schedule, o.lr, epochs, 1); err != nil {
		return err
	}
	_, err = NewModel(model, classes)
	return err
}
