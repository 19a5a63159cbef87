package preview

import (
	"context"
	"html/template"
	"net/http"
	"net/url"
	"strconv"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/report"
	"github.com/tailorbird/tailorbird/datasets/report/overlay"
	"github.com/tailorbird/tailorbird/internal/fault"
)

const (
	pageSize     = 48
	maxScanned   = 4096      // records that a filter looks at in one request
	maxScanBytes = 512 << 20 // and their bytes, where the format tells
)

// hit is one example of a page, or why it could not be read.
type hit struct {
	ex    *datasets.Example
	err   error
	shard int
}

// samplesPage is the body of the page.
type samplesPage struct {
	Filter         filter
	Splits         []splitLink
	Figures        []template.HTML
	Scanned        int // records looked at, where something is filtered
	First, Last    int // examples shown, from 1, where nothing is
	Total          int
	Before, Next   string // addresses, empty: none
	Pages          int
	Classification bool
	Detection      bool
	Unread         int // records that a filter could not read
}

type splitLink struct {
	Name, Href string
	Examples   int
	Here       bool
}

func (h *Handler) samples(w http.ResponseWriter, r *http.Request) {
	f, err := parseFilter(r.URL.Query(), h.m, h.defaultSplit())
	if err == nil && h.format == nil {
		err = fault.New(fault.Unsupported, "no format of this dataset can be read here")
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	p := samplesPage{Filter: f, Total: h.m.Splits[f.Split].Examples,
		Classification: h.m.Task == string(datasets.Classification), Detection: h.m.Task == string(datasets.Detection)}
	for _, s := range h.m.SplitNames() {
		to := filter{Split: s, Class: f.Class, Text: f.Text, Made: f.Made}
		p.Splits = append(p.Splits, splitLink{s, to.address(), h.m.Splits[s].Examples, s == f.Split})
	}
	var hits []hit
	if f.active() {
		hits, err = h.filtered(r.Context(), f, &p)
	} else {
		hits, err = h.numbered(r.Context(), f, &p)
	}
	if err == nil {
		p.Figures, err = h.figures(r.Context(), f.Split, hits)
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.render(w, r, http.StatusOK, "samples", "Samples", p)
}

// numbered fills a page without a filter.
func (h *Handler) numbered(ctx context.Context, f filter, p *samplesPage) ([]hit, error) {
	p.Pages = max((p.Total+pageSize-1)/pageSize, 1)
	if f.Page > p.Pages {
		return nil, fault.New(fault.NotFound, "there is no page %d; the last is %d", f.Page, p.Pages)
	}
	from := (f.Page - 1) * pageSize
	hits := h.slice(ctx, f.Split, from, pageSize)
	p.First, p.Last = from+1, from+len(hits)
	to := f
	if f.Page > 1 {
		to.Page = f.Page - 1
		p.Before = to.address()
	}
	if f.Page < p.Pages {
		to.Page = f.Page + 1
		p.Next = to.address()
	}
	return hits, ctx.Err()
}

// slice reads n examples of a split from the given one on. A shard that cannot
// be read is one hit with its error.
func (h *Handler) slice(ctx context.Context, split string, from, n int) []hit {
	var hits []hit
	for i, x := range h.splits[split] {
		if from >= x.Examples {
			from -= x.Examples
			continue
		}
		if len(hits) >= n || ctx.Err() != nil {
			break
		}
		err := h.store.with(ctx, x.Path, func(sh *shard) error {
			for e := from; e < min(len(sh.index), x.Examples) && len(hits) < n; e++ {
				ex, err := sh.get(e)
				hits = append(hits, hit{ex, err, i})
			}
			return nil
		})
		if err != nil {
			hits = append(hits, hit{nil, err, i})
		}
		from = 0
	}
	return hits
}

// filtered scans from the cursor of f until the page is full, the bounds are
// reached or the split ends.
func (h *Handler) filtered(ctx context.Context, f filter, p *samplesPage) ([]hit, error) {
	var hits []hit
	var size int64
	at := f.At
	shards := h.splits[f.Split]
	for at.Shard < len(shards) && len(hits) < pageSize && p.Scanned < maxScanned && size < maxScanBytes {
		ended := true
		err := h.store.with(ctx, shards[at.Shard].Path, func(sh *shard) error {
			for ; at.Entry < len(sh.index); at.Entry++ {
				if len(hits) == pageSize || p.Scanned == maxScanned || size >= maxScanBytes {
					ended = false
					return nil
				}
				if err := ctx.Err(); err != nil {
					return err
				}
				p.Scanned++
				size += sh.index[at.Entry].Bytes
				switch ex, err := sh.get(at.Entry); {
				case err != nil:
					p.Unread++
				case f.match(ex, h.names):
					hits = append(hits, hit{ex, nil, at.Shard})
				}
			}
			return nil
		})
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			hits = append(hits, hit{nil, err, at.Shard})
		}
		if ended {
			at = cursor{at.Shard + 1, 0}
		}
	}
	if at.Shard < len(shards) {
		to := f
		to.At = at
		p.Next = to.address()
	}
	if f.At != (cursor{}) {
		to := f
		to.At = cursor{}
		p.Before = to.address()
	}
	return hits, nil
}

// figures draws hits; one that could not be read says why.
func (h *Handler) figures(ctx context.Context, split string, hits []hit) ([]template.HTML, error) {
	var figures []template.HTML
	for _, x := range hits {
		if x.err != nil {
			figures = append(figures, template.HTML(`<figure class="sample broken"><figcaption>`+template.HTMLEscapeString(message(x.err))+`</figcaption></figure>`))
			continue
		}
		s := report.NewSample(x.ex, h.names, address("image", split, x.ex.Key, x.shard), address("sample", split, x.ex.Key, x.shard), overlay.Options{}, 6)
		html, err := report.SampleHTML(s)
		if err != nil {
			return nil, err
		}
		figures = append(figures, html)
	}
	return figures, ctx.Err()
}

// message tells faults of the data; what the machinery says stays here.
func message(err error) string {
	if fault.CodeOf(err).IsData() {
		return err.Error()
	}
	return "could not be read"
}

func address(kind, split, key string, shard int) string {
	return "/" + kind + "/" + url.PathEscape(split) + "/" + url.PathEscape(key) + "?shard=" + strconv.Itoa(shard)
}
