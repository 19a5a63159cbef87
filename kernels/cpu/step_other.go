//go:build !amd64

package cpu

func sgdStep(t *stepTask, from, to int)  { sgdPortable(t, from, to) }
func adamStep(t *stepTask, from, to int) { adamPortable(t, from, to) }
func rmsStep(t *stepTask, from, to int)  { rmsPortable(t, from, to) }
func lionStep(t *stepTask, from, to int) { lionPortable(t, from, to) }
func adanStep(t *stepTask, from, to int) { adanPortable(t, from, to) }
func lerpStep(t *stepTask, from, to int) { lerpPortable(t, from, to) }

func dotLoop(a, b []float32, s *[dotLanes]float64) { dotPortable(a, b, s) }
