package scenes

// rgb is a colour, each part in 0..1, as it is stored (not linear).
type rgb [3]float64

func hex(v uint32) rgb {
	return rgb{float64(v>>16) / 255, float64(v>>8&255) / 255, float64(v&255) / 255}
}

// mix goes from a (t = 0) to b (t = 1).
func mix(a, b rgb, t float64) rgb {
	return rgb{a[0] + (b[0]-a[0])*t, a[1] + (b[1]-a[1])*t, a[2] + (b[2]-a[2])*t}
}

var (
	white = rgb{1, 1, 1}
	black = rgb{0, 0, 0}
)

// colour is one of the colours that an object can have.
type colour int

// colourTable holds colours that people name alike.
var colourTable = []struct {
	name string
	rgb  rgb
}{
	{"red", hex(0xd64541)},
	{"orange", hex(0xf08a37)},
	{"yellow", hex(0xf5cb45)},
	{"green", hex(0x3f9c5f)},
	{"blue", hex(0x3a74c4)},
	{"purple", hex(0x7d55b0)},
	{"pink", hex(0xee86b0)},
	{"white", hex(0xf7f4ec)},
}

func (c colour) String() string { return colourTable[c].name }

// grounds are the pairs of colours that backgrounds are made of: far and near.
// None comes close to the colour of an object.
var grounds = [][2]rgb{
	{hex(0xbfd3d6), hex(0x8fb0b5)}, // sea mist
	{hex(0xe6d5bf), hex(0xc8ae90)}, // sand
	{hex(0xc9cfdd), hex(0x9aa5bf)}, // slate
	{hex(0xcfd8c2), hex(0xa6b596)}, // sage
	{hex(0xdccdd3), hex(0xb79fab)}, // mauve
	{hex(0x56616f), hex(0x3a434f)}, // dusk
	{hex(0x4d5d5a), hex(0x34423f)}, // pine
	{hex(0xd8d3c9), hex(0xada698)}, // stone
}

// clamp01 is written out: math.Min and math.Max mind NaN, at a cost that shows.
func clamp01(v float64) float64 {
	if v < 0 {
		return 0
	}
	if v > 1 {
		return 1
	}
	return v
}

// smooth goes from 0 at a to 1 at b without a kink.
func smooth(a, b, v float64) float64 {
	t := clamp01((v - a) / (b - a))
	return t * t * (3 - 2*t)
}
