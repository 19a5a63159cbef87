package addsd

import "github.com/tailorbird/tailorbird/datasets"

// ChooseClasses lists the ids of the classes that names stand for (see
// PlanOptions.Classes), in the order of classes. images counts, by id, the images
// that show a class: the groups follow from it. An unknown name is fault.Usage.
func ChooseClasses(classes []datasets.Class, images map[int64]int64, names []string) ([]int64, error) {
	p := planner{o: PlanOptions{Classes: names}, classes: classes, plan: new(Plan)}
	for _, c := range classes {
		p.plan.Classes = append(p.plan.Classes, ClassPlan{ID: c.ID, Name: c.Name, GroupBefore: datasets.FrequencyGroup(images[c.ID])})
	}
	if err := p.mark(); err != nil {
		return nil, err
	}
	var ids []int64
	for _, c := range p.plan.Classes {
		if c.Chosen {
			ids = append(ids, c.ID)
		}
	}
	return ids, nil
}
