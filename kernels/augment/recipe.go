package augment

import (
	"fmt"
	"strings"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/recipe"
)

// Recipe is a parsed list of steps. It is immutable and safe for concurrent use.
type Recipe struct {
	steps     []step
	normalize *Normalizer
}

// step is one operation with its arguments, in the order of its params.
type step struct {
	op   *op
	args []value
}

// Parse reads a recipe: steps with their arguments, separated by |. The empty
// text is the recipe that changes nothing. An error is fault.Usage and names the
// step.
func Parse(text string) (*Recipe, error) {
	r := &Recipe{}
	if strings.TrimSpace(text) == "" {
		text = "normalize"
	}
	parts := strings.Split(text, "|")
	for i, part := range parts {
		s, err := parseStep(strings.TrimSpace(part))
		if err == nil && s.op.name == "normalize" && i < len(parts)-1 {
			err = fmt.Errorf("normalize comes last: it makes floats of the pixels")
		}
		if err != nil {
			return nil, fault.New(fault.Usage, "augment: step %d: %w", i+1, err)
		}
		r.steps = append(r.steps, s)
	}
	if last := r.steps[len(r.steps)-1]; last.op.name != "normalize" {
		s, err := parseStep("normalize")
		if err != nil {
			return nil, fault.Wrap(fault.Bug, err)
		}
		r.steps = append(r.steps, s)
	}
	stats := statistics[r.steps[len(r.steps)-1].args[0].text]
	r.normalize = NewNormalizer(stats.mean, stats.std)
	return r, nil
}

// String prints the canonical form, every argument spelled out. It parses to the
// same recipe.
func (r *Recipe) String() string {
	parts := make([]string, len(r.steps))
	for i, s := range r.steps {
		parts[i] = s.String()
	}
	return strings.Join(parts, " | ")
}

// Normalize returns what turns pixels into floats; it is safe for concurrent use.
func (r *Recipe) Normalize() *Normalizer { return r.normalize }

// Size returns the size of the result for a w x h picture.
func (r *Recipe) Size(w, h int) (int, int) {
	for _, s := range r.steps {
		if s.op.size != nil {
			w, h = s.op.size(s, w, h)
		}
	}
	return w, h
}

// Fixed returns the size of the result where that is the same for any picture.
func (r *Recipe) Fixed() (w, h int, ok bool) {
	for _, probe := range [][2]int{{1, 1}, {97, 61}, {3001, 1999}} {
		pw, ph := r.Size(probe[0], probe[1])
		if ok && (pw != w || ph != h) {
			return 0, 0, false
		}
		w, h, ok = pw, ph, true
	}
	return w, h, ok
}

func (s step) String() string {
	args := make([]string, 0, len(s.args))
	for i, p := range s.op.params {
		switch {
		case !s.args[i].set:
		case p.positional:
			args = append(args, s.args[i].text)
		default:
			args = append(args, p.name+"="+s.args[i].text)
		}
	}
	if len(args) == 0 {
		return s.op.name
	}
	return s.op.name + "(" + strings.Join(args, ", ") + ")"
}

// arg returns the value of a parameter of the op.
func (s step) arg(name string) value { return s.args[s.op.index(name)] }

func parseStep(text string) (step, error) {
	name, rest, hasArgs := strings.Cut(text, "(")
	name = strings.TrimSpace(name)
	o := lookup(name)
	if o == nil {
		if name == "" {
			return step{}, fmt.Errorf("it is empty")
		}
		return step{}, fmt.Errorf("no augmentation %q%s", name, recipe.Suggest(name, names()))
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
		if s.args[i].set || p.dflt == "" {
			continue
		}
		v, err := p.parse(p.dflt)
		if err != nil {
			return step{}, err
		}
		s.args[i] = v
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
			if i = s.op.index(key); i < 0 {
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
