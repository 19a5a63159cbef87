package ctkd

import "math"

// Curriculum is the factor lambda that scales the reversed gradient of the
// temperature: it rises from From to To over the first Loops epochs and stays
// there. The release has the values with the other sign, from max to min: From is
// -max, To is -min.
type Curriculum struct {
	From, To float64
	Loops    int // epochs of the rise; below 1: To from the start

	// Linear rises in a straight line, which the release stops one epoch early: it
	// never reaches To, but From + (To-From)(Loops-1)/Loops.
	Linear bool
}

// Lambda is the factor of an epoch. Epochs count from 1 here, as in the release: in
// the first one the temperature learns already.
//
// specs/ctkd.md section 3; the paper's formula has the cosine shifted by pi.
func (c Curriculum) Lambda(epoch int64) float64 {
	n := float64(c.Loops)
	if c.Loops < 1 {
		return c.To
	}
	e := float64(max(epoch, 0))
	if c.Linear {
		return c.From + (c.To-c.From)*min(e, n-1)/n
	}
	return c.From + (c.To-c.From)*0.5*(1-math.Cos(math.Pi*min(e, n)/n))
}
