package fault

import (
	"errors"
	"fmt"
	"testing"
)

func TestCodeSurvivesWrapping(t *testing.T) {
	err := New(Corrupt, "short Huffman data")
	err = At(err, Offset("train.tar", 512))
	err = fmt.Errorf("decode: %w", err)
	err = At(err, Place{Key: "n01440764_10026"})
	if got := CodeOf(err); got != Corrupt {
		t.Errorf("CodeOf = %q, want corrupt", got)
	}
	if got, want := err.Error(), "n01440764_10026: decode: train.tar: byte 512: short Huffman data"; got != want {
		t.Errorf("message %q, want %q", got, want)
	}
	p := PlaceOf(err)
	if p.Path != "train.tar" || p.Key != "n01440764_10026" || p.Offset != 512 {
		t.Errorf("PlaceOf = %+v", p)
	}
}

func TestAnErrorWithoutACodeIsTheMachinery(t *testing.T) {
	for _, err := range []error{nil, errors.New("disk full"), At(errors.New("disk full"), Place{Path: "x"})} {
		if c := CodeOf(err); c != "" {
			t.Errorf("CodeOf(%v) = %q, want none", err, c)
		}
	}
}

func TestOuterCodeWins(t *testing.T) {
	err := Wrap(Bug, New(Corrupt, "x"))
	if CodeOf(err) != Bug {
		t.Errorf("CodeOf = %q", CodeOf(err))
	}
}
