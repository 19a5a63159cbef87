package chain

import (
	"fmt"
	"strings"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/recipe"
)

// Chain is a parsed transform chain.
type Chain struct{ steps []step }

// step is one operation with its arguments, in the order of its spec.
type step struct {
	op   *op
	args []value
}

// Parse reads a chain. An error is fault.Usage and names the step.
func Parse(text string) (*Chain, error) {
	c := new(Chain)
	for i, part := range strings.Split(text, "|") {
		s, err := parseStep(strings.TrimSpace(part))
		if err != nil {
			return nil, fault.New(fault.Usage, "transforms: step %d: %w", i+1, err)
		}
		c.steps = append(c.steps, s)
	}
	if err := c.check(); err != nil {
		return nil, fault.New(fault.Usage, "transforms: %w", err)
	}
	return c, nil
}

// check holds the steps to their order: keep alone, or decode first and encode
// last, each once.
func (c *Chain) check() error {
	if c.Keep() {
		return nil
	}
	for i, s := range c.steps {
		switch name := s.op.name; {
		case name == "keep":
			return fmt.Errorf("keep stands alone: it stores the bytes as they are")
		case (i == 0) != (name == "decode"):
			return fmt.Errorf("a chain starts with decode, and has it once (or is keep)")
		case (i == len(c.steps)-1) != (name == "encode"):
			return fmt.Errorf("a chain ends with encode, and has it once")
		}
	}
	return nil
}

// Keep reports whether the chain stores the original bytes.
func (c *Chain) Keep() bool { return len(c.steps) == 1 && c.steps[0].op.name == "keep" }

// String prints the canonical form, which parses to the same chain.
func (c *Chain) String() string {
	parts := make([]string, len(c.steps))
	for i, s := range c.steps {
		parts[i] = s.String()
	}
	return strings.Join(parts, " | ")
}

func (s step) String() string {
	var args []string
	for i, p := range s.op.params {
		if !s.args[i].set {
			continue
		}
		if p.positional {
			args = append(args, s.args[i].text)
		} else {
			args = append(args, p.name+"="+s.args[i].text)
		}
	}
	if len(args) == 0 {
		return s.op.name
	}
	return s.op.name + "(" + strings.Join(args, ", ") + ")"
}

// arg returns the value of a parameter.
func (s step) arg(name string) value {
	for i, p := range s.op.params {
		if p.name == name {
			return s.args[i]
		}
	}
	panic("chain: " + s.op.name + " has no parameter " + name)
}

func parseStep(text string) (step, error) {
	name, rest, hasArgs := strings.Cut(text, "(")
	name = strings.TrimSpace(name)
	o := lookup(name)
	if o == nil {
		if name == "" {
			return step{}, fmt.Errorf("it is empty")
		}
		return step{}, fmt.Errorf("no transform %q%s", name, recipe.Suggest(name, Names()))
	}
	s := step{op: o, args: make([]value, len(o.params))}
	if hasArgs {
		inner, ok := strings.CutSuffix(strings.TrimSpace(rest), ")")
		if !ok || strings.ContainsAny(inner, "()") {
			return step{}, fmt.Errorf("%s: the parentheses do not match", name)
		}
		if err := s.parseArgs(inner); err != nil {
			return step{}, fmt.Errorf("%s: %w", name, err)
		}
	}
	for i, p := range o.params {
		if !s.args[i].set && p.dflt != "" {
			v, err := p.parse(p.dflt)
			if err != nil {
				return step{}, err
			}
			s.args[i] = v
		}
	}
	if o.check != nil {
		if err := o.check(s); err != nil {
			return step{}, fmt.Errorf("%s: %w", name, err)
		}
	}
	return s, nil
}

func (s *step) parseArgs(inner string) error {
	if strings.TrimSpace(inner) == "" {
		return nil
	}
	for n, a := range strings.Split(inner, ",") {
		key, text, named := strings.Cut(a, "=")
		key, text = strings.TrimSpace(key), strings.TrimSpace(text)
		i := -1
		if named {
			i = s.op.index(key)
			if i < 0 {
				return fmt.Errorf("no argument %q%s", key, recipe.Suggest(key, s.op.paramNames()))
			}
		} else if text = key; n < len(s.op.params) && s.op.params[n].positional {
			i = n
		} else {
			return fmt.Errorf("argument %q needs a name: %s", text, strings.Join(s.op.paramNames(), ", "))
		}
		p := s.op.params[i]
		if s.args[i].set {
			return fmt.Errorf("%s is given twice", p.name)
		}
		v, err := p.parse(text)
		if err != nil {
			return err
		}
		s.args[i] = v
	}
	return nil
}
