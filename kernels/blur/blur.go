package blur

// Blurrer holds the buffers of the package's filters. The zero value is ready. A
// Blurrer is for one goroutine at a time.
type Blurrer struct {
	rows        []uint16
	sums        []uint32
	padded      []byte
	plane, wide []float32
	lanes       []lane
}
