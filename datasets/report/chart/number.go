package chart

import (
	"math"
	"strconv"
	"time"
)

// Count writes n with separators between thousands: 1,281,167.
func Count(n int64) string {
	s := strconv.FormatInt(n, 10)
	start := 0
	if n < 0 {
		start = 1
	}
	for i := len(s) - 3; i > start; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Bytes writes n in units of 1024 with three figures: 1.25 MiB.
func Bytes(n int64) string {
	if n < 1024 {
		return strconv.FormatInt(n, 10) + " B"
	}
	f, units := float64(n), []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	i := 0
	for f >= 1023.5 && i < len(units)-1 {
		f /= 1024
		i++
	}
	return figures(f) + " " + units[i]
}

// Short writes v in four characters or so, for axes: 1.2k, 340k, 5M.
func Short(v float64) string {
	switch a := math.Abs(v); {
	case a >= 1e9:
		return trim(v/1e9) + "G"
	case a >= 1e6:
		return trim(v/1e6) + "M"
	case a >= 1e3:
		return trim(v/1e3) + "k"
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// Percent writes part of whole with one decimal; nothing of nothing is 0.0 %.
func Percent(part, whole int64) string {
	if whole == 0 {
		return "0.0 %"
	}
	return strconv.FormatFloat(100*float64(part)/float64(whole), 'f', 1, 64) + " %"
}

// Duration writes nanoseconds with three figures: 12.5 ms, 3.20 s, 2 h 5 min.
func Duration(nanoseconds int64) string {
	d := time.Duration(nanoseconds)
	switch {
	case d < time.Microsecond:
		return strconv.FormatInt(nanoseconds, 10) + " ns"
	case d < time.Millisecond:
		return figures(float64(d)/1e3) + " µs"
	case d < time.Second:
		return figures(float64(d)/1e6) + " ms"
	case d < 2*time.Minute:
		return figures(d.Seconds()) + " s"
	case d < 2*time.Hour:
		return strconv.Itoa(int(d.Minutes())) + " min " + strconv.Itoa(int(d.Seconds())%60) + " s"
	}
	return strconv.Itoa(int(d.Hours())) + " h " + strconv.Itoa(int(d.Minutes())%60) + " min"
}

// figures writes v with three significant figures and no exponent.
func figures(v float64) string {
	switch a := math.Abs(v); {
	case a >= 99.95:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 9.995:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

func trim(v float64) string {
	return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64)
}
