package scenes

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// classes of the ImageNet set: the kinds up to this one. A class's label is its
// kind, as the wnids ascend with it.
const classes = flower + 1

func wnidOf(k kind) string { return fmt.Sprintf("n9%07d", int(k)+1) }

func (d *drawing) writeImageNet() (train, val Recipe) {
	var synsets strings.Builder
	for k := range classes {
		fmt.Fprintf(&synsets, "%s %s\n", wnidOf(k), strings.Join(k.names(), ", "))
	}
	d.write("imagenet/LOC_synset_mapping.txt", []byte(synsets.String()))
	train = d.writeTrain()
	val = d.writeVal()
	for _, r := range []*Recipe{&train, &val} {
		r.Dataset = "imagenet"
		r.Inputs["synsets"] = d.path("imagenet/LOC_synset_mapping.txt")
	}
	return train, val
}

// writeTrain writes a directory a class. The accidents are further images of the
// first classes.
func (d *drawing) writeTrain() Recipe {
	r := Recipe{Inputs: datasets.Inputs{"images": d.path("imagenet/train")}, Splits: []string{"train"}}
	for k := range classes {
		for i := range d.size.PerClass {
			// Numbers in file names are neither dense nor of fixed width.
			n := 18 + 131*i + 7*int(k)
			d.write(trainName(k, n), d.single(k, int(k)*d.size.PerClass+i).jpeg)
		}
	}
	for a := range missing {
		k := kind(a)
		d.write(trainName(k, 9001), d.spoil(a, d.single(k, 1<<22+int(a)).jpeg))
		r.Planted = append(r.Planted, a.planted(fmt.Sprintf("%s_9001", wnidOf(k))))
	}
	return r
}

func trainName(k kind, n int) string {
	return fmt.Sprintf("imagenet/train/%s/%s_%d.JPEG", wnidOf(k), wnidOf(k), n)
}

// writeVal writes the flat folder and its table. Two lines of the table are
// accidents: one has no file, one names a class that does not exist.
func (d *drawing) writeVal() Recipe {
	r := Recipe{Splits: []string{"val"}, Inputs: datasets.Inputs{
		"images": d.path("imagenet/val"), "labels": d.path("imagenet/LOC_val_solution.csv"),
	}}
	csv := strings.Builder{}
	csv.WriteString("ImageId,PredictionString\n")
	n := int(classes) * d.size.ValClass
	order := d.rng(forImageNet, 1<<20).Perm(n)
	row := func(i int, wnid string, p *picture) string {
		id := fmt.Sprintf("ILSVRC2012_val_%08d", i+1)
		b := p.objects[0].bounds()
		fmt.Fprintf(&csv, "%s,%s %d %d %d %d \n", id, wnid, b.Min.X, b.Min.Y, b.Max.X, b.Max.Y)
		return id
	}
	for i, v := range order {
		k := kind(v % int(classes))
		p := d.single(k, 1<<21+i)
		d.write(valName(row(i, wnidOf(k), p)), p.jpeg)
	}
	stray := d.single(disc, 1<<21+n)
	r.Planted = append(r.Planted, missing.planted(row(n, wnidOf(disc), stray)))
	id := row(n+1, "n99999999", stray)
	d.write(valName(id), stray.jpeg)
	r.Planted = append(r.Planted, Planted{id, "a label that is not in the synset list", fault.InvalidAnnotation})
	d.write("imagenet/LOC_val_solution.csv", []byte(csv.String()))
	return r
}

func valName(id string) string { return "imagenet/val/" + id + ".JPEG" }

// single draws one large object.
func (d *drawing) single(k kind, i int) *picture {
	rng := d.rng(forImageNet, i)
	w, h := 320, 320
	switch rng.IntN(3) {
	case 1:
		w = 400
	case 2:
		h = 360
	}
	w, h = w/d.shrink, h/d.shrink
	s := &scene{w: w, h: h, objects: []*object{portrait(rng, k, float64(w), float64(h))}}
	d.painter.paint(s, rng)
	return &picture{scene: s, jpeg: d.encode(s)}
}

// portrait is an object that takes up much of a w x h image.
func portrait(rng *rand.Rand, k kind, w, h float64) *object {
	r := min(w, h) * (0.22 + 0.12*rng.Float64())
	c := point{w * (0.42 + 0.16*rng.Float64()), h * (0.42 + 0.16*rng.Float64())}
	return newObject(k, colour(rng.IntN(len(colourTable))), c, r, (2*rng.Float64()-1)*kindTable[k].turn)
}
