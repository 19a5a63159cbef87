package zoo

import (
	"math"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// values returns n normal numbers that name alone decides.
func values(name string, n int) []float32 {
	v := make([]float32, n)
	nn.Normal(0, 1)(v, nil, nn.Rand(5, name, "test"))
	return v
}

// derivative checks the gradient of sum(f(x) w), w some fixed numbers, at x: a step
// along the gradient changes the sum by the step times its length. Central
// differences of a fourth order leave little more than rounding.
func derivative(t *testing.T, what string, f func(t *nn.Tape, x *nn.Var) *nn.Var, x []float32, shape ...int) {
	t.Helper()
	tape := nn.NewTape(newEngine(t))
	sum := func(x *nn.Var) *nn.Var {
		y := f(tape, x)
		w := values("weights of "+what, len(tape.Host(y)))
		return tape.Sum(tape.Mul(y, tape.Upload(w, y.Shape()...)), false)
	}
	leaf := tape.Input(tape.Upload(x, shape...).Value)
	if err := tape.Backward(sum(leaf)); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	grad := append([]float32(nil), leaf.Grad.Float32s()...)
	norm := 0.0
	for _, g := range grad {
		norm += float64(g) * float64(g)
	}
	norm = math.Sqrt(norm)
	at := func(step float64) float64 {
		tape.Reset()
		moved := make([]float32, len(x))
		for i := range x {
			moved[i] = x[i] + float32(step*float64(grad[i])/norm)
		}
		var loss float64
		tape.NoGrad(func() { loss = float64(tape.Host(sum(tape.Upload(moved, shape...)))[0]) })
		return loss
	}
	const h = 2e-2
	got := (8*(at(h)-at(-h)) - (at(2*h) - at(-2*h))) / (12 * h)
	if math.Abs(got/norm-1) > 5e-3 {
		t.Errorf("%s: the derivative along the gradient is %v, its length %v", what, got, norm)
	}
}

// same checks that two results are equal but for rounding.
func same(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) == 0 {
		t.Fatalf("%s: no result", what)
	}
	near(t, what, got, want, 2e-5)
}

func tinyUNet(t *testing.T) *UNet {
	t.Helper()
	u, err := NewUNet(UNetConfig{In: 4, Out: 3, Widths: []int{4, 8}, Layers: 1, Heads: []int{2}, Context: 6, Groups: 2,
		DownAttn: []bool{true, false}, UpAttn: []bool{false, true}})
	if err != nil {
		t.Fatal(err)
	}
	initBroadly(u)
	return u
}

func tinyVAE(t *testing.T) *VAE {
	t.Helper()
	v, err := NewVAE(VAEConfig{In: 3, Out: 3, Latent: 2, Widths: []int{4, 8}, Layers: 1, Groups: 2})
	if err != nil {
		t.Fatal(err)
	}
	initBroadly(v)
	return v
}

func tinySAM(t *testing.T) *SAM {
	t.Helper()
	m, err := NewSAM(SAMConfig{ImageSize: 32, PatchSize: 8, EncoderWidth: 12, EncoderLayers: 2, EncoderHeads: 2, Window: 3, Global: []int{1},
		Width: 16, MaskChannels: 4, DecoderHeads: 2, DecoderHidden: 20})
	if err != nil {
		t.Fatal(err)
	}
	initBroadly(m)
	return m
}

func tinyBEiT3(t *testing.T) *BEiT3 {
	t.Helper()
	m, err := NewBEiT3(BEiT3Config{ImageSize: 16, PatchSize: 8, Width: 12, Heads: 3, Hidden: 20, Layers: 2, Vocabulary: 30, TextPositions: 9})
	if err != nil {
		t.Fatal(err)
	}
	initBroadly(m)
	return m
}

// TestTheGradientOfTheInputIsADerivative takes one small network of each family.
func TestTheGradientOfTheInputIsADerivative(t *testing.T) {
	u, v, m, b := tinyUNet(t), tinyVAE(t), tinySAM(t), tinyBEiT3(t)
	derivative(t, "unet", func(t *nn.Tape, x *nn.Var) *nn.Var {
		return u.Predict(t, x, t.Upload([]float32{3, 700.5}, 2), t.Upload(values("text", 2*5*6), 2, 5, 6))
	}, values("latents", 2*4*5*6), 2, 4, 5, 6)
	derivative(t, "vae decoder", v.Decode, values("latents", 2*2*4*6), 2, 2, 4, 6)
	derivative(t, "vae encoder", func(t *nn.Tape, x *nn.Var) *nn.Var {
		mean, logvar := v.Encode(t, x)
		return v.Sample(t, mean, logvar, t.Upload(values("noise", 2*2*4*3), 2, 2, 4, 3))
	}, values("images", 2*3*8*6), 2, 3, 8, 6)
	derivative(t, "sam", func(t *nn.Tape, x *nn.Var) *nn.Var {
		masks, ious := m.Segment(t, x, SAMPrompts{Images: 2, Count: 1, Boxes: []float32{1, 2, 20, 30, 0, 0, 31, 9}}, true)
		return t.Concat(0, t.Reshape(masks, -1), t.Reshape(ious, -1))
	}, values("images", 2*3*32*32), 2, 3, 32, 32)
	derivative(t, "beit3", func(t *nn.Tape, x *nn.Var) *nn.Var {
		return b.Encode(t, x, ids(2, 1, 2, 3, 4, 5, 6), []bool{false, false, true, false, false, false})
	}, values("images", 2*3*16*16), 2, 3, 16, 16)
}

// TestInferenceOfFoundationModels gives the same without a recording, where blocks
// free what they made, and leaves no memory behind.
func TestInferenceOfFoundationModels(t *testing.T) {
	u, v, m, b := tinyUNet(t), tinyVAE(t), tinySAM(t), tinyBEiT3(t)
	images := values("images", 3*32*32)
	nets := map[string]func(t *nn.Tape) *nn.Var{
		"unet": func(t *nn.Tape) *nn.Var {
			return u.Predict(t, t.Upload(values("latents", 4*4*4), 1, 4, 4, 4), t.Upload([]float32{3}, 1), t.Upload(values("text", 30), 1, 5, 6))
		},
		"vae": func(t *nn.Tape) *nn.Var {
			mean, _ := v.Encode(t, t.Upload(images, 1, 3, 32, 32))
			return v.Decode(t, mean)
		},
		"sam": func(t *nn.Tape) *nn.Var {
			masks, _ := m.Segment(t, t.Upload(images, 1, 3, 32, 32), SAMPrompts{Images: 1, Count: 2, Points: []float32{1, 2, 9, 8}, Labels: []int64{1, 0}}, false)
			return masks
		},
		"beit3": func(t *nn.Tape) *nn.Var {
			return b.Encode(t, t.Upload(images[:3*16*16], 1, 3, 16, 16), ids(1, 4, 5), nil)
		},
	}
	for name, net := range nets {
		e := newEngine(t)
		tape := nn.NewTape(e)
		want := tape.Host(net(tape))
		tape.Reset()
		held := e.InUse()
		var got []float32
		tape.NoGrad(func() { got = tape.Host(net(tape)) })
		if tape.Err() != nil {
			t.Fatalf("%s: %v", name, tape.Err())
		}
		same(t, name, got, want)
		tape.Reset()
		if e.InUse() != held {
			t.Errorf("%s: %d bytes in use after the step, %d before", name, e.InUse(), held)
		}
	}
}

func TestCountsOfFoundationModels(t *testing.T) {
	count := func(what string, m nn.Module, err error, want int) {
		t.Helper()
		if err != nil {
			t.Fatal(what, err)
		}
		if n := nn.CountParams(m); n != want {
			t.Errorf("%s has %d parameters, want %d", what, n, want)
		}
	}
	// specs/add_sd.md section 5 and the tiny networks of its section 8.3.
	v, err := NewVAE(VAESD)
	count("vae", v, err, 83_653_863)
	v, err = NewVAE(VAEConfig{In: 3, Out: 3, Latent: 4, Widths: []int{32, 64}, Layers: 1})
	count("tiny vae", v, err, 658_375)
	u, err := NewUNet(UNetConfig{In: 8, Out: 4, Widths: []int{32, 64}, Layers: 2, Heads: []int{8}, Context: 32,
		DownAttn: []bool{false, true}, UpAttn: []bool{true, false}})
	count("tiny unet", u, err, 1_428_164)
	// specs/fgvp.md section 6; the frequencies of places are one more parameter here.
	s, err := NewSAM(SAMBase)
	count("sam b", s, err, 93_735_472+256)
	count("sam b's encoder", s.Vision, err, 89_670_912)
	count("sam b's decoder", s.Decoder, err, 4_058_340)
	if testing.Short() {
		return // a gigabyte of zeros
	}
	b, err := NewBEiT3(BEiT3Base)
	count("beit3 base", b, err, 220_987_392)
}

func TestFoundationConfigsThatCannotBe(t *testing.T) {
	unet := func(change func(c *UNetConfig)) error {
		c := UNetSD15
		c.Heads = []int{8}
		change(&c)
		_, err := NewUNet(c)
		return err
	}
	sam := func(change func(c *SAMConfig)) error {
		c := SAMBase
		change(&c)
		_, err := NewSAM(c)
		return err
	}
	beit3 := func(change func(c *BEiT3Config)) error {
		c := BEiT3Base
		change(&c)
		_, err := NewBEiT3(c)
		return err
	}
	vae := func(change func(c *VAEConfig)) error {
		c := VAESD
		change(&c)
		_, err := NewVAE(c)
		return err
	}
	for name, err := range map[string]error{
		"unet without levels":         unet(func(c *UNetConfig) { c.Widths = nil }),
		"unet of 3 numbers of heads":  unet(func(c *UNetConfig) { c.Heads = []int{8, 8, 8} }),
		"unet of 7 heads":             unet(func(c *UNetConfig) { c.Heads = []int{7} }),
		"unet of 33 groups":           unet(func(c *UNetConfig) { c.Groups = 33 }),
		"unet of too little flags":    unet(func(c *UNetConfig) { c.UpAttn = []bool{true} }),
		"sam of 1000 pixels":          sam(func(c *SAMConfig) { c.ImageSize = 1000 }),
		"sam of width 12":             sam(func(c *SAMConfig) { c.Width = 12; c.DecoderHeads = 2 }),
		"sam of 5 heads":              sam(func(c *SAMConfig) { c.EncoderHeads = 5 }),
		"beit3 of 223 pixels":         beit3(func(c *BEiT3Config) { c.ImageSize = 223 }),
		"beit3 of 7 heads":            beit3(func(c *BEiT3Config) { c.Heads = 7 }),
		"beit3 that drops everything": beit3(func(c *BEiT3Config) { c.DropPath = 1 }),
		"vae without latents":         vae(func(c *VAEConfig) { c.Latent = 0 }),
		"vae of 33 groups":            vae(func(c *VAEConfig) { c.Groups = 33 }),
	} {
		if fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFoundationModelsRefuseWhatDoesNotFit(t *testing.T) {
	u, v, m, b := tinyUNet(t), tinyVAE(t), tinySAM(t), tinyBEiT3(t)
	box := SAMPrompts{Images: 1, Count: 1, Boxes: []float32{1, 2, 3, 4}}
	zeros := func(t *nn.Tape, shape ...int) *nn.Var {
		n := 1
		for _, d := range shape {
			n *= d
		}
		return t.Upload(make([]float32, n), shape...)
	}
	for name, run := range map[string]func(t *nn.Tape){
		"unet channels": func(t *nn.Tape) { u.Predict(t, zeros(t, 1, 3, 8, 8), zeros(t, 1), zeros(t, 1, 5, 6)) },
		"unet times":    func(t *nn.Tape) { u.Predict(t, zeros(t, 2, 4, 8, 8), zeros(t, 1), zeros(t, 2, 5, 6)) },
		"unet text":     func(t *nn.Tape) { u.Predict(t, zeros(t, 1, 4, 8, 8), zeros(t, 1), zeros(t, 1, 5, 7)) },
		"vae odd sides": func(t *nn.Tape) { v.Encode(t, zeros(t, 1, 3, 7, 8)) },
		"vae channels":  func(t *nn.Tape) { v.Decode(t, zeros(t, 1, 3, 4, 4)) },
		"sam image":     func(t *nn.Tape) { m.Segment(t, zeros(t, 1, 3, 40, 32), box, true) },
		"sam prompts":   func(t *nn.Tape) { m.Segment(t, zeros(t, 2, 3, 32, 32), box, true) },
		"sam label": func(t *nn.Tape) {
			m.Prompt.Embed(t, SAMPrompts{Images: 1, Count: 1, Points: []float32{1, 2}, Labels: []int64{2}})
		},
		"sam points": func(t *nn.Tape) {
			m.Prompt.Embed(t, SAMPrompts{Images: 1, Count: 1, Points: []float32{1}, Labels: []int64{1}})
		},
		"sam mask":           func(t *nn.Tape) { m.Prompt.Embed(t, SAMPrompts{Images: 1, Count: 1, Masks: zeros(t, 1, 1, 8, 8)}) },
		"beit3 nothing":      func(t *nn.Tape) { b.Encode(t, nil, nil, nil) },
		"beit3 image":        func(t *nn.Tape) { b.Encode(t, zeros(t, 1, 3, 24, 24), nil, nil) },
		"beit3 long text":    func(t *nn.Tape) { b.Encode(t, nil, ids(1, 1, 2, 3, 4, 5, 6, 7, 8), nil) },
		"beit3 padding":      func(t *nn.Tape) { b.Encode(t, nil, ids(1, 1, 2), []bool{true}) },
		"beit3 unknown id":   func(t *nn.Tape) { b.Encode(t, nil, ids(1, 30), nil) },
		"beit3 batch":        func(t *nn.Tape) { b.Encode(t, zeros(t, 2, 3, 16, 16), ids(1, 3), []bool{true}) },
		"sam, a matrix":      func(t *nn.Tape) { m.Vision.Forward(t, zeros(t, 3, 3)) },
		"unet, after errors": func(t *nn.Tape) { t.MatMul(zeros(t, 2, 3), zeros(t, 2, 3)); u.Predict(t, zeros(t, 1), nil, nil) },
	} {
		tape := nn.NewTape(newEngine(t))
		run(tape)
		if err := tape.Err(); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
}
