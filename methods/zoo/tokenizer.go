package zoo

import (
	"bytes"
	_ "embed"
	"strings"
	"sync"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Tokenizer turns sentences into the ids of CLIP's text tower: byte-level byte
// pair encoding (Radford et al., arXiv:2103.00020; specs/fgvp.md section 5.1)
// after CleanText. It is safe for concurrent use.
type Tokenizer struct {
	tokens []string // by id, in bytes, a word's end as endOfWord
	merges map[pair]merge

	mu    sync.RWMutex
	words map[string][]int32 // ids of words met before
}

// pair is two neighbouring tokens, merge what becomes of them. Merges of a lower
// rank happen first.
type pair struct{ left, right int32 }
type merge struct{ rank, id int32 }

const (
	maxKnownWords = 1 << 16 // words in the cache
	maxKnownBytes = 64      // of a word in the cache
)

//go:embed clipbpe/bpe_simple_vocab_16e6.txt.gz
var clipMerges []byte

var clipTokenizer = sync.OnceValues(func() (*Tokenizer, error) {
	return ReadTokenizer(bytes.NewReader(clipMerges))
})

// CLIPTokenizer returns the tokenizer of the published CLIP models, with its
// 49,408 tokens. The table is part of this package and read once.
func CLIPTokenizer() (*Tokenizer, error) { return clipTokenizer() }

// Vocabulary returns the number of tokens, both special ones included.
func (k *Tokenizer) Vocabulary() int { return len(k.tokens) }

// Start and End return the ids that stand before and after a sentence, the last
// two of the vocabulary: 49406 and 49407.
func (k *Tokenizer) Start() int64 { return int64(len(k.tokens) - 2) }

// End returns the id of the end of text.
func (k *Tokenizer) End() int64 { return int64(len(k.tokens) - 1) }

// Encode returns the ids of a sentence: no special tokens around it, no limit.
func (k *Tokenizer) Encode(text string) []int64 {
	var out []int64
	forEachWord(CleanText(text), func(word string) {
		for _, id := range k.word(word) {
			out = append(out, int64(id))
		}
	})
	return out
}

// Decode returns the text of ids, with a space after each word. Ids outside the
// vocabulary are left out; bytes that are no UTF-8 become U+FFFD.
func (k *Tokenizer) Decode(ids []int64) string {
	var b strings.Builder
	for _, id := range ids {
		if id >= 0 && id < int64(len(k.tokens)) {
			b.WriteString(k.tokens[id])
		}
	}
	return strings.ReplaceAll(replaceInvalid(b.String()), endOfWord, " ")
}

// Context says how sentences fill a text tower's context.
type Context struct {
	Length int   // tokens of a row; 0 means 77
	Pad    int64 // id after the end of text: 0 in CLIP, 49407 in Stable Diffusion
	Strict bool  // refuse a sentence that is too long instead of cutting it
}

// Tokenize returns start, the sentence's ids and end, padded to the context's
// length. A sentence that is too long is cut so that the end of text comes last;
// Strict makes it a fault.TooLarge error, as the first CLIP has it.
func (k *Tokenizer) Tokenize(text string, c Context) ([]int64, error) {
	if c.Length == 0 {
		c.Length = 77
	}
	if c.Length < 2 {
		return nil, fault.New(fault.Usage, "tokenize: a context of %d tokens has no room for start and end", c.Length)
	}
	ids := k.Encode(text)
	if room := c.Length - 2; len(ids) > room {
		if c.Strict {
			return nil, fault.New(fault.TooLarge, "tokenize: %d tokens, the context holds %d", len(ids)+2, c.Length)
		}
		ids = ids[:room]
	}
	row := make([]int64, c.Length)
	row[0] = k.Start()
	copy(row[1:], ids)
	row[len(ids)+1] = k.End()
	for i := len(ids) + 2; i < len(row); i++ {
		row[i] = c.Pad
	}
	return row, nil
}

// Batch tokenizes sentences into a host tensor (len(texts), context length).
func (k *Tokenizer) Batch(texts []string, c Context) (*tensor.Dense, error) {
	if len(texts) == 0 {
		return nil, fault.New(fault.Usage, "tokenize: no sentences")
	}
	var all []int64
	for _, text := range texts {
		row, err := k.Tokenize(text, c)
		if err != nil {
			return nil, err
		}
		all = append(all, row...)
	}
	return tensor.New(tensor.WithShape(len(texts), len(all)/len(texts)), tensor.WithBacking(all)), nil
}

// word returns the ids of one word.
func (k *Tokenizer) word(w string) []int32 {
	k.mu.RLock()
	ids, ok := k.words[w]
	k.mu.RUnlock()
	if ok {
		return ids
	}
	ids = k.encodeWord(w)
	if len(w) > maxKnownBytes {
		return ids
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.words) >= maxKnownWords {
		clear(k.words)
	}
	k.words[strings.Clone(w)] = ids
	return ids
}
