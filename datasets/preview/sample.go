package preview

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/report"
	"github.com/tailorbird/tailorbird/datasets/report/overlay"
	"github.com/tailorbird/tailorbird/internal/fault"
)

const maxKey = 200 // bytes of a key in an address

// found is an example with its place.
type found struct {
	ex           *datasets.Example
	shard        int
	path         string
	before, next string // keys beside it in its shard
}

// lookup finds a key. The number of its shard is a hint that saves the search.
func (h *Handler) lookup(ctx context.Context, split, key, hint string) (found, error) {
	var f found
	shards, ok := h.splits[split]
	if !ok || len(key) > maxKey {
		return f, fault.New(fault.NotFound, "there is no example %q in split %q", cut(key), cut(split))
	}
	order := make([]int, 0, len(shards)+1)
	if n, err := strconv.Atoi(hint); err == nil && n >= 0 && n < len(shards) {
		order = append(order, n)
	}
	for i := range shards {
		order = append(order, i)
	}
	var broken error
	for _, i := range order {
		if err := ctx.Err(); err != nil {
			return f, err
		}
		hit := false
		err := h.store.with(ctx, shards[i].Path, func(sh *shard) error {
			e := sh.find(key)
			if e < 0 {
				return nil
			}
			hit = true
			f = found{shard: i, path: sh.path}
			if e > 0 {
				f.before = sh.index[e-1].Key
			}
			if e+1 < len(sh.index) {
				f.next = sh.index[e+1].Key
			}
			var err error
			f.ex, err = sh.get(e)
			return err
		})
		if hit {
			return f, err
		}
		if err != nil {
			broken = err
		}
	}
	if broken != nil {
		return f, broken
	}
	return f, fault.New(fault.NotFound, "there is no example %q in split %q", key, split)
}

// find leads from a key that was typed to its page.
func (h *Handler) find(w http.ResponseWriter, r *http.Request) {
	split, key := r.URL.Query().Get("split"), r.URL.Query().Get("key")
	f, err := h.lookup(r.Context(), split, key, "")
	if err != nil {
		h.fail(w, r, err)
		return
	}
	http.Redirect(w, r, address("sample", split, key, f.shard), http.StatusSeeOther)
}

func (h *Handler) sample(w http.ResponseWriter, r *http.Request) {
	split := r.PathValue("split")
	f, err := h.lookup(r.Context(), split, r.PathValue("key"), r.URL.Query().Get("shard"))
	if err != nil {
		h.fail(w, r, err)
		return
	}
	record, err := record(f.ex)
	if err != nil {
		h.fail(w, r, fault.Wrap(fault.Bug, err))
		return
	}
	figure, err := report.SampleHTML(report.NewSample(f.ex, h.names, address("image", split, f.ex.Key, f.shard), "", overlay.Options{TextSize: 0.02, Labels: 60, Marks: marks(f.ex)}, 100))
	if err != nil {
		h.fail(w, r, err)
		return
	}
	link := func(key string) string {
		if key == "" {
			return ""
		}
		return address("sample", split, key, f.shard)
	}
	base, err := h.baseOf(r.Context(), split, f)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.render(w, r, http.StatusOK, "sample", f.ex.Key, map[string]any{
		"Ex": f.ex, "Figure": figure, "Shard": f.path, "Record": record, "Size": int64(len(f.ex.Image)),
		"Before": link(f.before), "Next": link(f.next), "All": filter{Split: split}.address(),
		"Image":  address("image", split, f.ex.Key, f.shard),
		"Making": report.Making(f.ex, h.m.Classes...), "Base": base, "Edits": h.edits(split, f),
	})
}

// numbers is a list of numbers as json.Indent spreads it over lines.
var numbers = regexp.MustCompile(`\[[\s\d.,eE+-]+\]`)

// record writes the example as indented JSON with lists of numbers on one line.
func record(ex *datasets.Example) (string, error) {
	b, err := json.MarshalIndent(ex, "", "  ")
	if err != nil {
		return "", err
	}
	return string(numbers.ReplaceAllFunc(b, func(list []byte) []byte {
		return bytes.ReplaceAll(bytes.Join(bytes.Fields(list), nil), []byte(","), []byte(", "))
	})), nil
}

// image serves the stored picture.
func (h *Handler) image(w http.ResponseWriter, r *http.Request) {
	h.picture(w, r, func(ex *datasets.Example) ([]byte, string) { return ex.Image, ex.Ext })
}

// picture serves bytes of an example that of picks. They never change under a
// root hash.
func (h *Handler) picture(w http.ResponseWriter, r *http.Request, of func(*datasets.Example) (data []byte, ext string)) {
	tag := `"` + h.m.RootHash[:min(len(h.m.RootHash), 32)] + `"`
	if r.Header.Get("If-None-Match") == tag { // who asks with it has been given the picture
		w.Header().Set("ETag", tag)
		w.WriteHeader(http.StatusNotModified)
		return
	}
	f, err := h.lookup(r.Context(), r.PathValue("split"), r.PathValue("key"), r.URL.Query().Get("shard"))
	if err != nil {
		h.fail(w, r, err)
		return
	}
	data, ext := of(f.ex)
	kind := report.MediaType(ext)
	if kind == "" || len(data) == 0 {
		h.fail(w, r, fault.New(fault.NotFound, "the example has no picture that is shown"))
		return
	}
	w.Header().Set("ETag", tag)
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.Write(data)
}
