package zoo

import (
	"bufio"
	"compress/gzip"
	"io"
	"strings"

	"github.com/tailorbird/tailorbird/internal/fault"
)

const (
	clipMergeCount = 49152 - 256 - 2 // lines of the table that CLIP uses
	endOfWord      = "</w>"
	startName      = "<start_of_text>"
	endName        = "<end_of_text>"
	maxTableLine   = 4096
)

// byteSymbol writes each byte as a visible character: those that print in
// Latin-1 as themselves, the rest as U+0100 and up. byteID is a byte's token.
var byteSymbol, byteID = byteSymbols()

func byteSymbols() (symbol [256]rune, id [256]int32) {
	printed := func(b int) bool { return b >= 33 && b <= 126 || b >= 161 && b <= 172 || b >= 174 }
	n := int32(0)
	for b := range 256 {
		if printed(b) {
			symbol[b], id[b] = rune(b), n
			n++
		}
	}
	rest := rune(256)
	for b := range 256 {
		if !printed(b) {
			symbol[b], id[b] = rest, n
			rest, n = rest+1, n+1
		}
	}
	return symbol, id
}

// ReadTokenizer reads a table of merges, gzipped or not: a line of comment, then
// a line "left right" a merge. Of the longer published table CLIP uses the first
// 48,894 merges. A table that breaks this form is a fault.Corrupt error.
func ReadTokenizer(r io.Reader) (*Tokenizer, error) {
	br := bufio.NewReader(r)
	if magic, _ := br.Peek(2); len(magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(br)
		if err != nil {
			return nil, fault.New(fault.Corrupt, "merges: %v", err)
		}
		defer z.Close()
		br = bufio.NewReader(z)
	}
	k := mergeTable{&Tokenizer{merges: map[pair]merge{}, words: map[string][]int32{}}, map[string]int32{}}
	k.addBytes()
	lines := bufio.NewScanner(br)
	lines.Buffer(make([]byte, maxTableLine), maxTableLine)
	lines.Scan() // the version
	for n := int32(0); n < clipMergeCount && lines.Scan(); n++ {
		if lines.Text() == "" { // at the end of tables of Hugging Face
			break
		}
		if err := k.addMerge(n, lines.Text()); err != nil {
			return nil, err
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fault.New(fault.Corrupt, "merges: %v", err)
	}
	k.tokens = append(k.tokens, startName, endName)
	return k.Tokenizer, nil
}

// mergeTable is a tokenizer while it is read, with the ids of tokens in byte symbols.
type mergeTable struct {
	*Tokenizer
	ids map[string]int32
}

func (k mergeTable) addBytes() {
	k.tokens = make([]string, 512, 512+clipMergeCount+2)
	for b, s := range byteSymbol {
		id := byteID[b]
		k.ids[string(s)], k.tokens[id] = id, string([]byte{byte(b)})
		k.ids[string(s)+endOfWord], k.tokens[id+256] = id+256, string([]byte{byte(b)})+endOfWord
	}
}

func (k mergeTable) addMerge(rank int32, line string) error {
	left, right, ok := strings.Cut(line, " ")
	if !ok {
		return fault.New(fault.Corrupt, "merges: line %d: %q is not a pair", rank+2, line)
	}
	l, haveL := k.ids[left]
	r, haveR := k.ids[right]
	if !haveL || !haveR {
		return fault.New(fault.Corrupt, "merges: line %d: %q joins a token that no line above makes", rank+2, line)
	}
	p, id := pair{l, r}, int32(len(k.tokens))
	if _, twice := k.ids[left+right]; twice {
		return fault.New(fault.Corrupt, "merges: line %d: %q comes twice", rank+2, line)
	}
	k.merges[p] = merge{rank, id}
	k.ids[left+right] = id
	k.tokens = append(k.tokens, k.tokens[l]+k.tokens[r])
	return nil
}
