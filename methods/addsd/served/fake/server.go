package fake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"net"
	"net/http"
	"sync"

	"github.com/tailorbird/tailorbird/kernels/picture"
	"github.com/tailorbird/tailorbird/kernels/raster"
	"github.com/tailorbird/tailorbird/methods/addsd/served/protocol"
)

// maxBody bounds a request.
const maxBody = 256 << 20

// Server is an http.Handler that speaks the editing protocol. The zero value works
// and never fails. Set its fields before it serves.
type Server struct {
	Info  protocol.Info // zero fields are those of DefaultInfo
	Noise int           // each sample changes by up to so many levels, as if by a lossy codec
	Drift int           // levels that the whole picture gets brighter by
	JPEG  bool          // answers are JPEGs of quality 95, not PNGs
	// Faults says what goes wrong with a call; nil: nothing does.
	Faults func(Call) Fault

	mu    sync.Mutex
	stats Stats
	busy  int
}

// Call is one request to edit.
type Call struct {
	N     int // requests to edit before it
	Items []protocol.Item
}

// Stats counts what a server was asked.
type Stats struct {
	Infos    int
	Edits    int
	Batches  []int          // items of each edit
	Items    map[string]int // times that each id was asked for
	AtOnce   int            // the most requests under way at one time
	Headers  []http.Header  // of each edit
	Rejected int            // requests that the protocol does not allow
}

// DefaultInfo is what a Server says of itself.
func DefaultInfo() protocol.Info {
	return protocol.Info{Protocol: protocol.Version, Name: "fake", Version: "1", Deterministic: true, MaxBatch: 4,
		SecondsPerImage: 0.01, Sizes: protocol.Sizes{MultipleOf: 1, Min: 1, Max: 4096}, Masks: true}
}

// Stats returns what was counted so far.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.stats
	out.Batches = append([]int(nil), out.Batches...)
	out.Headers = append([]http.Header(nil), out.Headers...)
	out.Items = make(map[string]int, len(s.stats.Items))
	for k, v := range s.stats.Items {
		out.Items[k] = v
	}
	return out
}

// Start serves s on a free port of the loopback interface. stop ends it and every
// connection.
func (s *Server) Start() (url string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("fake: %w", err)
	}
	server := &http.Server{Handler: s}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l) // http.ErrServerClosed
	}()
	return "http://" + l.Addr().String(), func() { _ = server.Close(); <-done }, nil
}

// ServeHTTP answers the two paths of the protocol.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == protocol.InfoPath && r.Method == http.MethodGet:
		s.mu.Lock()
		s.stats.Infos++
		s.mu.Unlock()
		reply(w, http.StatusOK, s.info())
	case r.URL.Path == protocol.EditPath && r.Method == http.MethodPost:
		s.edit(w, r)
	default:
		reply(w, http.StatusNotFound, map[string]string{"error": "no such path"})
	}
}

func (s *Server) info() protocol.Info {
	d, i := DefaultInfo(), s.Info
	if i == (protocol.Info{}) {
		return d
	}
	if i.Protocol == 0 {
		i.Protocol = d.Protocol
	}
	if i.Name == "" {
		i.Name, i.Version = d.Name, d.Version
	}
	return i
}

func (s *Server) edit(w http.ResponseWriter, r *http.Request) {
	var edit protocol.Edit
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&edit)
	if err == nil && len(edit.Items) > max(s.info().MaxBatch, 1) {
		err = fmt.Errorf("%d items, max_batch is %d", len(edit.Items), s.info().MaxBatch)
	}
	call := s.enter(r, edit.Items, err != nil)
	defer s.leave()
	if err != nil {
		reply(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		return
	}
	var f Fault
	if s.Faults != nil {
		f = s.Faults(call)
	}
	if f.breaks(w, r) {
		return
	}
	var results [][]byte
	for i, it := range edit.Items {
		results = append(results, s.results(it, f.Items[i])...)
	}
	f.write(w, r, s.info().WeightsSHA256, results)
}

func (s *Server) enter(r *http.Request, items []protocol.Item, bad bool) Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := Call{N: s.stats.Edits, Items: items}
	s.stats.Edits++
	s.stats.Batches = append(s.stats.Batches, len(items))
	s.stats.Headers = append(s.stats.Headers, r.Header.Clone())
	if s.stats.Items == nil {
		s.stats.Items = map[string]int{}
	}
	for _, it := range items {
		s.stats.Items[it.ID]++
	}
	if bad {
		s.stats.Rejected++
	}
	s.busy++
	s.stats.AtOnce = max(s.stats.AtOnce, s.busy)
	return c
}

func (s *Server) leave() {
	s.mu.Lock()
	s.busy--
	s.mu.Unlock()
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may be gone
}

// results makes the JSON of an item's result: none, one or several, as spoil says.
func (s *Server) results(it protocol.Item, spoil Spoil) [][]byte {
	res := protocol.Result{ID: it.ID}
	img, mask, err := read(it)
	if err != nil {
		no := false
		res.Error, res.Retry = err.Error(), &no
		return [][]byte{marshal(res)}
	}
	Draw(img, mask, it.Object, it.Seed)
	disturb(img, it.Seed, s.Noise, s.Drift)
	return spoil.results(res, img, s.encode)
}

func marshal(v protocol.Result) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("fake: a result is strings, bytes and bools: " + err.Error())
	}
	return b
}

// read decodes the pictures of an item.
func read(it protocol.Item) (*raster.RGB, *image.Gray, error) {
	d := picture.NewDecoder(picture.Limits{})
	defer d.Close()
	img := &raster.RGB{}
	if err := d.RGB(img, it.Image); err != nil {
		return nil, nil, err
	}
	if img.Width != it.Width || img.Height != it.Height {
		return nil, nil, fmt.Errorf("an image of %d x %d pixels, said to be %d x %d", img.Width, img.Height, it.Width, it.Height)
	}
	if it.Mask == nil {
		return img, nil, nil
	}
	m, err := png.Decode(bytes.NewReader(it.Mask))
	if err != nil {
		return nil, nil, err
	}
	grey, ok := m.(*image.Gray)
	if !ok || grey.Rect != image.Rect(0, 0, img.Width, img.Height) {
		return nil, nil, fmt.Errorf("a mask of %v, not grey or not of the image's size", m.Bounds())
	}
	return img, grey, nil
}

func (s *Server) encode(m *raster.RGB) []byte {
	if !s.JPEG {
		b, err := picture.EncodePNG(nil, m)
		if err != nil {
			panic("fake: " + err.Error()) // memory takes every byte
		}
		return b
	}
	rgba := image.NewRGBA(image.Rect(0, 0, m.Width, m.Height))
	for i := range m.Width * m.Height {
		copy(rgba.Pix[4*i:], m.Pix[3*i:][:3])
		rgba.Pix[4*i+3] = 255
	}
	var b bytes.Buffer
	_ = jpeg.Encode(&b, rgba, &jpeg.Options{Quality: 95}) // memory takes every byte
	return b.Bytes()
}
