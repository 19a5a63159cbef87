package shardio

import (
	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// Order proves that keys keep the rules, ascend bytewise and come once each.
type Order struct{ last string }

// Next takes the next key. The error is fault.Bug and names both keys.
func (o *Order) Next(key string) error {
	if err := datasets.CheckKey(key); err != nil {
		return fault.Wrap(fault.Bug, err) // keys are made by a source of ours
	}
	if key <= o.last {
		return fault.At(fault.New(fault.Bug, "key %q comes after %q: keys must ascend", key, o.last), fault.Place{Key: key})
	}
	o.last = key
	return nil
}
