package all

import (
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/methods/training"
)

func TestEveryMethodSaysWhatItIs(t *testing.T) {
	t.Parallel()
	names := training.Names()
	for _, want := range []string{"none", "recursivemix", "cutmix", "mixup", "ctkd", "teskd", "historical"} {
		if _, ok := training.Lookup(want); !ok {
			t.Errorf("no method %s among %v", want, names)
		}
	}
	for _, name := range names {
		s, _ := training.Lookup(name)
		if s.Summary == "" || strings.Contains(s.Summary, "\n") || s.New == nil {
			t.Errorf("%s: summary %q", name, s.Summary)
		}
	}
}
