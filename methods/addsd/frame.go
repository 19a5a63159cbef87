package addsd

// Frame says where a made picture lies in its base: the window (X, Y, W, H) of
// the base, in its pixels, was resized to Width x Height.
type Frame struct {
	X      float64 `json:"x"`
	Y      float64 `json:"y"`
	W      float64 `json:"w"`
	H      float64 `json:"h"`
	Width  int     `json:"width"`
	Height int     `json:"height"`
}

// Whole is the frame of a picture that has its base's pixels one to one.
func Whole(w, h int) Frame { return Frame{0, 0, float64(w), float64(h), w, h} }

// IsWhole reports whether f maps each pixel of a w x h base to itself.
func (f Frame) IsWhole(w, h int) bool { return f == Whole(w, h) }
