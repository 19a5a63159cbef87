package scenes

import (
	"encoding/binary"
	"strings"
)

// pickler writes what Python 2's cPickle writes with protocol 2: byte strings,
// ints, lists and dicts, each remembered in the memo. See Python's
// Lib/pickletools.py for the opcodes.
type pickler struct {
	b    []byte
	memo map[string]int // strings that were written, as Python interns them
	n    int            // memo entries
}

func pickleRefs(refs []ref) []byte {
	p := &pickler{memo: map[string]int{}}
	p.b = append(p.b, "\x80\x02"...) // PROTO 2
	p.list(len(refs), func(i int) { p.ref(&refs[i]) })
	return append(p.b, '.') // STOP
}

func (p *pickler) ref(r *ref) {
	p.dict(
		"sent_ids", func() { p.list(len(r.sentences), func(i int) { p.int(r.sentences[i].id) }) },
		"file_name", func() { p.text(r.fileName) },
		"ann_id", func() { p.int(r.annID) },
		"ref_id", func() { p.int(r.refID) },
		"image_id", func() { p.int(r.imageID) },
		"split", func() { p.text(r.split) },
		"sentences", func() { p.list(len(r.sentences), func(i int) { p.sentence(&r.sentences[i]) }) },
		"category_id", func() { p.int(r.categoryID) },
	)
}

func (p *pickler) sentence(s *sentence) {
	words := strings.Fields(s.sent)
	p.dict(
		"tokens", func() { p.list(len(words), func(i int) { p.text(words[i]) }) },
		"raw", func() { p.text(s.raw) },
		"sent_id", func() { p.int(s.id) },
		"sent", func() { p.text(s.sent) },
	)
}

// dict writes keys (strings) and values (funcs that write them) in turns.
func (p *pickler) dict(items ...any) {
	p.b = append(p.b, '}') // EMPTY_DICT
	p.put()
	p.b = append(p.b, '(') // MARK
	for i := 0; i < len(items); i += 2 {
		p.text(items[i].(string))
		items[i+1].(func())()
	}
	p.b = append(p.b, 'u') // SETITEMS
}

// list writes its items in batches of at most 1,000.
func (p *pickler) list(n int, item func(i int)) {
	p.b = append(p.b, ']') // EMPTY_LIST
	p.put()
	for from := 0; from < n; from += 1000 {
		to := min(from+1000, n)
		if to-from == 1 {
			item(from)
			p.b = append(p.b, 'a') // APPEND
			continue
		}
		p.b = append(p.b, '(') // MARK
		for i := from; i < to; i++ {
			item(i)
		}
		p.b = append(p.b, 'e') // APPENDS
	}
}

// text writes a byte string the first time, and then its place in the memo.
func (p *pickler) text(s string) {
	if at, ok := p.memo[s]; ok {
		p.indexed('h', 'j', at) // BINGET, LONG_BINGET
		return
	}
	if len(s) < 256 {
		p.b = append(p.b, 'U', byte(len(s))) // SHORT_BINSTRING
	} else {
		p.b = binary.LittleEndian.AppendUint32(append(p.b, 'T'), uint32(len(s))) // BINSTRING
	}
	p.b = append(p.b, s...)
	p.memo[s] = p.n
	p.put()
}

func (p *pickler) int(v int64) {
	switch {
	case v >= 0 && v < 1<<8:
		p.b = append(p.b, 'K', byte(v)) // BININT1
	case v >= 0 && v < 1<<16:
		p.b = binary.LittleEndian.AppendUint16(append(p.b, 'M'), uint16(v)) // BININT2
	default:
		p.b = binary.LittleEndian.AppendUint32(append(p.b, 'J'), uint32(v)) // BININT
	}
}

// put remembers what was just written.
func (p *pickler) put() {
	p.indexed('q', 'r', p.n) // BINPUT, LONG_BINPUT
	p.n++
}

func (p *pickler) indexed(short, long byte, i int) {
	if i < 256 {
		p.b = append(p.b, short, byte(i))
		return
	}
	p.b = binary.LittleEndian.AppendUint32(append(p.b, long), uint32(i))
}
