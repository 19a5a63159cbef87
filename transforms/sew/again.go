package sew

import (
	"context"
	"sort"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// ReadPlan reads extra/plan.json of a run or of the dataset that it made.
func ReadPlan(ctx context.Context, job *Job) (*Planned, error) {
	p := new(Planned)
	return p, readJSON(ctx, job.extra(planFile), p)
}

// Sample returns the planned sample of that key.
func (p *Planned) Sample(key string) (*Sample, bool) {
	i := sort.Search(len(p.Samples), func(i int) bool { return p.Samples[i].Key >= key })
	if i == len(p.Samples) || p.Samples[i].Key != key {
		return nil, false
	}
	return &p.Samples[i], true
}

// Again makes one attempt at a sample. A picture that is rejected comes as the
// *addsd.Rejection that says why.
func (m *Maker) Again(ctx context.Context, s *Sample, attempt int) (*datasets.Example, error) {
	if attempt < 0 || attempt >= len(s.Bases) {
		return nil, fault.At(fault.New(fault.Usage, "attempt %d of %d", attempt, len(s.Bases)), fault.Place{Key: s.Key})
	}
	w := &sampleWork{sample: s, record: sampleRecord{Key: s.Key, Category: s.Category}}
	if err := m.try(ctx, []*sampleWork{w}, attempt); err != nil {
		return nil, err
	}
	if w.example == nil {
		t := w.record.Tries[0]
		return nil, rejection(&t)
	}
	return w.example, nil
}
