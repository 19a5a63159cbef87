package recipe

import (
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// decoder turns nodes into values; every error names file and line.
type decoder struct{ file string }

func (d decoder) errorf(n *Node, format string, args ...any) error {
	return errorAt(d.file, n.Line, format, args...)
}

// mapping hands each field to its reader; an unknown one is an error that
// names the nearest known one.
func (d decoder) mapping(n *Node, what string, fields map[string]func(*Node) error) error {
	if n.kind != mappingKind {
		return d.errorf(n, "%s: want a mapping, found %s", what, n.kind)
	}
	for _, f := range n.Fields {
		read, ok := fields[f.Name]
		if !ok {
			names := make([]string, 0, len(fields))
			for k := range fields {
				names = append(names, k)
			}
			return errorAt(d.file, f.Line, "%s has no key %q%s", what, f.Name, Suggest(f.Name, names))
		}
		if err := read(f.Value); err != nil {
			return err
		}
	}
	return nil
}

func (d decoder) str(dst *string, what string) func(*Node) error {
	return func(n *Node) error {
		s, ok := n.Scalar.(string)
		if n.kind == scalarKind && !ok && n.Scalar != nil {
			s, ok = n.Text, true // a name that looks like a number is a name
		}
		if !ok {
			return d.errorf(n, "%s: want text", what)
		}
		*dst = s
		return nil
	}
}

func (d decoder) integer(dst *int64, what string, lo, hi int64) func(*Node) error {
	return func(n *Node) error {
		v, ok := n.Scalar.(int64)
		if !ok {
			return d.errorf(n, "%s: want a whole number, found %s", what, n.describe())
		}
		if v < lo || v > hi {
			return d.errorf(n, "%s: %d is not between %d and %d", what, v, lo, hi)
		}
		*dst = v
		return nil
	}
}

func (d decoder) strings(dst *[]string, what string) func(*Node) error {
	return func(n *Node) error {
		if n.kind != listKind {
			return d.errorf(n, "%s: want a list such as [a, b], found %s", what, n.describe())
		}
		out := []string{}
		for _, e := range n.List {
			var s string
			if err := d.str(&s, what)(e); err != nil {
				return err
			}
			for _, seen := range out {
				if seen == s {
					return d.errorf(e, "%s: %q is given twice", what, s)
				}
			}
			out = append(out, s)
		}
		if len(out) == 0 {
			return d.errorf(n, "%s: the list is empty", what)
		}
		*dst = out
		return nil
	}
}

// fraction reads 1%, 0.01 or 0; the value is between 0 and 1.
func (d decoder) fraction(dst *float64, what string) func(*Node) error {
	return func(n *Node) error {
		v, err := math.NaN(), error(nil)
		switch x := n.Scalar.(type) {
		case int64:
			v = float64(x)
		case float64:
			v = x
		case string:
			if p, ok := strings.CutSuffix(strings.TrimSpace(x), "%"); ok {
				v, err = strconv.ParseFloat(strings.TrimSpace(p), 64)
				v /= 100
			}
		}
		if err != nil || !(v >= 0 && v <= 1) {
			return d.errorf(n, "%s: want a share such as 1%% or 0.01, found %s", what, n.describe())
		}
		*dst = v
		return nil
	}
}

// number reads a number between lo and hi.
func (d decoder) number(dst *float64, what string, lo, hi float64) func(*Node) error {
	return func(n *Node) error {
		v := math.NaN()
		switch x := n.Scalar.(type) {
		case int64:
			v = float64(x)
		case float64:
			v = x
		}
		if !(v >= lo && v <= hi) {
			return d.errorf(n, "%s: want a number between %g and %g, found %s", what, lo, hi, n.describe())
		}
		*dst = v
		return nil
	}
}

func (d decoder) boolean(dst *bool, what string) func(*Node) error {
	return func(n *Node) error {
		v, ok := n.Scalar.(bool)
		if !ok {
			return d.errorf(n, "%s: want true or false, found %s", what, n.describe())
		}
		*dst = v
		return nil
	}
}

// choice reads one of a few names.
func (d decoder) choice(dst *string, what string, names ...string) func(*Node) error {
	return func(n *Node) error {
		var s string
		if err := d.str(&s, what)(n); err != nil {
			return err
		}
		for _, name := range names {
			if s == name {
				*dst = s
				return nil
			}
		}
		return d.errorf(n, "%s: no %q%s", what, s, Suggest(s, names))
	}
}

// duration reads a time such as 30s or 2m.
func (d decoder) duration(dst *time.Duration, what string) func(*Node) error {
	return func(n *Node) error {
		v, err := time.ParseDuration(n.Text)
		if n.kind != scalarKind || err != nil || v <= 0 {
			return d.errorf(n, "%s: want a time such as 30s or 2m, found %s", what, n.describe())
		}
		*dst = v
		return nil
	}
}

func (d decoder) size(dst *int64, what string) func(*Node) error {
	return func(n *Node) error {
		v, err := ParseSize(n.Text)
		if n.kind != scalarKind || err != nil || v <= 0 {
			return d.errorf(n, "%s: want a size such as 256MiB, found %s", what, n.describe())
		}
		*dst = v
		return nil
	}
}

func (n *Node) describe() string {
	if n.kind != scalarKind {
		return n.kind.String()
	}
	return strconv.Quote(n.Text)
}

var units = []struct {
	suffix string
	bytes  float64
}{
	{"kib", 1 << 10}, {"mib", 1 << 20}, {"gib", 1 << 30}, {"tib", 1 << 40},
	{"kb", 1e3}, {"mb", 1e6}, {"gb", 1e9}, {"tb", 1e12},
	{"k", 1 << 10}, {"m", 1 << 20}, {"g", 1 << 30}, {"t", 1 << 40}, {"b", 1}, {"", 1},
}

// ParseSize reads a number of bytes: 1048576, 64MiB, 2GB (decimal), 512k (binary).
func ParseSize(s string) (int64, error) {
	t := strings.ToLower(strings.TrimSpace(s))
	for _, u := range units {
		num, ok := strings.CutSuffix(t, u.suffix)
		if !ok {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(num), 64)
		if err != nil || !(v >= 0) || v*u.bytes >= 1<<62 {
			break
		}
		return int64(v * u.bytes), nil
	}
	return 0, fault.New(fault.Usage, "%q is no size; write 256MiB, 2GB or a number of bytes", s)
}

// Suggest returns `; did you mean "x"?` for the nearest of names, or the list of
// them where none is near.
func Suggest(name string, names []string) string {
	best, dist := "", 1<<30
	sorted := append([]string(nil), names...)
	sort.Strings(sorted)
	for _, n := range sorted {
		d := editDistance(strings.ToLower(name), strings.ToLower(n))
		if strings.HasPrefix(strings.ToLower(name), strings.ToLower(n)) {
			d = min(d, 2)
		}
		if d < dist {
			best, dist = n, d
		}
	}
	if best != "" && dist <= max(2, len(best)/3) {
		return fmt.Sprintf("; did you mean %q?", best)
	}
	return "; known: " + strings.Join(sorted, ", ")
}

// editDistance is Levenshtein's.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diag := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diag
			if a[i-1] != b[j-1] {
				cost++
			}
			diag = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
