package protocol

// Version is the version of the protocol that this package speaks.
const Version = 1

// The paths, below the address of the server.
const (
	InfoPath = "/v1/info"
	EditPath = "/v1/edit"
)

// Info is what a server says of itself.
type Info struct {
	Protocol      int    `json:"protocol"`
	Name          string `json:"name"`
	Version       string `json:"version"`
	WeightsSHA256 string `json:"weights_sha256"` // 64 hex digits, empty where there are no weights
	// Deterministic promises that an item's picture depends on the item alone:
	// not on the batch it came in, the time, or what was asked before.
	Deterministic bool `json:"deterministic"`
	MaxBatch      int  `json:"max_batch"` // items an Edit may hold; 0 counts as 1
	// SecondsPerImage is the time an image takes with the default steps, for
	// predictions and time-outs; 0 where it is not known.
	SecondsPerImage float64 `json:"seconds_per_image"`
	Sizes           Sizes   `json:"sizes"`
	// Masks says whether the server looks at masks.
	Masks bool `json:"masks"`
}

// Sizes says which pictures a server takes, in pixels a side. 0 is no limit.
type Sizes struct {
	MultipleOf int `json:"multiple_of"`
	Min        int `json:"min"`
	Max        int `json:"max"`
}

// Edit asks for pictures.
type Edit struct {
	Items []Item `json:"items"`
}

// Item asks for one picture.
type Item struct {
	ID          string `json:"id"`
	Instruction string `json:"instruction"` // add a traffic light
	Object      string `json:"object"`      // traffic light
	Width       int    `json:"width"`       // of image, mask and answer, pixels
	Height      int    `json:"height"`
	Image       []byte `json:"image"` // an RGB PNG, base64 in JSON
	// Mask is a grey PNG, 255 where the object should go and 0 elsewhere; null: anywhere.
	Mask []byte `json:"mask"`
	// Seed goes as a decimal string: JSON readers may lose digits beyond 2^53.
	Seed          uint64  `json:"seed,string"`
	Steps         int     `json:"steps,omitempty"`    // absent: the server's own
	Guidance      float64 `json:"guidance,omitempty"` // of the text
	ImageGuidance float64 `json:"image_guidance,omitempty"`
}

// Answer holds the results of an Edit in any order, one an item.
type Answer struct {
	// WeightsSHA256 repeats that of Info, so that a server that came back with
	// other weights is noticed. Empty: not said.
	WeightsSHA256 string   `json:"weights_sha256,omitempty"`
	Items         []Result `json:"items"`
}

// Result is what became of an Item: exactly one of Image, Refused and Error is
// set.
type Result struct {
	ID      string `json:"id"`
	Image   []byte `json:"image,omitempty"`   // a PNG, or a JPEG, of the item's size
	Refused string `json:"refused,omitempty"` // why the server will never make it
	Error   string `json:"error,omitempty"`   // what went wrong
	// Retry false says of an Error that asking again is of no use; absent is true.
	Retry *bool `json:"retry,omitempty"`
}
