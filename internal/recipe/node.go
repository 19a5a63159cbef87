package recipe

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Node is one value of a recipe with its place in the file.
type Node struct {
	Line, Column int
	Scalar       any    // string, int64, float64, bool; nil for null
	Text         string // the scalar as it was written
	List         []*Node
	Fields       []Field
	kind         kind
}

// Field is one member of a mapping.
type Field struct {
	Name         string
	Line, Column int
	Value        *Node
}

type kind int

const (
	scalarKind kind = iota
	listKind
	mappingKind
)

func (k kind) String() string {
	return [...]string{"a single value", "a list", "a mapping"}[k]
}

var exponent = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$`)

// maxDepth bounds nesting; a recipe needs five levels.
const maxDepth = 32

// parseTree reads one YAML document.
func parseTree(file string, text []byte) (*Node, error) {
	f, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, syntaxError(file, err)
	}
	if len(f.Docs) != 1 || f.Docs[0].Body == nil {
		return nil, fault.New(fault.Usage, "%s: want one YAML document, found %d", file, len(f.Docs))
	}
	return convert(file, f.Docs[0].Body, 0)
}

func convert(file string, n ast.Node, depth int) (*Node, error) {
	pos := n.GetToken().Position
	out := &Node{Line: pos.Line, Column: pos.Column, Text: n.GetToken().Value}
	if depth > maxDepth {
		return nil, errorAt(file, out.Line, "nested more than %d levels", maxDepth)
	}
	switch v := n.(type) {
	case *ast.MappingNode:
		out.kind = mappingKind
		for _, m := range v.Values {
			if err := out.addField(file, m, depth); err != nil {
				return nil, err
			}
		}
		if len(v.Values) > 0 {
			out.Line, out.Column = out.Fields[0].Line, out.Fields[0].Column
		}
	case *ast.MappingValueNode:
		out.kind = mappingKind
		if err := out.addField(file, v, depth); err != nil {
			return nil, err
		}
		out.Line, out.Column = out.Fields[0].Line, out.Fields[0].Column
	case *ast.SequenceNode:
		out.kind = listKind
		for _, e := range v.Values {
			c, err := convert(file, e, depth+1)
			if err != nil {
				return nil, err
			}
			out.List = append(out.List, c)
		}
	case *ast.StringNode:
		out.Scalar, out.Text = v.Value, v.Value
		if v.GetToken().Type == token.StringType && exponent.MatchString(v.Value) {
			// YAML 1.2 (10.3.2) takes 5e-4 for a number; the library wants 5.0e-4.
			if f, err := strconv.ParseFloat(v.Value, 64); err == nil {
				out.Scalar = f
			}
		}
	case *ast.LiteralNode:
		out.Scalar, out.Text = v.Value.Value, v.Value.Value
	case *ast.IntegerNode:
		i, ok := v.Value.(int64)
		if u, isU := v.Value.(uint64); isU && u < 1<<63 {
			i, ok = int64(u), true
		}
		if !ok {
			return nil, errorAt(file, out.Line, "%s is too large a number", out.Text)
		}
		out.Scalar = i
	case *ast.FloatNode:
		out.Scalar = v.Value
	case *ast.BoolNode:
		out.Scalar = v.Value
	case *ast.NullNode:
	default:
		return nil, errorAt(file, out.Line, "%s is not used in recipes", n.Type())
	}
	return out, nil
}

func (n *Node) addField(file string, m *ast.MappingValueNode, depth int) error {
	key, ok := m.Key.(ast.Node)
	if !ok {
		return errorAt(file, n.Line, "a key that is no name")
	}
	tok := key.GetToken()
	f := Field{Name: tok.Value, Line: tok.Position.Line, Column: tok.Position.Column}
	var err error
	if f.Value, err = convert(file, m.Value, depth+1); err != nil {
		return err
	}
	n.Fields = append(n.Fields, f)
	return nil
}

// Get returns the value of a field, nil where there is none.
func (n *Node) Get(name string) *Node {
	for _, f := range n.Fields {
		if f.Name == name {
			return f.Value
		}
	}
	return nil
}

// set replaces the value at a dotted path, making mappings on the way. An item
// of a list is named by its number ("build.0.out"); a name goes to every item
// ("build.shards").
func (n *Node) set(path []string, v *Node) error {
	if n.kind == listKind {
		i := -1
		if _, err := fmt.Sscanf(path[0], "%d", &i); err != nil {
			for _, item := range n.List {
				if err := item.set(path, v); err != nil {
					return err
				}
			}
			return nil
		}
		if i < 0 || i >= len(n.List) {
			return fmt.Errorf("%q: the list has items 0 to %d", path[0], len(n.List)-1)
		}
		if len(path) == 1 {
			n.List[i] = v
			return nil
		}
		return n.List[i].set(path[1:], v)
	}
	if n.kind != mappingKind {
		return fmt.Errorf("%q: %s has no fields", path[0], n.kind)
	}
	for i := range n.Fields {
		if f := &n.Fields[i]; f.Name == path[0] {
			if len(path) == 1 {
				f.Value = v
				return nil
			}
			return f.Value.set(path[1:], v)
		}
	}
	if len(path) > 1 {
		child := &Node{kind: mappingKind, Line: n.Line}
		n.Fields = append(n.Fields, Field{Name: path[0], Line: n.Line, Value: child})
		return child.set(path[1:], v)
	}
	n.Fields = append(n.Fields, Field{Name: path[0], Line: v.Line, Value: v})
	return nil
}

// syntaxError turns the library's "[line:column] message" into ours.
func syntaxError(file string, err error) error {
	text := strings.TrimSpace(yaml.FormatError(err, false, false))
	var line, column int
	if _, scan := fmt.Sscanf(text, "[%d:%d]", &line, &column); scan == nil {
		_, text, _ = strings.Cut(text, "] ")
		return errorAt(file, line, "%s", text)
	}
	return fault.New(fault.Usage, "%s: %s", file, text)
}

func errorAt(file string, line int, format string, args ...any) error {
	return fault.New(fault.Usage, "%s:%d: %w", file, line, fmt.Errorf(format, args...))
}
