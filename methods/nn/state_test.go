package nn

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/safetensors"
)

// rules are all algorithms, each with what makes its state largest.
var rules = []Rule{
	SGD{Momentum: 0.9, Nesterov: true}, SGD{}, Adam{AMSGrad: true}, AdamW{}, NAdam{}, RAdam{Betas: [2]float64{0.9, 0.9}}, Adamax{},
	AdamP{Delta: 10}, Adan{}, Adagrad{Initial: 0.1}, RMSprop{Momentum: 0.9, Centered: true}, RMSpropTF{Momentum: 0.9},
	Lion{}, LARS{SGD: SGD{Momentum: 0.9}}, LAMB{MaxGradNorm: 1}, Lookahead{Base: AdamW{}, K: 3}, Lookahead{Base: LAMB{MaxGradNorm: 1}, K: 4, FromStart: true},
}

func TestTrainingThatWasSavedGoesOnBitForBit(t *testing.T) {
	for _, rule := range rules {
		straight := newTrainer(t, 2, 3, rule)
		straight.run(10)
		first := newTrainer(t, 2, 3, rule)
		first.run(5)
		f, err := safetensors.Parse(first.bytes())
		if err != nil {
			t.Fatal(err)
		}
		second := newTrainer(t, 2, 99, rule) // other weights, another seed
		second.run(1)                        // and state of its own
		if err := second.state.Load(f); err != nil {
			t.Fatalf("%T: %v", rule, err)
		}
		if second.state.Step != 5 || second.state.Seed != 3 {
			t.Errorf("%T: step %d, seed %d", rule, second.state.Step, second.state.Seed)
		}
		second.run(5)
		if !bytes.Equal(second.bytes(), straight.bytes()) {
			t.Errorf("%T: five steps and five are not ten", rule)
		}
	}
}

func TestAStateOfAnotherAlgorithmIsRefused(t *testing.T) {
	r := newTrainer(t, 1, 3, SGD{Momentum: 0.9})
	r.run(1)
	f, err := safetensors.Parse(r.bytes())
	if err != nil {
		t.Fatal(err)
	}
	err = newTrainer(t, 1, 3, AdamW{}).state.Load(f)
	if fault.CodeOf(err) != fault.Conflict || !strings.Contains(fmt.Sprint(err), "norm1.weight.exp_avg") {
		t.Errorf("momentum for Adam: %v", err)
	}
	if err := newTrainer(t, 1, 3, SGD{Momentum: 0.9}).state.Load(f); err != nil {
		t.Errorf("the same algorithm: %v", err)
	}
}
