//go:build unix

package progress

import (
	"runtime"
	"syscall"
)

// Usage returns what this process has used so far: CPU seconds, user and
// system, and the most memory that was resident at a time, in bytes.
func Usage() (cpuSeconds float64, peakRSS int64) {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return 0, 0
	}
	unit := int64(1024)
	if runtime.GOOS == "darwin" {
		unit = 1
	}
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return seconds(r.Utime) + seconds(r.Stime), int64(r.Maxrss) * unit
}
