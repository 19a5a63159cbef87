package preview

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"html/template"
	"net/http"
	"strconv"

	"github.com/tailorbird/tailorbird/datasets/formats"
	"github.com/tailorbird/tailorbird/datasets/report"
	"github.com/tailorbird/tailorbird/datasets/report/overlay"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/manifest"
)

// Options say who may look. The zero value serves this machine alone.
type Options struct {
	Public bool // answer any Host, and let Serve listen on any address
}

// Limits on what is read whole.
const (
	maxManifest = 1 << 30
	maxRun      = 16 << 20
)

// Handler serves one dataset. It is safe for concurrent use; Close releases the
// shards that it holds open.
type Handler struct {
	opts   Options
	root   string
	m      *manifest.Manifest
	run    *manifest.RunReport
	names  overlay.Names
	format formats.Format // what samples are read from; nil: none that is known
	splits map[string][]manifest.Shard
	store  *store
	mux    *http.ServeMux
}

var (
	//go:embed pages.html
	files embed.FS

	//go:embed preview.css
	css string

	pages = template.Must(template.New("").Funcs(report.Funcs()).ParseFS(files, "pages.html"))
)

// New opens the dataset at root, a directory or an address of package blob. A
// place without a manifest is fault.NotFound, a broken one fault.Corrupt.
func New(ctx context.Context, root string, o Options) (*Handler, error) {
	text, err := blob.ReadFile(ctx, blob.Join(root, manifest.Name), maxManifest)
	if err != nil {
		return nil, err
	}
	m, err := manifest.Parse(text)
	if err != nil {
		return nil, fault.At(err, fault.Place{Path: blob.Join(root, manifest.Name)})
	}
	h := &Handler{opts: o, root: root, m: m, names: overlay.NamesOf(m.Classes), splits: map[string][]manifest.Shard{}}
	if h.run, err = readRun(ctx, blob.Join(root, "run.json")); err != nil {
		return nil, err
	}
	h.chooseFormat()
	h.store = newStore(root, h.format)
	h.routes()
	return h, nil
}

// Close closes the shards. Requests must have ended.
func (h *Handler) Close() error { return h.store.close() }

// readRun reads run.json, nil where there is none.
func readRun(ctx context.Context, addr string) (*manifest.RunReport, error) {
	text, err := blob.ReadFile(ctx, addr, maxRun)
	if fault.CodeOf(err) == fault.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	run := new(manifest.RunReport)
	if err := json.Unmarshal(text, run); err != nil {
		return nil, fault.At(fault.New(fault.Corrupt, "not a run report: %w", err), fault.Place{Path: addr})
	}
	return run, nil
}

// chooseFormat takes the first of the dataset's formats that is linked in: those
// that find one sample fastest come first.
func (h *Handler) chooseFormat() {
	for _, name := range append([]string{"webdataset", "tfrecord", "parquet"}, h.m.Formats()...) {
		f, ok := formats.Lookup(name)
		if !ok {
			continue
		}
		found := false
		for split, s := range h.m.Splits {
			for _, x := range s.Shards {
				if x.Format == name {
					h.splits[split] = append(h.splits[split], x)
					found = true
				}
			}
		}
		if found {
			h.format = f
			return
		}
	}
}

func (h *Handler) routes() {
	h.mux = http.NewServeMux()
	h.mux.HandleFunc("GET /{$}", h.overview)
	h.mux.HandleFunc("GET /charts", h.charts)
	h.mux.HandleFunc("GET /samples", h.samples)
	h.mux.HandleFunc("GET /sample", h.find)
	h.mux.HandleFunc("GET /sample/{split}/{key}", h.sample)
	h.mux.HandleFunc("GET /image/{split}/{key}", h.image)
	h.mux.HandleFunc("GET /edit/{split}/{key}/{number}", h.edit)
	h.mux.HandleFunc("GET /quarantine", h.quarantine)
	h.mux.HandleFunc("GET /style.css", h.style)
	h.mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		h.fail(w, r, fault.New(fault.NotFound, "there is no page here"))
	})
}

func (h *Handler) style(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Write([]byte(report.CSS() + css))
}

// page is what the layout shows round a body.
type page struct {
	Title, Here string
	M           *manifest.Manifest
	Body        any
}

// render writes a page, or a failure where the template fails.
func (h *Handler) render(w http.ResponseWriter, r *http.Request, status int, name, title string, body any) {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, page{title, name, h.m, body}); err != nil {
		http.Error(w, "a page could not be written", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	w.Write(b.Bytes())
}

// fail answers with err in words. Only faults of the request and of the data
// are told; what the machinery says may name places of this machine.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, text := http.StatusInternalServerError, "The dataset could not be read."
	switch code := fault.CodeOf(err); {
	case code == fault.NotFound:
		status, text = http.StatusNotFound, err.Error()
	case code == fault.Usage:
		status, text = http.StatusBadRequest, err.Error()
	case code.IsData():
		text = err.Error()
	}
	h.render(w, r, status, "failure", http.StatusText(status), text)
}

// overview shows what the dataset is, with a few samples.
func (h *Handler) overview(w http.ResponseWriter, r *http.Request) {
	in := report.Input{Manifest: h.m, Run: h.run}
	top, err := report.Body(in, report.Overview)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	rest, err := report.Body(in, report.Splits, report.Licences, report.Run, report.Provenance)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	var first []template.HTML
	if split := h.defaultSplit(); split != "" && h.format != nil {
		if first, err = h.figures(r.Context(), split, h.slice(r.Context(), split, 0, 8)); err != nil {
			h.fail(w, r, err)
			return
		}
	}
	h.render(w, r, http.StatusOK, "overview", h.m.Dataset, map[string]any{"Top": top, "Rest": rest, "Samples": first})
}

func (h *Handler) charts(w http.ResponseWriter, r *http.Request) {
	body, err := report.Body(report.Input{Manifest: h.m}, report.Classes, report.Distributions)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.render(w, r, http.StatusOK, "charts", "Charts", body)
}

// defaultSplit is train, else the first, "" where there is none.
func (h *Handler) defaultSplit() string {
	names := h.m.SplitNames()
	for _, n := range names {
		if n == "train" {
			return n
		}
	}
	if len(names) == 0 {
		return ""
	}
	return names[0]
}
