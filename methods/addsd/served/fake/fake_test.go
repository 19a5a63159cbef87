package fake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/tailorbird/tailorbird/kernels/picture"
	"github.com/tailorbird/tailorbird/kernels/raster"
	"github.com/tailorbird/tailorbird/methods/addsd/served/protocol"
)

func grey(w, h int, level byte) *raster.RGB {
	m := raster.NewRGB(w, h)
	for i := range m.Pix {
		m.Pix[i] = level
	}
	return m
}

func TestTheObjectIsInItsSquareAndNowhereElse(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		base, img := grey(120, 90, 128), grey(120, 90, 128)
		r := Draw(img, nil, fmt.Sprint("class ", seed%7), seed)
		if !r.In(image.Rect(0, 0, 120, 90)) || r.Dx() < 90*22/100 || r.Dx() > 90*35/100 || r.Dx() != r.Dy() {
			t.Fatalf("seed %d: square %v", seed, r)
		}
		changed := 0
		for y := range 90 {
			for x := range 120 {
				if at(img, x, y) == at(base, x, y) {
					continue
				}
				changed++
				if d := distance(at(img, x, y), at(base, x, y)); !(image.Point{X: x, Y: y}).In(r) || d < contrast {
					t.Fatalf("seed %d: pixel %d, %d changed by %d, square %v", seed, x, y, d, r)
				}
			}
		}
		if changed < r.Dx()*r.Dy()/3 {
			t.Errorf("seed %d: %d pixels of %v", seed, changed, r)
		}
	}
}

func TestThePictureFollowsFromSeedAndObject(t *testing.T) {
	t.Parallel()
	draw := func(object string, seed uint64) []byte {
		m := grey(200, 200, 90)
		Draw(m, nil, object, seed)
		return m.Pix
	}
	if !bytes.Equal(draw("cat", 1), draw("cat", 1)) {
		t.Error("the same request, another picture")
	}
	if bytes.Equal(draw("cat", 1), draw("cat", 2)) || bytes.Equal(draw("cat", 1), draw("traffic light", 1)) {
		t.Error("another request, the same picture")
	}
}

func TestTheQuietPlaceIsTaken(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		m := grey(300, 100, 100)
		for i := range 200 * 100 { // all but the last third is a chequerboard
			x, y := i%200, i/200
			put(m, x, y, raster.Color{R: uint8(255 * ((x/5 + y/5) % 2))})
		}
		if r := Draw(m, nil, "cat", seed); r.Min.X < 180 {
			t.Errorf("seed %d: drawn at %v", seed, r)
		}
	}
}

func TestColoursAreSeenOnAnyGround(t *testing.T) {
	t.Parallel()
	for i, c := range colours {
		for j, d := range colours[:i] {
			if distance(c, d) < contrast {
				t.Errorf("colours %d and %d are alike", i, j)
			}
		}
	}
	for i := range 32 * 32 * 32 {
		ground, seen := raster.Color{R: uint8(i << 3), G: uint8(i >> 5 << 3), B: uint8(i >> 10 << 3)}, 0
		for _, c := range colours {
			if distance(c, ground) >= contrast {
				seen++
			}
		}
		if seen < len(colours)/2 {
			t.Fatalf("%d colours stand out from %v", seen, ground)
		}
	}
}

func TestNoiseAndDriftStayWithinTheirLevels(t *testing.T) {
	t.Parallel()
	m := grey(50, 40, 100)
	disturb(m, 7, 3, 5)
	seen := map[byte]bool{}
	for _, v := range m.Pix {
		if v < 102 || v > 108 {
			t.Fatalf("level %d", v)
		}
		seen[v] = true
	}
	if len(seen) != 7 {
		t.Errorf("levels %v", seen)
	}
}

func post(t *testing.T, s *Server, edit protocol.Edit) (int, protocol.Answer) {
	t.Helper()
	body, err := json.Marshal(edit)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, protocol.EditPath, bytes.NewReader(body)))
	var a protocol.Answer
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		t.Fatal(err)
	}
	return w.Code, a
}

func item(t *testing.T, id string) protocol.Item {
	t.Helper()
	text, err := picture.EncodePNG(nil, grey(40, 30, 90))
	if err != nil {
		t.Fatal(err)
	}
	return protocol.Item{ID: id, Object: "cat", Width: 40, Height: 30, Image: text, Seed: 3}
}

func TestTheServerHoldsClientsToTheProtocol(t *testing.T) {
	t.Parallel()
	s := &Server{Info: protocol.Info{Name: "n", MaxBatch: 1}}
	if code, _ := post(t, s, protocol.Edit{Items: []protocol.Item{item(t, "a"), item(t, "b")}}); code != http.StatusBadRequest {
		t.Errorf("two items where one is allowed: status %d", code)
	}
	wrong := item(t, "a")
	wrong.Width = 41
	if code, a := post(t, s, protocol.Edit{Items: []protocol.Item{wrong}}); code != http.StatusOK || len(a.Items) != 1 || a.Items[0].Error == "" {
		t.Errorf("another size than said: status %d, %+v", code, a)
	}
	if got := s.Stats(); got.Edits != 2 || got.Rejected != 1 {
		t.Errorf("%+v", got)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, protocol.EditPath, nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("GET of edit: status %d", w.Code)
	}
}

func TestSomeSpoilsTheSameItemsInAnyOrder(t *testing.T) {
	t.Parallel()
	faults := Some(9, Shares{Refuse: 0.2, Black: 0.2, WrongSize: 0.1, Fail: 0.1})
	kinds := map[Spoil]int{}
	for i := range 1000 {
		it := protocol.Item{ID: fmt.Sprint(i)}
		a := faults(Call{N: i, Items: []protocol.Item{it}})
		b := faults(Call{N: 1000 - i, Items: []protocol.Item{{ID: "other"}, it}})
		if a.Items[0] != b.Items[1] {
			t.Fatalf("item %d: %d and %d", i, a.Items[0], b.Items[1])
		}
		kinds[a.Items[0]]++
	}
	for spoil, want := range map[Spoil]int{Good: 400, Refuse: 200, Black: 200, WrongSize: 100, Fail: 100} {
		if n := kinds[spoil]; n < want*7/10 || n > want*13/10 {
			t.Errorf("kind %d: %d of 1000, about %d expected", spoil, n, want)
		}
	}
}
