package build

import (
	"fmt"
	"testing"
)

// Two processes build the same into one directory at once: nobody's bytes are
// mixed, and at least one of them says that it is done.
func TestFault07TwoBuildsIntoOneDirectory(t *testing.T) {
	t.Parallel()
	r := newRaw(t)
	r.imagenetDir(60)
	recipe := r.recipe("same", `
dataset: imagenet
inputs: {images: train, synsets: LOC_synset_mapping.txt}
formats: [webdataset, tfrecord]
shards: 6`)
	want := build(t, recipe, r.path("clean"))
	for i := range rounds(5) {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			out := r.path(fmt.Sprintf("out-%d", i))
			runner := []string{"direct", "prism"}[i%2]
			one := launch(t, nil, program, buildArgs(recipe, out, "--runner", runner)...)
			two := launch(t, nil, program, buildArgs(recipe, out, "--runner", runner)...)
			done := 0
			for _, p := range []*process{one, two} {
				switch e := p.wait(); {
				case e.status == 0:
					done++
					if res := e.report(t); res.RootHash != want.RootHash {
						t.Errorf("root hash %s, want %s", res.RootHash, want.RootHash)
					}
				case e.status == 1 || e.status == 5:
					t.Logf("one of the two ended with %d: %s", e.status, e.stderr)
					e.report(t)
				default:
					t.Errorf("exit status %d, signal %d\n%s", e.status, e.signal, e.stderr)
				}
			}
			if done == 0 {
				t.Error("neither is done")
			}
			again(t, recipe, r.path("clean"), out)
			verifyClean(t, out)
		})
	}
}

// Two recipes want one directory: it becomes one of the two, or stays unfinished
// in a way that one of them can finish.
func TestFault07TwoRecipesIntoOneDirectory(t *testing.T) {
	t.Parallel()
	r := newRaw(t)
	r.imagenetDir(60)
	var recipes, hashes [2]string
	for i, chain := range []string{"keep", "decode | resize(short=48) | encode(jpeg)"} {
		recipes[i] = r.recipe(fmt.Sprintf("recipe-%d", i), fmt.Sprintf(`
dataset: imagenet
inputs: {images: train, synsets: LOC_synset_mapping.txt}
transforms: %s
shards: 6`, chain))
		hashes[i] = build(t, recipes[i], r.path(fmt.Sprintf("clean-%d", i))).RootHash
	}
	for i := range rounds(5) {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			out := r.path(fmt.Sprintf("out-%d", i))
			runner := []string{"direct", "prism"}[i%2]
			one := launch(t, nil, program, buildArgs(recipes[0], out, "--runner", runner)...)
			two := launch(t, nil, program, buildArgs(recipes[1], out, "--runner", runner)...)
			winner := -1
			for k, p := range []*process{one, two} {
				e := p.wait()
				if e.status != 0 && e.status != 1 && e.status != 5 {
					t.Errorf("recipe %d: exit status %d, signal %d\n%s", k, e.status, e.signal, e.stderr)
				}
				if e.status == 0 {
					if winner >= 0 {
						t.Error("both say that they are done")
					}
					if winner = k; e.report(t).RootHash != hashes[k] {
						t.Errorf("recipe %d: another root hash", k)
					}
				}
			}
			if winner < 0 {
				t.Fatal("neither is done")
			}
			again(t, recipes[winner], r.path(fmt.Sprintf("clean-%d", winner)), out)
			verifyClean(t, out)
		})
	}
}

// rounds is how often something that depends on timing is tried.
func rounds(n int) int {
	if testing.Short() {
		return 2
	}
	return n
}
