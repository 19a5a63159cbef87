package datasettest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
)

func (k *kit) counts() error {
	got, missing := map[string]int{}, 0
	for _, r := range k.plan.Refs {
		got[r.Split]++
		if r.Image.Length < 0 {
			missing++
		}
	}
	if !reflect.DeepEqual(got, k.Want) || len(k.plan.Rejected) != k.Rejected || missing != k.Missing {
		return fmt.Errorf("planned %v, %d images missing, rejected %+v; want %v, %d, %d rejections", got, missing, k.plan.Rejected, k.Want, k.Missing, k.Rejected)
	}
	roles := map[string]bool{}
	for _, f := range k.plan.Inputs {
		if roles[f.Role] = true; k.Inputs[f.Role] == "" || f.Name == "" || strings.ContainsAny(f.Name, `/\`) || len(f.SHA256) != 64 || (f.Of != "content" && f.Of != "listing") {
			return fmt.Errorf("input reported as %+v", f)
		}
	}
	if len(roles) != len(k.Inputs) {
		return fmt.Errorf("%d of %d roles reported to Planner.Input", len(roles), len(k.Inputs))
	}
	for _, r := range k.plan.Rejected {
		if !r.Reason.IsData() || r.Stage != "plan" || r.Message == "" {
			return fmt.Errorf("rejected as %+v", r)
		}
	}
	return nil
}

func (k *kit) repeats() error {
	const n = 2
	plans := make(chan plan, n)
	for range n {
		go func() { plans <- k.planOf(k.Inputs) }()
	}
	var errs []error
	for range n {
		if pl := <-plans; !same(pl, k.plan) {
			errs = append(errs, fmt.Errorf("a second plan differs: %v", pl.err))
		}
	}
	return errors.Join(errs...)
}

func same(a, b plan) bool {
	return a.err == nil && b.err == nil && reflect.DeepEqual(a, b)
}

func (k *kit) keys() error {
	seen := map[[2]string]bool{}
	for _, r := range k.plan.Refs {
		id := [2]string{r.Split, r.Key}
		if datasets.CheckKey(r.Key) != nil || datasets.CheckSplit(r.Split) != nil || seen[id] {
			return fmt.Errorf("key %q of split %q: want one that datasets.CheckKey takes, once a split", r.Key, r.Split)
		}
		seen[id] = true
	}
	for _, r := range k.plan.Rejected {
		if datasets.CheckKey(r.Key) != nil {
			return fmt.Errorf("rejected under the key %q", r.Key)
		}
		for _, addr := range k.Inputs {
			if strings.Contains(r.Message, addr) {
				return fmt.Errorf("a rejection names a path of this machine: %s", r.Message)
			}
		}
	}
	return nil
}

func (k *kit) spans() error {
	for _, r := range k.plan.Refs {
		if r.Image.Length >= 0 {
			if err := k.inside("images", r.Image); err != nil {
				return fmt.Errorf("%s: image: %w", r.Key, err)
			}
		}
		for i, row := range r.Rows {
			if row.Data != nil {
				continue
			}
			if err := k.inside("annotations", row.Span); err != nil {
				return fmt.Errorf("%s: row %d: %w", r.Key, i, err)
			}
		}
	}
	return nil
}

func (k *kit) inside(role string, s datasets.Span) error {
	addr := k.address(role, s)
	info, err := blob.Stat(context.Background(), addr)
	if err != nil {
		return err
	}
	if s.Offset < 0 || s.Length < 1 || s.Offset+s.Length > info.Size {
		return fmt.Errorf("bytes %d+%d of %s, which has %d", s.Offset, s.Length, addr, info.Size)
	}
	return nil
}

func (k *kit) address(role string, s datasets.Span) string {
	if s.Name == "" {
		return k.Inputs[role]
	}
	return blob.Join(k.Inputs[role], s.Name)
}

func (k *kit) splits() error {
	for split, n := range k.Want {
		pl := k.planOf(k.Inputs, split)
		want := slices.DeleteFunc(slices.Clone(k.plan.Refs), func(r datasets.Ref) bool { return r.Split != split })
		if pl.err != nil || len(pl.Refs) != n || !reflect.DeepEqual(pl.Refs, want) {
			return fmt.Errorf("split %s alone: %d refs, %v; want the %d of the whole plan", split, len(pl.Refs), pl.err, n)
		}
	}
	const none = "no-such-split"
	if pl := k.planOf(k.Inputs, none); len(pl.Refs) > 0 || (pl.err != nil && fault.CodeOf(pl.err) != fault.Usage) {
		return fmt.Errorf("split %s: %d refs, %v; want none, or fault.Usage", none, len(pl.Refs), pl.err)
	}
	return nil
}

func (k *kit) cancel() error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	pl := k.planWith(ctx, k.Inputs, nil, func(datasets.Ref) error { return nil })
	if !errors.Is(pl.err, context.Canceled) || len(pl.Refs) > 0 {
		return fmt.Errorf("%d refs, error %v, want context.Canceled", len(pl.Refs), pl.err)
	}
	return nil
}

func (k *kit) emitError() error {
	stop := errors.New("stop")
	pl := k.planWith(context.Background(), k.Inputs, nil, func(datasets.Ref) error { return stop })
	if !errors.Is(pl.err, stop) || len(pl.Refs) != 1 {
		return fmt.Errorf("%d refs, error %v, want the error of the first Emit", len(pl.Refs), pl.err)
	}
	return nil
}

func (k *kit) missingInput() error {
	for _, role := range slices.Sorted(maps.Keys(k.Inputs)) {
		in := k.with(role, filepath.Join(k.dir, "none", filepath.Base(k.Inputs[role])))
		pl := k.planOf(in)
		if fault.CodeOf(pl.err) != fault.NotFound || !strings.Contains(pl.err.Error(), in[role]) {
			return fmt.Errorf("inputs.%s %s is not there: %v, want fault.NotFound that names it", role, in[role], pl.err)
		}
	}
	return nil
}

func (k *kit) roles() error {
	for _, i := range k.Source.Spec().Inputs {
		if !i.Required {
			continue
		}
		if pl := k.planOf(k.with(i.Role, "")); fault.CodeOf(pl.err) != fault.Usage || !strings.Contains(pl.err.Error(), i.Role) {
			return fmt.Errorf("without inputs.%s: %v, want fault.Usage that names it", i.Role, pl.err)
		}
	}
	if pl := k.planOf(k.with("no-such-role", "x")); fault.CodeOf(pl.err) != fault.Usage {
		return fmt.Errorf("an unknown role: %v, want fault.Usage", pl.err)
	}
	return nil
}

func (k *kit) throughBlob() error {
	in := datasets.Inputs{}
	for role, addr := range k.Inputs {
		in[role] = scheme + "://" + filepath.ToSlash(addr)
	}
	if pl := k.planOf(in); !same(pl, k.plan) {
		return fmt.Errorf("the same files at %s:// addresses: %d refs, %v", scheme, len(pl.Refs), pl.err)
	}
	return nil
}

// with returns the inputs with one changed; an empty address removes it.
func (k *kit) with(role, addr string) datasets.Inputs {
	in := datasets.Inputs{}
	for r, a := range k.Inputs {
		in[r] = a
	}
	if in[role] = addr; addr == "" {
		delete(in, role)
	}
	return in
}
