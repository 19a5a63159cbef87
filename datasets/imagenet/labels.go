package imagenet

import (
	"bytes"
	"context"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// labels is what a side file says of flat images.
type labels struct {
	rows     []row // by id in ascending order, or by number
	numbered bool  // row k-1 belongs to the image whose name ends in k
}

// row is the line of one image.
type row struct {
	id    string // ImageId; empty where numbered
	label int    // -1 where err is set
	err   error  // what is wrong with the line, a data fault
	image string // the image that took it
}

// readLabels reads the side file of flat images, with the development kit's
// table where that is needed.
func readLabels(ctx context.Context, in datasets.Inputs, set *synsets, p *datasets.Planner) (*labels, error) {
	if in["labels"] == "" {
		return nil, fault.New(fault.Usage, "imagenet: the images of %s are in no wnid directories, so inputs.labels is needed: LOC_val_solution.csv or ILSVRC2012_validation_ground_truth.txt", in["images"])
	}
	data, err := sideFile(ctx, in, "labels", p)
	if err != nil {
		return nil, err
	}
	place := fault.Place{Path: in["labels"]}
	if bytes.HasPrefix(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), []byte("ImageId,")) {
		l, err := parseSolution(data, set)
		return l, fault.At(err, place)
	}
	if len(data) == 0 || data[0] < '0' || data[0] > '9' {
		return nil, fault.At(corrupt(0, "labels: neither \"ImageId,PredictionString\" nor an ILSVRC2012_ID a line"), place)
	}
	if in["devkit"] == "" {
		return nil, fault.New(fault.Usage, "imagenet: %s holds ILSVRC2012_IDs, so inputs.devkit is needed: data/meta.mat of the development kit", blob.Base(in["labels"]))
	}
	kit, err := sideFile(ctx, in, "devkit", p)
	if err != nil {
		return nil, err
	}
	wnids, err := parseMeta(kit)
	if err != nil {
		return nil, fault.At(err, fault.Place{Path: in["devkit"]})
	}
	return parseGroundTruth(data, wnids, set), nil
}

// parseSolution reads Kaggle's table: ImageId, then boxes of the form
// "wnid x1 y1 x2 y2", of which the first names the class.
func parseSolution(data []byte, set *synsets) (*labels, error) {
	l := &labels{}
	header := true
	for off, line := range lines(data) {
		if header {
			header = false
			continue
		}
		id, prediction, ok := strings.Cut(line, ",")
		if !ok || id == "" {
			return nil, corrupt(off, "labels: %q is not ImageId,PredictionString", clip(line))
		}
		r := row{id: id, label: -1}
		wnid, _, _ := strings.Cut(strings.TrimSpace(prediction), " ")
		if label, ok := set.label[wnid]; ok {
			r.label = label
		} else {
			r.err = fault.At(fault.New(fault.InvalidAnnotation, "%q is not in the synset list", clip(wnid)), fault.Place{Offset: off, HasOffset: true})
		}
		l.rows = append(l.rows, r)
	}
	sort.SliceStable(l.rows, func(i, j int) bool { return l.rows[i].id < l.rows[j].id })
	l.joinRepeated()
	return l, nil
}

// joinRepeated leaves one row an id; lines that disagree make it a conflict.
func (l *labels) joinRepeated() {
	kept := l.rows[:0]
	for _, r := range l.rows {
		if n := len(kept); n == 0 || kept[n-1].id != r.id {
			kept = append(kept, r)
		} else if last := &kept[n-1]; last.label != r.label && fault.CodeOf(last.err) != fault.Conflict {
			*last = row{id: r.id, label: -1, err: fault.New(fault.Conflict, "lines that disagree about %s", clip(r.id))}
		}
	}
	l.rows = kept
}

// parseGroundTruth reads one ILSVRC2012_ID a line. A blank line counts, so that
// none shifts those behind it.
func parseGroundTruth(data []byte, wnids map[int]string, set *synsets) *labels {
	l := &labels{numbered: true}
	var off int64
	for raw := range bytes.Lines(bytes.TrimRight(data, "\r\n")) {
		line := string(bytes.TrimSpace(raw))
		r := row{label: -1}
		id, err := strconv.Atoi(line)
		wnid, known := wnids[id]
		label, listed := set.label[wnid]
		switch {
		case err != nil || !known:
			err = fmt.Errorf("%q is not an ILSVRC2012_ID of the development kit", clip(line))
		case !listed:
			err = fmt.Errorf("ILSVRC2012_ID %d is %s, which is not in the synset list", id, wnid)
		default:
			r.label = label
		}
		if err != nil {
			r.err = fault.At(fault.Wrap(fault.InvalidAnnotation, err), fault.Place{Offset: off, HasOffset: true})
		}
		l.rows = append(l.rows, r)
		off += int64(len(raw))
	}
	return l
}

// find returns the row of the image with that stem, nil where there is none.
func (l *labels) find(stem string) *row {
	if !l.numbered {
		i := sort.Search(len(l.rows), func(i int) bool { return l.rows[i].id >= stem })
		if i == len(l.rows) || l.rows[i].id != stem {
			return nil
		}
		return &l.rows[i]
	}
	n, err := strconv.ParseUint(stem[strings.LastIndexByte(stem, '_')+1:], 10, 31)
	if err != nil || n == 0 || int(n) > len(l.rows) {
		return nil
	}
	return &l.rows[n-1]
}

// idOf names row i as an image file of the release would be called.
func (l *labels) idOf(i int) string {
	if l.numbered {
		return fmt.Sprintf("ILSVRC2012_val_%08d", i+1)
	}
	return l.rows[i].id
}
