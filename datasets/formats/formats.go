package formats

import (
	"fmt"
	"io"
	"iter"
	"sort"
	"sync"

	"github.com/tailorbird/tailorbird/datasets"
)

// Header is what a shard's writer may need to know of its dataset.
type Header struct {
	Dataset string // name of the source, as in the recipe
	Task    datasets.Task
	Meta    *datasets.Meta
	Split   string
	Shard   int // 0 .. Shards-1
	Shards  int
}

// Format writes examples to shards and reads them back. Values are stateless.
type Format interface {
	Name() string    // as in the recipe
	Summary() string // one line
	// Path is the place of a shard below the dataset's root, slash-separated.
	Path(split string, shard, shards int) string
	// NewWriter starts a shard. Its bytes depend on h and the examples alone.
	NewWriter(w io.Writer, h Header) (Writer, error)
	// NewReader opens a shard, also one made by others where the format allows.
	NewReader(r io.ReaderAt, size int64) (Reader, error)
}

// Writer writes one shard. Examples come in the order of their keys. Write keeps
// nothing of ex after it returns. Close finishes the shard; it does not close
// the underlying writer.
type Writer interface {
	Write(ex *datasets.Example) error
	Close() error
}

// Entry locates one example in a shard.
type Entry struct {
	Key    string
	Offset int64 // of its first byte, or its row number in a columnar format
	Bytes  int64 // of all it holds, 0 where unknown
}

// Reader reads one shard.
type Reader interface {
	// All yields the examples in order. An example that is broken comes as a nil
	// example with a fault that names its key and offset; where the reader can go
	// on after it, it does.
	All() iter.Seq2[*datasets.Example, error]
	// Index lists the examples without reading pixels where the format allows.
	Index() ([]Entry, error)
	// Get reads one example of the index.
	Get(e Entry) (*datasets.Example, error)
}

// Split is what a finished split holds, for files that describe a whole dataset.
type Split struct {
	Name        string
	Examples    int
	ShardCounts []int   // examples a shard
	ShardBytes  []int64 // bytes a shard
}

// Describer is a Format that also writes files about the whole dataset (TFDS's
// dataset_info.json, say). The map is from path below the root to contents.
type Describer interface {
	Describe(dataset string, task datasets.Task, m *datasets.Meta, splits []Split) (map[string][]byte, error)
}

// Merger is a Format whose product is one file a split, not one a shard. Path
// then names an intermediate fragment, and Merge joins a split's fragments, in
// order. It may range over fragments several times; each time every fragment is
// read from its start.
type Merger interface {
	MergedPath(split string) string
	Merge(w io.Writer, dataset string, task datasets.Task, m *datasets.Meta, split string, fragments iter.Seq2[io.Reader, error]) error
}

var (
	mu     sync.RWMutex
	byName = map[string]Format{}
)

// Register makes a format available under its name; called from init functions.
func Register(f Format) {
	mu.Lock()
	defer mu.Unlock()
	if _, taken := byName[f.Name()]; taken {
		panic(fmt.Sprintf("formats: %s registered twice", f.Name()))
	}
	byName[f.Name()] = f
}

// Lookup returns the format of that name.
func Lookup(name string) (Format, bool) {
	mu.RLock()
	defer mu.RUnlock()
	f, ok := byName[name]
	return f, ok
}

// Names lists the registered formats in order.
func Names() []string {
	mu.RLock()
	defer mu.RUnlock()
	names := make([]string, 0, len(byName))
	for n := range byName {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}
