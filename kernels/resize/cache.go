package resize

// A job over photographs meets the same few sizes again and again, and the tables
// of a size cost about half as much as resizing one image with them. The bounds
// keep a job over images of every size from growing.
const (
	maxAxes      = 48
	maxAxisBytes = 8 << 20
)

// axisCache keeps the axes used last, the most recent at the end. The two most
// recent ones always stay: they are the two directions of the resize under way.
type axisCache struct {
	axes    []*axis
	scratch []float64
}

// get returns the axis for k, built anew if it was not kept.
func (c *axisCache) get(k axisKey) *axis {
	for i := len(c.axes) - 1; i >= 0; i-- {
		if a := c.axes[i]; a.key == k {
			copy(c.axes[i:], c.axes[i+1:])
			c.axes[len(c.axes)-1] = a
			return a
		}
	}
	var a *axis
	if len(c.axes) < maxAxes {
		a = new(axis)
	} else {
		a = c.dropOldest() // its buffers are used again
	}
	a.build(k, &c.scratch)
	c.axes = append(c.axes, a)
	for size := c.bytes(); size > maxAxisBytes && len(c.axes) > 2; {
		size -= c.dropOldest().bytes()
	}
	return a
}

func (c *axisCache) dropOldest() *axis {
	a := c.axes[0]
	copy(c.axes, c.axes[1:])
	c.axes[len(c.axes)-1] = nil
	c.axes = c.axes[:len(c.axes)-1]
	return a
}

func (c *axisCache) bytes() int {
	n := 0
	for _, a := range c.axes {
		n += a.bytes()
	}
	return n
}
