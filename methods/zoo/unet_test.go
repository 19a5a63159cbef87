package zoo

import (
	"slices"
	"testing"

	"github.com/tailorbird/tailorbird/methods/nn"
)

// predict runs a UNet on n latents with the given words of text.
func predict(t *testing.T, tape *nn.Tape, u *UNet, latents, times, text []float32, n int) []float32 {
	t.Helper()
	y := u.Predict(tape, tape.Upload(latents, n, u.Config.In, 6, 7), tape.Upload(times, n), tape.Upload(text, n, len(text)/n/6, 6))
	out := slices.Clone(tape.Host(y))
	if tape.Err() != nil {
		t.Fatal(tape.Err())
	}
	if s := y.Shape(); !slices.Equal(s, []int{n, u.Config.Out, 6, 7}) {
		t.Fatalf("noise %v", s)
	}
	return out
}

func TestTheOrderOfWordsDoesNotMatterToAttention(t *testing.T) {
	u, tape := tinyUNet(t), nn.NewTape(newEngine(t))
	latents, text := values("latents", 4*42), values("text", 3*6)
	want := predict(t, tape, u, latents, []float32{10}, text, 1)
	turned := slices.Concat(text[12:], text[:12])
	same(t, "noise", predict(t, tape, u, latents, []float32{10}, turned, 1), want)
	if slices.Equal(predict(t, tape, u, latents, []float32{10}, values("another text", 3*6), 1), want) {
		t.Error("the text changes nothing")
	}
	if slices.Equal(predict(t, tape, u, latents, []float32{10.5}, text, 1), want) {
		t.Error("half a step in time changes nothing")
	}
}

func TestABatchIsItsParts(t *testing.T) {
	u, tape := tinyUNet(t), nn.NewTape(newEngine(t))
	latents, text, times := values("latents", 3*4*42), values("text", 3*2*6), []float32{1, 500, 999}
	all := predict(t, tape, u, latents, times, text, 3)
	var one []float32
	for i := range times {
		one = append(one, predict(t, tape, u, latents[i*168:(i+1)*168], times[i:i+1], text[i*12:(i+1)*12], 1)...)
	}
	same(t, "noise", all, one)
}

// TestAWiderInputChangesNothingAtFirst is the beginning of InstructPix2Pix's
// training: what lies in the further channels does not count yet.
func TestAWiderInputChangesNothingAtFirst(t *testing.T) {
	u, tape := tinyUNet(t), nn.NewTape(newEngine(t))
	wide, err := u.WidenInput(8)
	if err != nil {
		t.Fatal(err)
	}
	latents, text := values("latents", 4*42), values("text", 2*6)
	want := predict(t, tape, u, latents, []float32{7}, text, 1)
	same(t, "noise", predict(t, tape, wide, slices.Concat(latents, values("image", 4*42)), []float32{7}, text, 1), want)
	if _, err := u.WidenInput(3); err == nil {
		t.Error("the input became narrower")
	}
}

func TestASampleWithoutNoiseIsTheMean(t *testing.T) {
	v, tape := tinyVAE(t), nn.NewTape(newEngine(t))
	mean, logvar := v.Encode(tape, tape.Upload(values("images", 2*3*8*6), 2, 3, 8, 6))
	if s := mean.Shape(); !slices.Equal(s, []int{2, 2, 4, 3}) {
		t.Fatalf("latents %v (%v)", s, tape.Err())
	}
	quiet := v.Sample(tape, mean, logvar, tape.Upload(make([]float32, 48), 2, 2, 4, 3))
	same(t, "latents", tape.Host(quiet), tape.Host(mean))
	if s := v.Decode(tape, mean).Shape(); !slices.Equal(s, []int{2, 3, 8, 6}) {
		t.Errorf("images %v (%v)", s, tape.Err())
	}
}

func TestOldNamesOfTheVAE(t *testing.T) {
	v := tinyVAE(t)
	known := map[string]bool{}
	for _, e := range nn.Entries(v) {
		known[e.Name] = true
		if got := CurrentVAEName(e.Name); got != e.Name {
			t.Errorf("%s became %s", e.Name, got)
		}
	}
	for _, old := range []string{"query.weight", "key.bias", "value.weight", "proj_attn.bias"} {
		if name := CurrentVAEName("decoder.mid_block.attentions.0." + old); !known[name] {
			t.Errorf("%s became %s, which the network does not have", old, name)
		}
	}
}
