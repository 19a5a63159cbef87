package recipe

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Remove is the section remove: a build that adds to each example the pictures
// that are left when objects are removed.
type Remove struct {
	Build
	Inpaint string // telea, navier_stokes, patchmatch
	Dilate  int64  // side of the square that masks are widened with, pixels
	Objects string // single, multi, both
	Holdout float64
}

func (r *Recipe) decodeRemove(d decoder, n *Node) (*Remove, error) {
	v := &Remove{Inpaint: "telea", Dilate: 10, Objects: "single"}
	own := map[string]func(*Node) error{
		"inpaint": d.choice(&v.Inpaint, "inpaint", "telea", "navier_stokes", "patchmatch"),
		"dilate":  d.integer(&v.Dilate, "dilate", 1, 255),
		"objects": d.choice(&v.Objects, "objects", "single", "multi", "both"),
		"holdout": d.fraction(&v.Holdout, "holdout"),
	}
	var err error
	v.Build, err = r.decodeBuild(d, n, false, "remove", own)
	return v, err
}

// Hash is that of the build with what is removed and how.
func (v *Remove) Hash() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s remove %s %d %s %g", v.Build.Hash(), v.Inpaint, v.Dilate, v.Objects, v.Holdout))
	return hex.EncodeToString(sum[:])
}

// Encode writes the section as a recipe with every default filled in.
func (v *Remove) Encode(base string) []byte {
	return v.encode(base, "remove", fmt.Sprintf("  inpaint: %s\n  dilate: %d\n  objects: %s\n  holdout: %g\n", v.Inpaint, v.Dilate, v.Objects, v.Holdout))
}
