package tfevents

import (
	"io"
	"iter"
	"math"

	"github.com/tailorbird/tailorbird/datasets/formats/tfrecord"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// Event is one number or text, or the version at the head of a file.
type Event struct {
	Stamp
	Version string
	Tag     string
	Scalar  float32
	Text    string
	IsText  bool
}

// Read yields the events of a file of size bytes. A damaged event comes as a fault
// with its offset, and the reading goes on where the next one is known.
func Read(r io.ReaderAt, size int64) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for rec, err := range tfrecord.Records(r, size) {
			var es []Event
			if err == nil {
				es, err = parse(rec.Data)
				err = fault.At(err, fault.Offset("", rec.Offset))
			}
			if err != nil {
				if !yield(Event{}, err) {
					return
				}
				continue
			}
			for _, e := range es {
				if !yield(e, nil) {
					return
				}
			}
		}
	}
}

// parse reads an Event message: one Event a value, or the version alone.
func parse(msg []byte) ([]Event, error) {
	var head Event
	var out []Event
	err := fields(msg, func(f field) error {
		switch {
		case f.id == eventWall && f.wire == wireFixed64:
			head.Wall = math.Float64frombits(f.number)
		case f.id == eventStep && f.wire == wireVarint:
			head.Step = int64(f.number)
		case f.id == eventVersion && f.wire == wireBytes:
			head.Version = string(f.data)
		case f.id == eventSummary && f.wire == wireBytes:
			return fields(f.data, func(v field) error {
				if v.id != summaryValue || v.wire != wireBytes {
					return nil
				}
				e, err := parseValue(v.data)
				out = append(out, e)
				return err
			})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if head.Version != "" {
		return []Event{head}, nil
	}
	for i := range out {
		out[i].Stamp = head.Stamp
	}
	return out, nil
}

func parseValue(msg []byte) (e Event, err error) {
	err = fields(msg, func(f field) error {
		switch {
		case f.id == valueTag && f.wire == wireBytes:
			e.Tag = string(f.data)
		case f.id == valueSimple && f.wire == wireFixed32:
			e.Scalar = math.Float32frombits(uint32(f.number))
		case f.id == valueTensor && f.wire == wireBytes:
			return fields(f.data, func(t field) error {
				if t.id == tensorStrings && t.wire == wireBytes {
					e.Text, e.IsText = string(t.data), true
				}
				return nil
			})
		}
		return nil
	})
	return e, err
}
