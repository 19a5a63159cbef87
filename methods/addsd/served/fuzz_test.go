package served

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/kernels/picture"
	"github.com/tailorbird/tailorbird/kernels/raster"
	"github.com/tailorbird/tailorbird/methods/addsd"
	"github.com/tailorbird/tailorbird/methods/addsd/served/protocol"
)

func TestAnswersKeepWhatCameBeforeTheDamage(t *testing.T) {
	t.Parallel()
	asked := map[string]bool{"a": true, "b": true}
	a, b := `{"id":"a","refused":"no"}`, `{"id":"b","error":"e","retry":false}`
	for _, c := range []struct {
		text   string
		got    string // ids
		broken bool
	}{
		{`{"items":[` + a + `,` + b + `]}`, "ab", false},
		{`{"weights_sha256":7,"more":{"x":[1]},"items":[` + b + `,` + a + `],"after":null}`, "ab", false},
		{`{"items":[` + a + `,` + b, "ab", true},
		{`{"items":[` + a + `,{"id":"b","err`, "a", true},
		{`{"items":[` + a + `,{"id":"b","seconds":NaN}]}`, "a", true},
		{`{"items":[` + a + `,7,null,[],{"id":7},{"id":"c","error":"x"},{"id":"b","retry":"x","error":"e"}]}`, "a", false},
		{`{"items":{` + a + `}}`, "", true},
		{`[` + a + `]`, "", true},
		{`{"items":null}`, "", true},
		{`{}`, "", false},
		{``, "", true},
		{strings.Repeat(`{"x":`, 20000), "", true},
		{`{"items":[` + a + `],"items":[` + b + `]}`, "ab", false},
	} {
		got := readAnswer(strings.NewReader(c.text), asked)
		ids := ""
		for _, id := range []string{"a", "b"} {
			if _, ok := got.results[id]; ok {
				ids += id
			}
		}
		if ids != c.got || (got.broken != nil) != c.broken || len(got.results) != len(c.got) {
			t.Errorf("%.80s: results %q, broken %v", c.text, ids, got.broken)
		}
	}
}

func FuzzReadAnswer(f *testing.F) {
	img, err := picture.EncodePNG(nil, scenery(8, 8, 1))
	if err != nil {
		f.Fatal(err)
	}
	text, err := json.Marshal(protocol.Answer{Items: []protocol.Result{{ID: "a", Image: img}, {ID: "b", Refused: "no"}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(text[:len(text)/2])
	f.Add([]byte(`{"items":[{"id":"a","image":"AAAA"},{"id":"a","error":"x","retry":false},{"id":"b","image":null}],"weights_sha256":"w"}`))
	f.Add([]byte(`{"items":[{"id":"b","image":"` + base64.StdEncoding.EncodeToString([]byte("\xff\xd8\xff\xe0")) + `"}]}`))
	f.Add([]byte(`{"items":[{"id":"a","seconds":NaN}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		const limit = 1 << 14
		a := readAnswer(&bounded{bytes.NewReader(text), limit}, map[string]bool{"a": true, "b": true})
		out := outcome{answer: a}
		if a.broken != nil {
			out.kind, out.err = failed, addsd.Reject(addsd.BadImage, "broken")
		} else if len(text) > limit && json.Valid(text) && len(bytes.TrimSpace(text)) > limit {
			t.Error("read over the limit")
		}
		g := &Generator{client: newClient(Options{})}
		defer func() { _ = g.Close() }()
		for _, id := range []string{"a", "b"} {
			it := &item{id: id, made: &addsd.Made{}}
			it.wire.Width, it.wire.Height = 8, 8
			it.geometry, _ = geometry(NoGeometry, 8, 8)
			_, err := g.result(it, &out)
			if err != nil && addsd.RejectionOf(err) == nil {
				t.Errorf("an answer ends the run: %v", err)
			}
			if (err == nil) != (it.made.Image != nil) {
				t.Errorf("%v and image %v", err, it.made.Image != nil)
			}
		}
	})
}

func FuzzReadInfo(f *testing.F) {
	f.Add([]byte(`{"protocol":1,"name":"n","version":"v","weights_sha256":"","max_batch":4,"seconds_per_image":2.5,"sizes":{"multiple_of":64}}`))
	f.Add([]byte(`{"protocol":1,"name":"n","seconds_per_image":1e999}`))
	f.Add([]byte(`<html>`))
	f.Fuzz(func(t *testing.T, text []byte) {
		info, err := readInfo(text)
		if err == nil && (info.Name == "" || info.MaxBatch < 1 || info.MaxBatch > maxBatch || info.Sizes.MultipleOf < 1 || !(info.SecondsPerImage >= 0)) {
			t.Errorf("%+v", info)
		}
	})
}

func TestUniformLooksAtEveryPixel(t *testing.T) {
	t.Parallel()
	m := raster.NewRGB(70, 50)
	for i := range m.Pix {
		m.Pix[i] = byte(i % 3 * uniformSpan / 2) // noise within the span, in each channel alike
	}
	if !uniform(m) {
		t.Error("one colour is not taken for one")
	}
	for _, i := range []int{0, 1, len(m.Pix) / 2, len(m.Pix) - 1} {
		m.Pix[i] += uniformSpan + 1
		if uniform(m) {
			t.Errorf("sample %d is not seen", i)
		}
		m.Pix[i] -= uniformSpan + 1
	}
}
