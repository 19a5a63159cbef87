package refcoco

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// published are the split sets of each dataset: SPLITBY of refs(SPLITBY).p, and
// the splits in it.
var published = map[string]map[string][]string{
	"refcoco":  {"unc": {"train", "val", "testA", "testB"}, "google": {"train", "val", "test"}},
	"refcoco+": {"unc": {"train", "val", "testA", "testB"}},
	"refcocog": {"umd": {"train", "val", "test"}, "google": {"train", "val"}},
}

// splitBy is what stands in the brackets of a refs file's name, "" without any.
func splitBy(addr string) string {
	name := strings.TrimSuffix(blob.Base(addr), path.Ext(addr))
	if by, ok := strings.CutPrefix(name, "refs("); ok && strings.HasSuffix(by, ")") {
		return strings.TrimSuffix(by, ")")
	}
	return ""
}

// checkSplits holds the splits of the refs against those that are wanted, and
// tells what the user should know of them.
func (pl *plan) checkSplits(dataset string) error {
	count := map[string]int{}
	for _, r := range pl.refs {
		count[r.split]++
	}
	names := make([]string, 0, len(count))
	for s := range count {
		names = append(names, s)
	}
	slices.Sort(names)
	for _, s := range pl.p.Splits {
		if count[s] == 0 {
			return fault.New(fault.Usage, "%s holds the splits %s, not %s", blob.Base(pl.path), strings.Join(names, ", "), s)
		}
	}
	by := splitBy(pl.path)
	known, ok := published[dataset][by]
	if !ok {
		pl.p.Note("%s: the name is none of %s's refs(SPLITBY).p; its splits are taken as they are: %s",
			blob.Base(pl.path), dataset, strings.Join(names, ", "))
	}
	for _, s := range names {
		if ok && !slices.Contains(known, s) {
			pl.p.Note("%s: %d refs are in a split %q, which %s (%s) does not have; it is kept", blob.Base(pl.path), count[s], s, dataset, by)
		}
	}
	pl.noteOverlaps(dataset, names)
	return nil
}

// pair is two splits, in order of their names.
type pair struct{ a, b string }

// noteOverlaps tells for each two splits how many images, and how many objects,
// have refs in both: a model that is trained on one has seen them in the other.
func (pl *plan) noteOverlaps(dataset string, names []string) {
	images := shared(pl.refs, func(r ref) int64 { return r.imageID })
	objects := shared(pl.refs, func(r ref) int64 { return r.annID })
	for i, a := range names {
		for _, b := range names[i+1:] {
			if n := images[pair{a, b}]; n > 0 {
				pl.p.Note("%s (%s): the splits %s and %s share %d images and %d objects; they are not disjoint by image",
					dataset, splitBy(pl.path), a, b, n, objects[pair{a, b}])
			}
		}
	}
}

// shared counts for each two splits the ids that refs of both have.
func shared(refs []ref, id func(ref) int64) map[pair]int {
	byID := slices.Clone(refs)
	byID = slices.DeleteFunc(byID, func(r ref) bool { return r.err != nil })
	slices.SortFunc(byID, func(a, b ref) int {
		return cmp.Or(cmp.Compare(id(a), id(b)), cmp.Compare(a.split, b.split))
	})
	byID = slices.CompactFunc(byID, func(a, b ref) bool { return id(a) == id(b) && a.split == b.split })
	count := map[pair]int{}
	for i, r := range byID {
		for _, other := range byID[i+1:] {
			if id(other) != id(r) {
				break
			}
			count[pair{r.split, other.split}]++
		}
	}
	return count
}
