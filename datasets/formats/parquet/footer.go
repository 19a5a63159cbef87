package parquet

import (
	"encoding/binary"
	"strings"

	"github.com/tailorbird/tailorbird/datasets/formats/shardio"
	"github.com/tailorbird/tailorbird/internal/fault"
)

const magic = "PAR1"

// Numbers of parquet.thrift
// (https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift).
const (
	typeByteArray = 6
	optional      = 1
	repeated      = 2
	codecNone     = 0
	codecZstd     = 6
	dataPageV1    = 0
	encodingPlain = 0
)

// The columns that are read back.
const (
	colKey = iota
	colImage
	colRecord
	columns
)

var columnPaths = [columns]string{"key", "image.bytes", "record"}

// chunk is one column of one row group.
type chunk struct {
	path   string
	typ    int64
	codec  int64
	values int64
	start  int64 // of its first page
	size   int64 // of all its pages
	def    int   // definition level of a value that is there
}

type group struct {
	first int64 // number of its first row
	rows  int64
	cols  [columns]chunk
	found [columns]bool
}

// readFooter returns the row groups, checked against the size of the file.
func readFooter(win *shardio.Window) ([]group, error) {
	size := win.Size()
	if size < 12 {
		return nil, fault.New(fault.Corrupt, "%d bytes are no parquet file", size)
	}
	head, err := win.Read(0, 4)
	if err != nil {
		return nil, err
	}
	tail, err := win.Read(size-8, 8)
	if err != nil {
		return nil, err
	}
	if string(head) != magic || string(tail[4:]) != magic {
		return nil, fault.New(fault.Corrupt, "parquet file begins with %q and ends with %q, not with %s", head, tail[4:], magic)
	}
	n := int64(binary.LittleEndian.Uint32(tail))
	if n > size-12 {
		return nil, fault.New(fault.Corrupt, "parquet footer of %d bytes in a file of %d", n, size)
	}
	b, err := win.Read(size-8-n, n)
	if err != nil {
		return nil, err
	}
	groups, err := parseFooter(b)
	if err != nil {
		return nil, fault.At(err, fault.Offset("", size-8-n))
	}
	return groups, check(groups, size-8-n)
}

// parseFooter reads a FileMetaData.
func parseFooter(b []byte) ([]group, error) {
	var groups []group
	var schema []element
	t := thrift{b: b}
	t.fields(func(id int64, typ byte) bool {
		switch {
		case id == 2 && typ == tList:
			t.each(tStruct, func() { schema = append(schema, t.element()) })
		case id == 4 && typ == tList:
			t.each(tStruct, func() { groups = append(groups, t.group()) })
		default:
			return false
		}
		return true
	})
	if t.err != nil {
		return nil, t.err
	}
	defs, err := checkSchema(schema)
	for i := range groups {
		for j := range groups[i].cols {
			groups[i].cols[j].def = defs[j]
		}
	}
	return groups, err
}

// element is a SchemaElement; the tree is flattened depth first.
type element struct {
	name       string
	typ        int64
	repetition int64
	children   int64
}

func (t *thrift) element() (e element) {
	t.fields(func(id int64, typ byte) bool {
		switch {
		case id == 1 && typ == tI32:
			e.typ = t.int()
		case id == 3 && typ == tI32:
			e.repetition = t.int()
		case id == 4 && typ == tBinary:
			e.name = string(t.binary())
		case id == 5 && typ == tI32:
			e.children = t.int()
		default:
			return false
		}
		return true
	})
	return e
}

func (t *thrift) group() (g group) {
	t.fields(func(id int64, typ byte) bool {
		switch {
		case id == 1 && typ == tList:
			t.each(tStruct, func() {
				c := t.chunk()
				for i, p := range columnPaths {
					if c.path == p {
						g.cols[i], g.found[i] = c, true
					}
				}
			})
		case id == 3 && typ == tI64:
			g.rows = t.int()
		default:
			return false
		}
		return true
	})
	return g
}

// chunk reads a ColumnChunk; what matters is in its ColumnMetaData.
func (t *thrift) chunk() (c chunk) {
	dictionary := int64(0)
	t.fields(func(id int64, typ byte) bool {
		if id != 3 || typ != tStruct {
			return false
		}
		t.fields(func(id int64, typ byte) bool {
			switch {
			case id == 1 && typ == tI32:
				c.typ = t.int()
			case id == 3 && typ == tList:
				var path []string
				t.each(tBinary, func() { path = append(path, string(t.binary())) })
				c.path = strings.Join(path, ".")
			case id == 4 && typ == tI32:
				c.codec = t.int()
			case id == 5 && typ == tI64:
				c.values = t.int()
			case id == 7 && typ == tI64:
				c.size = t.int()
			case id == 9 && typ == tI64:
				c.start = t.int()
			case id == 11 && typ == tI64:
				dictionary = t.int()
			default:
				return false
			}
			return true
		})
		return true
	})
	if dictionary > 0 {
		c.start = dictionary
	}
	return c
}

// checkSchema proves that the columns to read back are there, hold bytes and lie
// in no list. It returns their definition levels: how many parts of the path are
// optional.
func checkSchema(schema []element) (defs [columns]int, err error) {
	var found [columns]bool
	at := 0
	var walk func(path string, depth, def int, inList bool) bool
	walk = func(path string, depth, def int, inList bool) bool {
		if at >= len(schema) || depth > maxThriftDepth {
			return false
		}
		e := schema[at]
		at++
		if depth > 0 { // the root has a name that counts for nothing
			path = strings.TrimPrefix(path+"."+e.name, ".")
			inList = inList || e.repetition == repeated
			if e.repetition == optional {
				def++
			}
		}
		for i, p := range columnPaths {
			if path == p && e.children == 0 && e.typ == typeByteArray && !inList {
				defs[i], found[i] = def, true
			}
		}
		for range e.children {
			if !walk(path, depth+1, def, inList) {
				return false
			}
		}
		return true
	}
	if !walk("", 0, 0, false) {
		return defs, fault.New(fault.Corrupt, "parquet schema is no tree")
	}
	for i, p := range columnPaths {
		if !found[i] {
			return defs, fault.New(fault.Unsupported, "parquet has no column %s of bytes: not made by tailorbird", p)
		}
	}
	return defs, nil
}

// check holds the chunks against the place where the footer begins, and numbers
// the rows.
func check(groups []group, end int64) error {
	first := int64(0)
	for i := range groups {
		g := &groups[i]
		g.first = first
		for j := range g.cols {
			c := &g.cols[j]
			switch {
			case !g.found[j]:
				return fault.New(fault.Corrupt, "parquet row group %d has no column %s", i, columnPaths[j])
			case c.start < int64(len(magic)) || c.size < 0 || c.start > end || c.size > end-c.start:
				return fault.New(fault.Corrupt, "parquet row group %d: column %s at bytes %d to %d lies outside the data", i, c.path, c.start, c.start+c.size)
			case g.rows < 0 || g.rows > c.size*maxRatio || c.values != g.rows:
				return fault.New(fault.Corrupt, "parquet row group %d: column %s has %d values in %d bytes for %d rows", i, c.path, c.values, c.size, g.rows)
			case c.codec != codecNone && c.codec != codecZstd:
				return fault.New(fault.Unsupported, "parquet column %s has compression %d", c.path, c.codec)
			}
		}
		first += g.rows
	}
	return nil
}
