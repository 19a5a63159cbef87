package datasets

// Synthetic tells how a made picture came to be: enough to make it again, and
// to say who made it.
type Synthetic struct {
	BaseKey    string            `json:"base_key"`    // the example whose picture was edited
	BaseSHA256 string            `json:"base_sha256"` // of that picture's stored bytes
	CategoryID int64             `json:"category_id"` // of the object that was added
	Annotation int64             `json:"annotation_id"`
	Prompt     string            `json:"prompt"`
	Generator  GeneratorIdentity `json:"generator"`
	Seed       uint64            `json:"seed"`
	Attempt    int               `json:"attempt"` // 0 for the first that was tried
	Steps      int               `json:"steps"`
	Guidance   float64           `json:"guidance"`
	Localiser  string            `json:"localiser"`
	Score      float64           `json:"score"`
	Verdicts   []Verdict         `json:"verdicts"`
	Donor      *Donor            `json:"donor,omitempty"` // where pasted pixels come from
	Truth      *Truth            `json:"truth,omitempty"` // where the generator itself says the object is
	Found      *Box              `json:"found,omitempty"` // where the localiser says it is
	FoundIoU   *float64          `json:"found_iou,omitempty"`
	Rejected   string            `json:"rejected,omitempty"` // why it was not taken; only where thumbnails of such are kept
	Message    string            `json:"message,omitempty"`  // the same in words
}

// GeneratorIdentity names what made a picture.
type GeneratorIdentity struct {
	Name          string `json:"name"`
	Version       string `json:"version"`
	WeightsSHA256 string `json:"weights_sha256"` // empty where there are no weights
}

// Verdict is one check of a filter: what it measured and what it asked for.
type Verdict struct {
	Check string  `json:"check"`
	Value float64 `json:"value"`
	Limit float64 `json:"limit"`
	OK    bool    `json:"ok"`
}

// Donor is the object whose pixels were pasted, and how.
type Donor struct {
	Key          string  `json:"key"`
	AnnotationID int64   `json:"annotation_id"`
	SHA256       string  `json:"sha256"` // of the stored cut-out
	Scale        float64 `json:"scale"`  // of the pasted pixels to those of the donor
	Flipped      bool    `json:"flipped"`
	Blend        string  `json:"blend"`
	X            int     `json:"x"` // corner of the pasted cut-out, pixels of the base
	Y            int     `json:"y"`
}

// Truth is an object's place that is known because something put it there.
type Truth struct {
	BBox         Box           `json:"bbox"`
	Area         float64       `json:"area"`
	Segmentation *Segmentation `json:"segmentation,omitempty"`
}

// Edit is one edited copy of an example's picture: some of its objects removed.
// Input is what an editing model is shown, the example's own picture what it
// should make of it, Instruction what it is told (Add-SD, RemovalDataset).
type Edit struct {
	Name          string  `json:"name"` // of its file: KEY.NAME.EXT
	Instruction   string  `json:"edit"`
	Label         string  `json:"label"`
	CategoryID    int64   `json:"category_id"`
	Count         int     `json:"k"` // objects removed
	AnnotationIDs []int64 `json:"ann_ids"`
	MaskBBox      Box     `json:"mask_bbox"`      // of the dilated mask, pixels
	MaskFraction  float64 `json:"mask_area_frac"` // of the image
	Inpaint       string  `json:"inpaint_method"`

	Image []byte `json:"-"` // encoded
	Ext   string `json:"-"`
}
