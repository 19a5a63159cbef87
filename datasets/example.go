package datasets

import (
	"encoding/json"
	"fmt"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Origin says where an example's encoded image was read from.
type Origin struct {
	Name   string `json:"name"`   // input, relative to what the recipe named
	Offset int64  `json:"offset"` // bytes from the start of that file
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // of the encoded image as it was read, hex
}

// Example is what a shard holds of one image. The fields below Source are those
// of its task; the others are nil.
type Example struct {
	Key            string `json:"key"`
	Split          string `json:"split"`
	Width          int    `json:"width"` // of the stored image, pixels
	Height         int    `json:"height"`
	OriginalWidth  int    `json:"original_width"` // of the image as it was read
	OriginalHeight int    `json:"original_height"`
	Source         Origin `json:"source"`

	// Classification.
	Label *int   `json:"label,omitempty"` // position of the wnid in the synset list
	Wnid  string `json:"wnid,omitempty"`
	Name  string `json:"name,omitempty"`

	// Detection and referring.
	ImageID                  *int64        `json:"image_id,omitempty"`
	Annotations              *[]Annotation `json:"annotations,omitempty"` // detection: not nil, may be empty
	NegCategoryIDs           *[]int64      `json:"neg_category_ids,omitempty"`
	NotExhaustiveCategoryIDs *[]int64      `json:"not_exhaustive_category_ids,omitempty"`
	License                  *int64        `json:"license,omitempty"`
	Refs                     *[]Referred   `json:"refs,omitempty"` // referring: not nil

	Synthetic *Synthetic `json:"synthetic,omitempty"` // nil for what a camera has seen
	Edits     []Edit     `json:"edits,omitempty"`     // edited copies of the picture

	Image []byte `json:"-"` // encoded
	Ext   string `json:"-"` // jpg or png: the form of Image
	// Checked says that this run has decoded Image: a chain that keeps the bytes
	// need not do it again.
	Checked bool `json:"-"`
}

// Task tells which task's fields are set.
func (e *Example) Task() Task {
	switch {
	case e.Refs != nil:
		return Referring
	case e.Annotations != nil:
		return Detection
	}
	return Classification
}

// Box is x, y, width, height in pixels, x and y of the top-left corner from 0.
type Box [4]float64

// Annotation is one object of an image, in pixels of the stored image.
type Annotation struct {
	ID           int64         `json:"id"`
	CategoryID   int64         `json:"category_id"`
	BBox         Box           `json:"bbox"`
	Area         float64       `json:"area"` // pixels
	Segmentation *Segmentation `json:"segmentation,omitempty"`
	IsCrowd      int           `json:"iscrowd"`
}

// Referred is one object of an image with the expressions that name it.
type Referred struct {
	RefID        int64         `json:"ref_id"`
	AnnID        int64         `json:"ann_id"`
	CategoryID   int64         `json:"category_id"`
	BBox         Box           `json:"bbox"`
	Area         float64       `json:"area"`
	Segmentation *Segmentation `json:"segmentation,omitempty"`
	IsCrowd      int           `json:"iscrowd"`
	Sentences    []Sentence    `json:"sentences"`
}

// Sentence is one referring expression: as it was typed, normalised, and split.
type Sentence struct {
	SentID int64    `json:"sent_id"`
	Raw    string   `json:"raw"`
	Sent   string   `json:"sent"`
	Tokens []string `json:"tokens"`
}

// Segmentation is a mask as COCO writes it: polygons (flat x, y lists; the
// object is their union) or run lengths. Exactly one of the two is set.
type Segmentation struct {
	Polygons [][]float64
	RLE      *RLE
}

// RLE is a run-length mask as it stands in a JSON file, unchecked: Size is
// [height, width]; the runs are column-major, starting with zeros, either as the
// compressed string or as numbers. kernels/rle gives it meaning.
type RLE struct {
	Size   [2]int
	Counts string   // compressed form, when Runs is nil
	Runs   []uint32 // uncompressed form
}

type rleText struct {
	Size   [2]int `json:"size"`
	Counts string `json:"counts"`
}

type rleRuns struct {
	Size   [2]int   `json:"size"`
	Counts []uint32 `json:"counts"`
}

// MarshalJSON writes the COCO form.
func (s Segmentation) MarshalJSON() ([]byte, error) {
	switch {
	case s.RLE == nil:
		if s.Polygons == nil {
			return []byte("[]"), nil
		}
		return json.Marshal(s.Polygons)
	case s.RLE.Runs != nil:
		return json.Marshal(rleRuns{s.RLE.Size, s.RLE.Runs})
	}
	return json.Marshal(rleText{s.RLE.Size, s.RLE.Counts})
}

// UnmarshalJSON reads the COCO form: a list of polygons, or an object with size
// and counts. A form that is neither is fault.InvalidAnnotation.
func (s *Segmentation) UnmarshalJSON(b []byte) error {
	*s = Segmentation{}
	if len(b) == 0 || b[0] != '{' {
		if err := json.Unmarshal(b, &s.Polygons); err != nil {
			return fault.New(fault.InvalidAnnotation, "segmentation: neither polygons nor run lengths: %w", err)
		}
		return nil
	}
	var raw struct {
		Size   [2]int          `json:"size"`
		Counts json.RawMessage `json:"counts"`
	}
	if err := json.Unmarshal(b, &raw); err != nil {
		return fault.New(fault.InvalidAnnotation, "segmentation: %w", err)
	}
	s.RLE = &RLE{Size: raw.Size}
	var err error
	if len(raw.Counts) > 0 && raw.Counts[0] == '"' {
		err = json.Unmarshal(raw.Counts, &s.RLE.Counts)
	} else {
		s.RLE.Runs = []uint32{}
		err = json.Unmarshal(raw.Counts, &s.RLE.Runs)
	}
	if err == nil && string(raw.Counts) == "null" {
		err = fmt.Errorf("null is neither a string nor a list")
	}
	if err != nil {
		return fault.New(fault.InvalidAnnotation, "segmentation: counts: %w", err)
	}
	return nil
}
