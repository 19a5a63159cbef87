package reader

import (
	"slices"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// order is the order of one epoch: what stands at each of its places.
type order struct {
	places  int64
	shuffle bool
	perm    permutation
	drawn   []int32 // nil: every sample once
}

func newOrder(o *Options, samples, epoch int64) (*order, error) {
	ord := &order{places: samples, shuffle: o.Shuffle}
	if o.Draw != nil {
		ord.drawn = o.Draw(epoch)
		ord.places = int64(len(ord.drawn))
		if !slices.IsSorted(ord.drawn) {
			return nil, fault.New(fault.Usage, "reader: Draw lists samples of epoch %d in other than rising order", epoch)
		}
		if n := len(ord.drawn); n > 0 && (ord.drawn[0] < 0 || int64(ord.drawn[n-1]) >= samples) {
			return nil, fault.New(fault.Usage, "reader: Draw lists the samples %d to %d of epoch %d, there are 0 to %d", ord.drawn[0], ord.drawn[n-1], epoch, samples-1)
		}
	}
	if ord.shuffle {
		ord.perm = newPermutation(ord.places, o.Seed, epoch)
	}
	return ord, nil
}

// at returns the sample at a place, and which time it comes in the epoch.
func (o *order) at(place int64) (id int64, time int) {
	if o.shuffle {
		place = o.perm.at(place)
	}
	if o.drawn == nil {
		return place, 0
	}
	for k := place - 1; k >= 0 && o.drawn[k] == o.drawn[place]; k-- {
		time++
	}
	return int64(o.drawn[place]), time
}
