package fake

import (
	"hash/fnv"
	"math/rand/v2"
)

// Shares are the shares, 0 to 1, of what goes wrong under Some. Busy and Crash are
// of requests, and pass when the request comes again; the others are of items and
// stay.
type Shares struct {
	Busy      float64 // status 503
	Crash     float64 // the body breaks in its middle
	Refuse    float64
	Black     float64
	WrongSize float64
	Fail      float64
}

// Some returns Faults that spoil a share of the items, chosen by seed and item id:
// the same items go wrong in every run, in whatever order they come.
func Some(seed uint64, s Shares) func(Call) Fault {
	return func(c Call) Fault {
		f := Fault{Items: map[int]Spoil{}}
		for i, it := range c.Items {
			f.Items[i] = s.spoil(draw(seed, it.ID))
		}
		// A request's luck changes with the requests before it, so that it passes.
		u := rand.New(rand.NewPCG(seed, uint64(c.N))).Float64()
		switch {
		case u < s.Busy:
			f.Status = 503
		case u < s.Busy+s.Crash:
			f.Break, f.After = ResetBody, len(c.Items)/2
		}
		return f
	}
}

// draw is a number from 0 to 1 that follows from seed and id.
func draw(seed uint64, id string) float64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id)) // a hash takes every byte
	return rand.New(rand.NewPCG(seed, h.Sum64())).Float64()
}

func (s Shares) spoil(u float64) Spoil {
	for _, k := range []struct {
		share float64
		spoil Spoil
	}{{s.Refuse, Refuse}, {s.Black, Black}, {s.WrongSize, WrongSize}, {s.Fail, Fail}} {
		if u < k.share {
			return k.spoil
		}
		u -= k.share
	}
	return Good
}
