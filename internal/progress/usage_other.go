//go:build !unix

package progress

// Usage is not known on this system.
func Usage() (cpuSeconds float64, peakRSS int64) { return 0, 0 }
