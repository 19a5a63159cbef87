package preview

import (
	"context"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/report"
	"github.com/tailorbird/tailorbird/datasets/report/overlay"
)

// maxSearched is the number of shards that are searched for the base of a
// synthetic sample before its page is shown.
const maxSearched = 64

// marks are where a synthetic sample's object was put and where it was found.
func marks(ex *datasets.Example) []overlay.Mark {
	s := ex.Synthetic
	if s == nil {
		return nil
	}
	var out []overlay.Mark
	if s.Truth != nil {
		out = append(out, overlay.Mark{Kind: overlay.Truth, Title: "where it was put", Box: &s.Truth.BBox, Mask: s.Truth.Segmentation})
	}
	if s.Found != nil {
		out = append(out, overlay.Mark{Kind: overlay.Found, Title: "where it was found", Box: s.Found})
	}
	return out
}

// baseOf is the address of the sample that a synthetic one was made from, ""
// where the split does not hold it. In a split of many shards the address is
// that of a search, which is made only when it is followed.
func (h *Handler) baseOf(ctx context.Context, split string, f found) (string, error) {
	s := f.ex.Synthetic
	if s == nil || s.BaseKey == "" || len(s.BaseKey) > maxKey {
		return "", nil
	}
	if len(h.splits[split]) > maxSearched {
		return "/sample?" + url.Values{"split": {split}, "key": {s.BaseKey}}.Encode(), nil
	}
	base, err := h.lookup(ctx, split, s.BaseKey, strconv.Itoa(f.shard))
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err != nil: // the sample's own page is worth showing without it
		return "", nil
	}
	return address("sample", split, s.BaseKey, base.shard), nil
}

// editView is one edited copy as the page shows it.
type editView struct {
	Name, Instruction, What string
	Href                    string // of the picture, empty: the format does not hold it
	Picture                 template.HTML
}

// edits draws the edited copies with the place where something was removed.
func (h *Handler) edits(split string, f found) []editView {
	var views []editView
	for i, e := range f.ex.Edits {
		v := editView{Name: e.Name, Instruction: e.Instruction, What: fmt.Sprintf("%s, %d removed", h.names.Of(e.CategoryID), e.Count)}
		if e.Inpaint != "" {
			v.What += ", filled by " + e.Inpaint
		}
		if len(e.Image) > 0 && report.MediaType(e.Ext) != "" {
			v.Href = "/edit/" + url.PathEscape(split) + "/" + url.PathEscape(f.ex.Key) + "/" + strconv.Itoa(i) + "?shard=" + strconv.Itoa(f.shard)
		}
		blank := &datasets.Example{Key: f.ex.Key + " " + e.Name, Width: f.ex.Width, Height: f.ex.Height}
		v.Picture = overlay.SVG(blank, nil, overlay.Options{Href: v.Href, Marks: []overlay.Mark{{Kind: overlay.Found, Title: "what was removed, with its margin", Box: &e.MaskBBox}}})
		views = append(views, v)
	}
	return views
}

// edit serves the picture of an edited copy, by its number from 0.
func (h *Handler) edit(w http.ResponseWriter, r *http.Request) {
	h.picture(w, r, func(ex *datasets.Example) ([]byte, string) {
		n, err := strconv.Atoi(r.PathValue("number"))
		if err != nil || n < 0 || n >= len(ex.Edits) {
			return nil, ""
		}
		return ex.Edits[n].Image, ex.Edits[n].Ext
	})
}
