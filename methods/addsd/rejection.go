package addsd

import (
	"errors"
	"fmt"
)

// Reason says why a sample was not taken. The strings are those of
// acceptance.json.
type Reason string

const (
	NoCutout     Reason = "no_cutout"     // the bank holds no usable object of the class
	NoPlace      Reason = "no_place"      // no place in this picture where one could stand
	Refused      Reason = "refused"       // the server declined to make it
	Unreachable  Reason = "unreachable"   // no answer within the time and the tries given
	BadImage     Reason = "bad_image"     // no picture, not a number, all black, broken
	WrongSize    Reason = "wrong_size"    // a picture of another size than was asked for
	NothingFound Reason = "nothing_found" // the picture shows no change
	TooMuch      Reason = "too_much"      // most of the picture changed
	Drifted      Reason = "drift"         // the rest of the picture changed with it
	TooSmall     Reason = "too_small"
	TooBig       Reason = "too_big"
	Overlaps     Reason = "overlap"   // lies on an object that is there already
	Duplicate    Reason = "duplicate" // looks like another synthetic picture
	Disagree     Reason = "disagree"  // two localisers see it in different places
	BadBase      Reason = "bad_base"  // the base picture or its annotations cannot be read
)

// Reasons lists all reasons in the order of reports.
var Reasons = []Reason{NoCutout, NoPlace, Refused, Unreachable, BadImage, WrongSize, NothingFound, TooMuch, Drifted,
	TooSmall, TooBig, Overlaps, Duplicate, Disagree, BadBase}

// Rejection is a sample that is counted and left out.
type Rejection struct {
	Reason  Reason
	Message string
}

func (r *Rejection) Error() string { return string(r.Reason) + ": " + r.Message }

// Reject returns a *Rejection.
func Reject(r Reason, format string, args ...any) error {
	return &Rejection{r, fmt.Sprintf(format, args...)}
}

// RejectionOf returns the *Rejection in err's chain, nil where there is none.
func RejectionOf(err error) *Rejection {
	var r *Rejection
	if errors.As(err, &r) {
		return r
	}
	return nil
}
