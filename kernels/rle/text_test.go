package rle

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
)

func wantFault(t *testing.T, err error, code fault.Code, part string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want %q", part)
		return
	}
	if fault.CodeOf(err) != code || !strings.Contains(err.Error(), part) {
		t.Errorf("%s: %v, want %s: %q", fault.CodeOf(err), err, code, part)
	}
}

func TestStringsThatAreNoMaskAreNamedByTheirFault(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, counts string
		h, w         int
		code         fault.Code
		part         string
	}{
		{"empty", "", 2, 2, fault.InvalidAnnotation, "rle: 0 pixels, image has 4"},
		{"one pixel too many", "5", 2, 2, fault.InvalidAnnotation, "rle: 5 pixels, image has 4"},
		{"byte below the alphabet", "1 1", 2, 2, fault.Corrupt, `byte 1 is " "`},
		{"byte above the alphabet", "1p", 2, 2, fault.Corrupt, `byte 1 is "p"`},
		{"byte above the alphabet inside a number", "1Pp", 2, 2, fault.Corrupt, `byte 2 is "p"`},
		{"not ASCII", "1é", 2, 2, fault.Corrupt, `byte 1 is "\xc3"`},
		{"number cut short", "4P", 2, 2, fault.Corrupt, "byte 1: the last number is cut short"},
		{"negative run", "O", 2, 2, fault.Corrupt, "byte 0: run 0 has -1 pixels"},
		{"negative difference", "111N", 2, 2, fault.Corrupt, "byte 3: run 3 has -1 pixels"},
		{"run beyond any image", "PPPPPP8", 2, 2, fault.Corrupt, "byte 0: run 0 has 8589934592 pixels"},
		{"endless number", "PPPPPPPP1", 2, 2, fault.Corrupt, "byte 0: number of more than 7 bytes"},
		{"more runs than pixels", "400000", 2, 2, fault.TooLarge, "6 runs, image has 4 pixels"},
		{"no height", "0", 0, 2, fault.InvalidAnnotation, "image of 0 x 2 pixels"},
		{"negative width", "0", 2, -2, fault.InvalidAnnotation, "image of 2 x -2 pixels"},
		{"huge image", "0", 1 << 20, 1 << 20, fault.TooLarge, "the limit is 2147483648"},
		{"image whose size overflows", "0", 1 << 62, 4, fault.TooLarge, "the limit is 2147483648"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := FromString(c.counts, c.h, c.w, nil)
			wantFault(t, err, c.code, c.part)
		})
	}
}

func TestTheLargestImageIsReadAndWritten(t *testing.T) {
	t.Parallel()
	m := Mask{1 << 16, 1 << 15, []uint32{0, 1, 0, 1<<31 - 1}}
	got, err := FromString(m.String(), m.Height, m.Width, nil)
	wantCounts(t, got, err, m.String())
	if got.Area() != 1<<31 || got.Box() != [4]int{0, 0, 1 << 15, 1 << 16} {
		t.Errorf("area %d, box %v", got.Area(), got.Box())
	}
	small, err := got.Resize(2, 3, nil)
	wantCounts(t, small, err, Mask{2, 3, []uint32{0, 6}}.String())
}

func TestValidateNamesTheDifference(t *testing.T) {
	t.Parallel()
	wantFault(t, Mask{480, 640, []uint32{307201}}.Validate(), fault.InvalidAnnotation, "rle: 307201 pixels, image has 307200")
	wantFault(t, Mask{2, 2, nil}.Validate(), fault.InvalidAnnotation, "rle: 0 pixels, image has 4")
	wantFault(t, Mask{1, 1, []uint32{0, 0, 1}}.Validate(), fault.TooLarge, "3 runs, image has 1 pixels")
	wantFault(t, Mask{2, 1 << 31, nil}.Validate(), fault.TooLarge, "limit")
}

func TestBothFormsOfJSONAreRead(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"size":[2,3],"counts":"132"}`,
		`{"counts":"132","size":[2,3]}`,
		`{"size":[2,3],"counts":[1,3,2]}`,
		`{"counts": [ 1 , 3 , 2 ] , "size": [2, 3], "more": {}}`,
	} {
		var m Mask
		err := json.Unmarshal([]byte(text), &m)
		wantCounts(t, m, err, "132")
	}
}

func TestJSONIsWrittenAsCOCOHasIt(t *testing.T) {
	t.Parallel()
	m := Mask{44, 10, []uint32{44, 1, 395}} // "\1[<": every byte that JSON could mind
	for _, c := range []struct{ got, want string }{
		{string(m.AppendJSON([]byte("x"))), `x{"size":[44,10],"counts":"\\11[<"}`},
		{string(m.AppendJSONRuns([]byte("x"))), `x{"size":[44,10],"counts":[44,1,395]}`},
	} {
		if c.got != c.want {
			t.Errorf("%s, want %s", c.got, c.want)
		}
	}
	if _, err := json.Marshal(Mask{2, 2, []uint32{5}}); fault.CodeOf(err) != fault.InvalidAnnotation {
		t.Errorf("a mask that is not valid was written: %v", err)
	}
}

func TestJSONThatIsNoMaskIsNamedByItsFault(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		code fault.Code
		part string
	}{
		{`[]`, fault.Corrupt, "rle: json"},
		{`null`, fault.Corrupt, "size has 0 numbers"},
		{`{"counts":"4"}`, fault.Corrupt, "size has 0 numbers"},
		{`{"size":[2,2,1],"counts":"4"}`, fault.Corrupt, "size has 3 numbers"},
		{`{"size":[2,2]}`, fault.Corrupt, "neither a string nor a list"},
		{`{"size":[2,2],"counts":4}`, fault.Corrupt, "neither a string nor a list"},
		{`{"size":[2,2],"counts":[]}`, fault.InvalidAnnotation, "0 pixels, image has 4"},
		{`{"size":[2,2],"counts":[1,-3]}`, fault.Corrupt, `run 1 is "-3"`},
		{`{"size":[2,2],"counts":[1,3.0]}`, fault.Corrupt, `run 1 is "3.0"`},
		{`{"size":[2,2],"counts":[1,[3]]}`, fault.Corrupt, `run 1 is "[3]"`},
		{`{"size":[2,2],"counts":[4294967296]}`, fault.Corrupt, `run 0 is "4294967296"`},
		{`{"size":[2,2],"counts":[1,4]}`, fault.InvalidAnnotation, "5 pixels, image has 4"},
		{`{"size":[1,1],"counts":[0,0,1]}`, fault.TooLarge, "3 runs, image has 1 pixels"},
		{`{"size":[0,2],"counts":[0]}`, fault.InvalidAnnotation, "image of 0 x 2"},
		{`{"size":[65536,65536],"counts":"0"}`, fault.TooLarge, "limit"},
	} {
		m := Mask{1, 1, []uint32{1}}
		wantFault(t, m.UnmarshalJSON([]byte(c.text)), c.code, c.part)
		if len(m.Counts) != 1 {
			t.Errorf("%s changed the mask", c.text)
		}
	}
}
