package preview

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/report/overlay"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/manifest"
)

const maxQuery = 200 // bytes of a text that is looked for

// What a filter asks of how a picture came to be.
const (
	synthetic = "synthetic"
	camera    = "real"
)

// filter is what a page of samples is asked for.
type filter struct {
	Split string
	Page  int    // from 1, where nothing is filtered
	Class string // as typed: number, name or synset
	Text  string // as typed
	Made  string // synthetic, real, or empty: both
	At    cursor // where a filtered page starts

	class    int64 // id, where hasClass
	hasClass bool
	text     string // in lower case
}

// cursor is a place in a split: an example of a shard.
type cursor struct{ Shard, Entry int }

func (c cursor) String() string { return strconv.Itoa(c.Shard) + "." + strconv.Itoa(c.Entry) }

// parseFilter reads a query. A split that is not there is fault.NotFound, and so
// is a class; what cannot be read is fault.Usage.
func parseFilter(q url.Values, m *manifest.Manifest, split string) (filter, error) {
	f := filter{Split: split, Page: 1, Class: strings.TrimSpace(q.Get("class")), Text: strings.TrimSpace(q.Get("q")), Made: q.Get("made")}
	if s := q.Get("split"); s != "" {
		f.Split = s
	}
	if _, ok := m.Splits[f.Split]; !ok {
		return f, fault.New(fault.NotFound, "there is no split %q", cut(f.Split))
	}
	if len(f.Text) > maxQuery || len(f.Class) > maxQuery {
		return f, fault.New(fault.Usage, "a filter has at most %d bytes", maxQuery)
	}
	if f.Made != "" && f.Made != synthetic && f.Made != camera {
		return f, fault.New(fault.Usage, "made is %q, not %s or %s", cut(f.Made), synthetic, camera)
	}
	if s := q.Get("page"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 1<<30 {
			return f, fault.New(fault.Usage, "page %q is not a number from 1", cut(s))
		}
		f.Page = n
	}
	if s := q.Get("at"); s != "" {
		shard, entry, _ := strings.Cut(s, ".")
		a, errA := strconv.ParseUint(shard, 10, 31)
		b, errB := strconv.ParseUint(entry, 10, 31)
		if errA != nil || errB != nil {
			return f, fault.New(fault.Usage, "%q is not a place in a split", cut(s))
		}
		f.At = cursor{int(a), int(b)}
	}
	f.text = strings.ToLower(f.Text)
	return f, f.resolveClass(m)
}

// resolveClass finds the class by number, then name, then synset.
func (f *filter) resolveClass(m *manifest.Manifest) error {
	if f.Class == "" {
		return nil
	}
	id, err := strconv.ParseInt(f.Class, 10, 64)
	for _, is := range []func(c manifest.Class) bool{
		func(c manifest.Class) bool { return err == nil && c.ID == id },
		func(c manifest.Class) bool { return strings.EqualFold(c.Name, f.Class) },
		func(c manifest.Class) bool { return c.Synset != "" && c.Synset == f.Class },
	} {
		for _, c := range m.Classes {
			if is(c) {
				f.class, f.hasClass = c.ID, true
				return nil
			}
		}
	}
	var near []string
	for _, c := range m.Classes {
		if strings.Contains(strings.ToLower(c.Name), strings.ToLower(f.Class)) && len(near) < 5 {
			near = append(near, c.Name)
		}
	}
	if len(near) > 0 {
		return fault.New(fault.NotFound, "there is no class %q; there are %s", f.Class, strings.Join(near, ", "))
	}
	return fault.New(fault.NotFound, "there is no class %q", f.Class)
}

// active reports whether records have to be looked at.
func (f *filter) active() bool { return f.hasClass || f.text != "" || f.Made != "" }

// address is the address of the same filter at another place.
func (f filter) address() string {
	q := url.Values{"split": {f.Split}}
	if f.Class != "" {
		q.Set("class", f.Class)
	}
	if f.Text != "" {
		q.Set("q", f.Text)
	}
	if f.Made != "" {
		q.Set("made", f.Made)
	}
	if f.At != (cursor{}) {
		q.Set("at", f.At.String())
	}
	if f.Page > 1 && !f.active() {
		q.Set("page", strconv.Itoa(f.Page))
	}
	return "/samples?" + q.Encode()
}

// match reports whether an example is made as asked and shows the class and the
// text, the latter in its key, a class name or an expression.
func (f *filter) match(ex *datasets.Example, names overlay.Names) bool {
	if f.Made != "" && (f.Made == synthetic) != (ex.Synthetic != nil) {
		return false
	}
	var ids []int64
	var texts []string
	switch ex.Task() {
	case datasets.Classification:
		if ex.Label != nil {
			ids = []int64{int64(*ex.Label)}
		}
		texts = []string{ex.Name, ex.Wnid}
	case datasets.Detection:
		for _, a := range *ex.Annotations {
			ids = append(ids, a.CategoryID)
		}
	case datasets.Referring:
		for _, r := range *ex.Refs {
			ids = append(ids, r.CategoryID)
			for _, s := range r.Sentences {
				texts = append(texts, s.Raw, s.Sent)
			}
		}
	}
	return f.matchClass(ids) && f.matchText(ex.Key, ids, texts, names)
}

func (f *filter) matchClass(ids []int64) bool {
	if !f.hasClass {
		return true
	}
	for _, id := range ids {
		if id == f.class {
			return true
		}
	}
	return false
}

func (f *filter) matchText(key string, ids []int64, texts []string, names overlay.Names) bool {
	if f.text == "" || strings.Contains(strings.ToLower(key), f.text) {
		return true
	}
	for _, t := range texts {
		if strings.Contains(strings.ToLower(t), f.text) {
			return true
		}
	}
	for _, id := range ids {
		if strings.Contains(strings.ToLower(names[id]), f.text) {
			return true
		}
	}
	return false
}

// cut keeps a message short whatever it quotes.
func cut(s string) string { return s[:min(len(s), 60)] }
