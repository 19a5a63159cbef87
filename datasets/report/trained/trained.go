package trained

// Input is what a run or a sweep has come to.
type Input struct {
	Title string
	Hash  string   // of all configurations
	Keys  []string // that the sweep changes, in order; none for a single run
	Runs  []Run    // in the order of the sweep
	Notes []string
}

// Run is one configuration.
type Run struct {
	Name     string
	Sweep    []KeyValue // the values of Keys, in their order
	Settings []KeyValue // the rest of the configuration
	OK       bool
	Error    string // why not
	Curve    []Point
	Final    *Scores // of the last evaluation, nil without one
	Best     *Scores

	FinalSHA256     string
	Parameters      int64
	Steps           int64
	Seconds         float64
	ImagesPerSecond float64

	Classes   []string
	Confusion [][]int64 // [true class][predicted class]; nil where it is not known
	Mistakes  []Mistake
}

// Point is one line of metrics.jsonl.
type Point struct {
	Split string
	Step  int64
	Epoch float64 // done
	Loss  float64
	Top1  float64
}

// Scores are those of an evaluation.
type Scores struct {
	Loss, Top1, Top5, ECE float64
	Epoch                 int64
}

// Mistake is a sample that was given a wrong class.
type Mistake struct {
	Key              string
	Truth, Predicted string
	Confidence       float64
	Image            []byte // JPEG or PNG by Ext; nil where it was not read
	Ext              string
	Width, Height    int
}

// KeyValue is one line of a list.
type KeyValue struct{ Key, Value string }
