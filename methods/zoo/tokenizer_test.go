package zoo

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/nn"
)

func clipTokens(t testing.TB) *Tokenizer {
	t.Helper()
	k, err := CLIPTokenizer()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestTheTableIsThePublishedOne(t *testing.T) {
	sum := sha256.Sum256(clipMerges)
	if got := hex.EncodeToString(sum[:]); got != "924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a" {
		t.Errorf("sha256 %s", got)
	}
	k := clipTokens(t)
	if k.Vocabulary() != 49408 || k.Start() != 49406 || k.End() != 49407 {
		t.Errorf("%d tokens, start %d, end %d", k.Vocabulary(), k.Start(), k.End())
	}
	for id, token := range map[int]string{0: "!", 93: "~", 94: "\xa1", 256: "!</w>", 320: "a</w>", 512: "in", 49405: "jekyll</w>"} {
		if k.tokens[id] != token {
			t.Errorf("id %d is %q, want %q", id, k.tokens[id], token)
		}
	}
}

// The ids are those of specs/fgvp.md section 5.1.
func TestEncode(t *testing.T) {
	k := clipTokens(t)
	for text, want := range map[string][]int64{
		"a diagram":                                   {320, 22697},
		"a photo of elephant on the left":             {320, 1125, 539, 10299, 525, 518, 1823},
		"a photo of man in red shirt, 2nd from right": {320, 1125, 539, 786, 530, 736, 2523, 267, 273, 1764, 633, 1155},
		"This is woman's left-most bag":               {589, 533, 2308, 568, 1823, 268, 1096, 3365},
		"man is in red color.":                        {786, 533, 530, 736, 3140, 269},
		"a photo of the guy's 10 o'clock":             {320, 1125, 539, 518, 2149, 568, 272, 271, 334, 262, 6716},
		"Hello   World!! &amp;amp; 3.14":              {3306, 1002, 748, 261, 274, 269, 272, 275},
		"a photo of girl w/ umbrella":                 {320, 1125, 539, 1611, 342, 270, 17143},
		"a <start_of_text> b<end_of_text>":            {320, 49406, 321, 49407},
		"":                                            nil, " \t\n": nil,
	} {
		if got := k.Encode(text); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func TestWords(t *testing.T) {
	for text, want := range map[string]string{
		"it's we're i'll they've he'd can't i'm": "it|'s|we|'re|i|'ll|they|'ve|he|'d|can|'t|i|'m",
		"''s'":                                   "''|s|'",
		"x'ſ'":                                   "x|'ſ|'",
		"10x ½ Ⅷ٣":                               "1|0|x|½|Ⅷ|٣",
		"a--b!? c":                               "a|--|b|!?|c",
		"日本語テキスト。":                               "日本語テキスト|。",
		"e\u0301a":                               "e|\u0301|a",
		"!<start_of_text>":                       "!<|start|_|of|_|text|>",
	} {
		var got []string
		forEachWord(text, func(w string) { got = append(got, w) })
		if strings.Join(got, "|") != want {
			t.Errorf("%q: %q, want %s", text, got, want)
		}
	}
}

// What was cleaned by ftfy 6.3.1, html.unescape twice, split and lower.
func TestCleanText(t *testing.T) {
	for text, want := range map[string]string{
		"  Tabs\tand\nNEWLINES \u00a0 ":       "tabs and newlines",
		"&lt;b&gt; &amp;amp; &EACUTE;":        "<b> & é",
		"<b> &amp;amp; &amp;lt;":              "<b> & <",
		"&notit; &notanentity;":               "¬it; ¬anentity;",
		"ﬁne ĳs Ǆ":                            "fine ijs dž",
		"ＦＵＬＬ　ｗｉｄｔｈ ｶﾞ":                       "full width ガ",
		"“curly” ‘q’ „low‟ ‛x":                `"curly" 'q' "low" 'x`,
		"schÃ¶n Ð¿Ñ€Ð¸Ð²ÐµÑ‚ â€™s":            "schön привет 's",
		"Ã©tÃ©日本":                             "été日本",
		"CAFÉ” Fuß“ É… PORTÉ»":                `café" fuß" é… porté»`,
		"ÃƒÂ©":                                "é",
		"a\x00b \x07 bell \x1b[31mred\x1b[0m": "ab bell red",
		"x\u0080y \u0099":                     "x€y ™",
		"e\u0301 \ufeffbom":                   "é bom",
		"İstanbul ΟΔΟΣ ΣΑΣ. Σ ΑΣ'Α":           "i\u0307stanbul οδος σας. σ ασ'α",
		"bad \xff byte":                       "bad \ufffd byte",
		"line\r\nbreak\u2028x\u0085y":         "line break x…y",
	} {
		if got := CleanText(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestTokenizeFillsTheContext(t *testing.T) {
	k := clipTokens(t)
	tests := []struct {
		name, text string
		c          Context
		want       []int64
	}{
		{"short rows are padded", "a", Context{Length: 4}, []int64{49406, 320, 49407, 0}},
		{"with the end of text where asked", "a", Context{Length: 5, Pad: 49407}, []int64{49406, 320, 49407, 49407, 49407}},
		{"long rows are cut before the end", "a a a a", Context{Length: 4}, []int64{49406, 320, 320, 49407}},
		{"a full row is not cut", "a a", Context{Length: 4, Strict: true}, []int64{49406, 320, 320, 49407}},
	}
	for _, tt := range tests {
		if got, err := k.Tokenize(tt.text, tt.c); err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, %v", tt.name, got, err)
		}
	}
	if _, err := k.Tokenize("a a a", Context{Length: 4, Strict: true}); fault.CodeOf(err) != fault.TooLarge {
		t.Errorf("a strict context took a long sentence: %v", err)
	}
	if _, err := k.Tokenize("a", Context{Length: 1}); fault.CodeOf(err) != fault.Usage {
		t.Errorf("a context of one token: %v", err)
	}
	if rows, err := k.Batch([]string{"a", "b"}, Context{}); err != nil || !slices.Equal(rows.Shape(), []int{2, 77}) {
		t.Errorf("batch: %v, %v", rows, err)
	}
	if _, err := k.Batch(nil, Context{}); fault.CodeOf(err) != fault.Usage {
		t.Errorf("an empty batch: %v", err)
	}
}

func TestDecode(t *testing.T) {
	k := clipTokens(t)
	if got := k.Decode(k.Encode("A photo of a Cat.")); got != "a photo of a cat . " {
		t.Errorf("%q", got)
	}
	if got := k.Decode([]int64{-1, 320, 1 << 40}); got != "a " {
		t.Errorf("ids outside: %q", got)
	}
	if got := k.Decode(k.Encode("é")[:1]); strings.ContainsRune(got, 0xe9) && got != "é " {
		t.Errorf("%q", got)
	}
}

func TestTablesThatBreakTheFormAreRefused(t *testing.T) {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write([]byte("#version\ni n\nin g</w>\n"))
	w.Close()
	k, err := ReadTokenizer(&z)
	if err != nil || k.Vocabulary() != 516 {
		t.Fatalf("%v", err)
	}
	for name, table := range map[string]string{
		"not a pair":    "v\nabc\n",
		"unknown token": "v\nxy z\n",
		"twice":         "v\ni n\ni n\n",
		"a long line":   "v\n" + strings.Repeat("a", 5000) + " b\n",
		"a broken gzip": "\x1f\x8b\x00",
	} {
		if _, err := ReadTokenizer(strings.NewReader(table)); fault.CodeOf(err) != fault.Corrupt {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// plainMerge is the definition: all places of the pair of the lowest rank at once,
// from the left, again and again.
func plainMerge(k *Tokenizer, w string) []int32 {
	var ids []int32
	for i := range len(w) {
		ids = append(ids, byteID[w[i]])
	}
	ids[len(ids)-1] += 256
	for {
		best, p := merge{rank: 1 << 30}, pair{}
		for i := 1; i < len(ids); i++ {
			q := pair{ids[i-1], ids[i]}
			if m, ok := k.merges[q]; ok && m.rank < best.rank {
				best, p = m, q
			}
		}
		if best.rank == 1<<30 {
			return ids
		}
		var out []int32
		for i := 0; i < len(ids); i++ {
			if i+1 < len(ids) && ids[i] == p.left && ids[i+1] == p.right {
				out = append(out, best.id)
				i++
			} else {
				out = append(out, ids[i])
			}
		}
		ids = out
	}
}

func TestMergesFollowTheDefinition(t *testing.T) {
	k := clipTokens(t)
	rng := nn.Rand(1, "words", "test")
	for range 3000 {
		w := make([]byte, 1+rng.IntN(30))
		for i := range w {
			w[i] = "aabcdeeeilnorstt\xc3\xa9!."[rng.IntN(20)]
		}
		if got, want := k.encodeWord(string(w)), plainMerge(k, string(w)); !slices.Equal(got, want) {
			t.Fatalf("%q: %v, want %v", w, got, want)
		}
	}
	long := strings.Repeat("abracadabra", 20000)
	if got := k.Decode(k.Encode(long)); strings.TrimSpace(got) != long {
		t.Error("a long word did not come back")
	}
}

func TestTheTokenizerIsSafeForConcurrentUse(t *testing.T) {
	k := clipTokens(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for _, text := range strings.Fields("several goroutines meet new words at the same time") {
				if got := strings.TrimSpace(k.Decode(k.Encode(text))); got != text {
					t.Errorf("%s became %s", text, got)
				}
			}
		})
	}
	wg.Wait()
}

func ExampleCLIPTokenizer() {
	k, err := CLIPTokenizer()
	if err != nil {
		fmt.Println(err)
		return
	}
	row, err := k.Tokenize("A photo of a Cat", Context{Length: 8})
	fmt.Println(row, err)
	fmt.Println(k.Decode(row))
	// Output:
	// [49406 320 1125 539 320 2368 49407 0] <nil>
	// <start_of_text>a photo of a cat <end_of_text>!
}

// Decoding gives clean text back, but for white space.
func FuzzTokenizer(f *testing.F) {
	for _, s := range []string{"a photo of a cat", "don't İΣ ﬁ ½", "&amp;lt;b&gt; schÃ¶n", "\xff\x00🙂👍🏽", "<start_of_text>", "ÂÃâ€", "aaaaaaaa</w>b"} {
		f.Add(s)
	}
	k := clipTokens(f)
	bare := func(s string) string {
		return strings.Map(func(r rune) rune {
			if unicode.IsSpace(r) {
				return -1
			}
			return r
		}, s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		clean := CleanText(s)
		ids := k.Encode(s)
		for _, id := range ids {
			if id < 0 || id > k.End() {
				t.Fatalf("id %d", id)
			}
		}
		if got := k.Decode(ids); bare(got) != bare(clean) {
			t.Errorf("%q came back as %q", clean, got)
		}
	})
}
