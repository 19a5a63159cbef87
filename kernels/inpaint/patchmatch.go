package inpaint

import (
	"fmt"
	"math/rand/v2"

	"github.com/tailorbird/tailorbird/kernels/morph"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

// PatchMatch fills the hole with pieces of the rest of the picture, so that every
// patch of the result looks like some patch of what is known: the completion of
// Wexler, Shechtman and Irani, "Space-Time Completion of Video", PAMI 29(3), 2007,
// with the nearest patches found as in Barnes et al., "PatchMatch: A Randomized
// Correspondence Algorithm for Structural Image Editing", SIGGRAPH 2009. It goes
// from coarse to fine; on each level it alternates between the search for each
// patch's like and a vote of the overlapping patches on the colour of each pixel.
//
// The bytes depend on the picture, the mask and the seed alone, on any machine.
type PatchMatch struct {
	seed   uint64
	random rand.PCG
	levels []*level
	votes  []vote
	sorted []int32
}

// patchSide is the side of a patch, pixels. Where the picture holds no known
// patch of that size it is less, by two at a time.
const patchSide = 7

// searchPasses are the passes over all patches between two votes: one down, one up.
const searchPasses = 2

// NewPatchMatch returns a PatchMatch that draws from that seed.
func NewPatchMatch(seed uint64) *PatchMatch { return &PatchMatch{seed: seed} }

// Name is patchmatch/VERSION with the side of the patches and the seed.
func (p *PatchMatch) Name() string {
	return fmt.Sprintf("patchmatch/1 patch=%d seed=%d", patchSide, p.seed)
}

// Inpaint implements Inpainter.
func (p *PatchMatch) Inpaint(dst, src *raster.RGB, mask *morph.Bitmap) error {
	hole, err := begin(dst, src, mask)
	if hole == 0 || err != nil {
		return err
	}
	// The stream is the same for each picture, so that a picture does not depend on
	// those before it.
	p.random.Seed(p.seed, 0x7061746368) // "patch"
	n := p.pyramid(dst, mask)
	for i := n - 1; i >= 0; i-- {
		l := p.levels[i]
		if i == n-1 {
			l.peel()
			l.scatter(&p.random)
		} else {
			l.refine(p.levels[i+1], &p.random)
			p.vote(l)
		}
		for range rounds(i) {
			l.measure()
			for pass := range searchPasses {
				l.search(pass%2 == 1, &p.random)
			}
			p.vote(l)
		}
	}
	p.levels[0].copyHole(dst)
	return nil
}

// rounds is how often a level is searched and voted on: the layout is decided on
// the coarse levels, which cost little.
func rounds(level int) int { return min(4+4*level, 16) }

// pyramid lays out the levels, the picture itself first, and returns how many
// there are: it ends where every patch around the hole sees known pixels, or where
// the next level would have too few patches to choose from.
func (p *PatchMatch) pyramid(dst *raster.RGB, mask *morph.Bitmap) int {
	l := p.level(0)
	l.load(dst, mask)
	for side := min(patchSide, oddUpTo(min(l.w, l.h))); ; side -= 2 {
		if l.prepare(side); len(l.sources) > 0 {
			break
		}
	}
	const fewest = 64 // patches to choose from
	for n := 1; ; n++ {
		fine := p.levels[n-1]
		if fine.deepest <= fine.side/2 || min(fine.w, fine.h) < 2*fine.side {
			return n
		}
		coarse := p.level(n)
		coarse.halve(fine)
		if coarse.prepare(fine.side); len(coarse.sources) < fewest {
			return n
		}
	}
}

func (p *PatchMatch) level(i int) *level {
	if i == len(p.levels) {
		p.levels = append(p.levels, &level{})
	}
	return p.levels[i]
}

func oddUpTo(n int) int { return n - 1 + n%2 }
