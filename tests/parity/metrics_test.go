package parity

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"testing"

	"github.com/tailorbird/tailorbird/methods/metrics"
)

func init() {
	register("coco_eval", cocoEval)
	register("lvis_eval", lvisEval)
	register("rec_accuracy", recAccuracy)
	register("grec_f1", grecF1)
	register("classification_metrics", classificationMetrics)
	register("frechet_distance", frechetDistance)
}

// detectionConfig is the config of coco_eval and lvis_eval.
type detectionConfig struct {
	IoUType    string       `json:"iou_type"`
	GT         string       `json:"gt"`
	Detections string       `json:"detections"`
	UseCats    *int         `json:"use_cats"`
	MaxDets    any          `json:"max_dets"` // a number of LVIS, a list of COCO
	IoUs       []float64    `json:"iou_thrs"`
	Areas      [][2]float64 `json:"area_rng"`
}

func (cfg *detectionConfig) masks(t *testing.T) bool {
	t.Helper()
	if cfg.IoUType != "segm" && cfg.IoUType != "bbox" {
		t.Fatalf("iou_type %q is unknown", cfg.IoUType)
	}
	return cfg.IoUType == "segm"
}

// sizes names area ranges that the config gives as the tools name theirs.
func (cfg *detectionConfig) sizes() (list []metrics.Size) {
	for i, r := range cfg.Areas {
		list = append(list, metrics.Size{Name: []string{"all", "small", "medium", "large"}[i], Min: r[0], Max: r[1]})
	}
	return list
}

// read reads ground truth and detections of the case.
func (cfg *detectionConfig) read(t *testing.T, c *Case) (*metrics.GroundTruth, []metrics.Detection) {
	t.Helper()
	gt, err := metrics.ReadGroundTruth(bytes.NewReader(c.File(t, cfg.GT)), cfg.GT, metrics.ReadOptions{Masks: cfg.masks(t)})
	if err != nil {
		t.Fatal(err)
	}
	ds, err := metrics.ReadDetections(bytes.NewReader(c.File(t, cfg.Detections)), cfg.Detections, gt)
	if err != nil {
		t.Fatal(err)
	}
	return gt, ds
}

func cocoEval(t *testing.T, c *Case) {
	var cfg detectionConfig
	c.DecodeConfig(t, &cfg)
	o := metrics.COCO{Masks: cfg.masks(t), Agnostic: cfg.UseCats != nil && *cfg.UseCats == 0, IoUs: cfg.IoUs, Sizes: cfg.sizes()}
	if list, ok := cfg.MaxDets.([]any); ok {
		for _, v := range list {
			o.MaxDets = append(o.MaxDets, int(v.(float64)))
		}
	}
	gt, ds := cfg.read(t, c)
	e, err := metrics.NewCOCO(gt, o)
	if err != nil {
		t.Fatal(err)
	}
	r, err := e.Evaluate(ds)
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		Stats       map[string]float64
		PerCategory map[string]map[string]float64 `json:"per_category"`
		Tolerance   float64
	}
	c.DecodeFile(t, "expected.json", &want)
	sameStats(t, r, want.Stats, want.Tolerance)
	for i, class := range r.Classes {
		for name, v := range want.PerCategory[strconv.FormatInt(class.ID, 10)] {
			got := map[string]float64{
				"AP": r.ClassAP(i, metrics.Query{}), "AP50": r.ClassAP(i, metrics.Query{IoU: .5}),
				"AP75": r.ClassAP(i, metrics.Query{IoU: .75}), "AR": r.ClassAR(i, metrics.Query{}),
			}
			nearNumber(t, fmt.Sprintf("%s of class %d", name, class.ID), got[name], v, want.Tolerance)
		}
	}
	present := map[string]float64{}
	for class := range want.PerCategory {
		present[class] = 1
	}
	sameClasses(t, r, present)
}

func lvisEval(t *testing.T, c *Case) {
	var cfg detectionConfig
	c.DecodeConfig(t, &cfg)
	o := metrics.LVIS{Masks: cfg.masks(t), IoUs: cfg.IoUs, Sizes: cfg.sizes()}
	if n, ok := cfg.MaxDets.(float64); ok {
		o.MaxDets = int(n)
	}
	gt, ds := cfg.read(t, c)
	e, err := metrics.NewLVIS(gt, o)
	if err != nil {
		t.Fatal(err)
	}
	r, err := e.Evaluate(ds)
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		Stats     map[string]float64
		PerClass  map[string]float64 `json:"per_category_ap"`
		Tolerance float64
	}
	c.DecodeFile(t, "expected.json", &want)
	sameStats(t, r, want.Stats, want.Tolerance)
	for i, class := range r.Classes {
		if v, ok := want.PerClass[strconv.FormatInt(class.ID, 10)]; ok {
			nearNumber(t, fmt.Sprintf("AP of class %d", class.ID), r.ClassAP(i, metrics.Query{}), v, want.Tolerance)
		}
	}
	sameClasses(t, r, want.PerClass)
}

// sameStats checks that r has just the named numbers.
func sameStats(t *testing.T, r *metrics.Result, want map[string]float64, tolerance float64) {
	t.Helper()
	for name, v := range want {
		nearNumber(t, name, r.Stat(name), v, tolerance)
	}
	for _, s := range r.Stats {
		if _, ok := want[s.Name]; !ok {
			t.Errorf("%s is not among the reference's numbers", s.Name)
		}
	}
}

// sameClasses checks that the reference lists each class that could be measured,
// and no other.
func sameClasses(t *testing.T, r *metrics.Result, want map[string]float64) {
	t.Helper()
	measured := 0
	for i, class := range r.Classes {
		_, listed := want[strconv.FormatInt(class.ID, 10)]
		if listed {
			measured++
		} else if ap := r.ClassAP(i, metrics.Query{}); ap != -1 {
			t.Errorf("class %d has AP %v, the reference has none", class.ID, ap)
		}
	}
	if measured != len(want) {
		t.Errorf("%d of the reference's %d classes", measured, len(want))
	}
}

func nearNumber(t *testing.T, name string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s: %v, want %v", name, got, want)
	}
}

// cornersOf reads lists of four numbers as the config says they are meant.
func cornersOf(t *testing.T, form string, list [][4]float64) (out []metrics.Corners) {
	t.Helper()
	for _, b := range list {
		switch form {
		case "xywh":
			out = append(out, metrics.FromXYWH(b))
		case "xyxy":
			out = append(out, metrics.Corners(b))
		default:
			t.Fatalf("boxes as %q are unknown", form)
		}
	}
	return out
}

func recAccuracy(t *testing.T, c *Case) {
	var cfg struct{ Boxes string }
	c.DecodeConfig(t, &cfg)
	var want struct {
		Pairs []struct {
			Pred, GT [4]float64
			IoU      float64
		}
		GE   float64 `json:"accuracy_ge"`
		GT   float64 `json:"accuracy_gt"`
		Mean float64 `json:"mean_iou"`
	}
	c.DecodeFile(t, "expected.json", &want)
	var r metrics.REC
	for i, p := range want.Pairs {
		b := cornersOf(t, cfg.Boxes, [][4]float64{p.Pred, p.GT})
		nearNumber(t, fmt.Sprintf("IoU of pair %d", i), metrics.IoU(b[0], b[1]), p.IoU, 1e-12)
		r.Add(b[0], b[1])
	}
	nearNumber(t, "accuracy at >= .5", r.Accuracy(), want.GE, 1e-12)
	nearNumber(t, "accuracy at > .5", r.StrictAccuracy(), want.GT, 1e-12)
	nearNumber(t, "mean IoU", r.MeanIoU(), want.Mean, 1e-12)
}

func grecF1(t *testing.T, c *Case) {
	var cfg struct {
		Boxes     string
		Threshold float64
	}
	c.DecodeConfig(t, &cfg)
	var want struct {
		Samples []struct {
			GT, Pred [][4]float64
			Scores   []float64
			F1       *float64
			Correct  bool
		}
		PrF1 float64 `json:"pr_f1"`
		NAcc float64 `json:"n_acc"`
		TAcc float64 `json:"t_acc"`
	}
	c.DecodeFile(t, "expected.json", &want)
	g := metrics.GREC{Threshold: cfg.Threshold}
	for i, s := range want.Samples {
		f1, right, err := g.Add(cornersOf(t, cfg.Boxes, s.Pred), s.Scores, cornersOf(t, cfg.Boxes, s.GT))
		if err != nil || right != s.Correct {
			t.Errorf("sample %d: right is %v (%v), want %v", i, right, err, s.Correct)
		}
		if s.F1 != nil {
			nearNumber(t, fmt.Sprintf("F1 of sample %d", i), f1, *s.F1, 1e-12)
		} else if !math.IsNaN(f1) {
			t.Errorf("F1 of sample %d is %v, want none", i, f1)
		}
	}
	nearNumber(t, "Pr@F1", g.PrF1(), want.PrF1, 1e-12)
	nearNumber(t, "N-acc", g.NAcc(), want.NAcc, 1e-12)
	nearNumber(t, "T-acc", g.TAcc(), want.TAcc, 1e-12)
}

func classificationMetrics(t *testing.T, c *Case) {
	var cfg struct{ Bins int }
	c.DecodeConfig(t, &cfg)
	logits, shape := c.F32(t, "logits")
	labels, _ := c.I64(t, "labels")
	m, err := metrics.NewClassification(shape[1], cfg.Bins)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Add(logits, labels); err != nil {
		t.Fatal(err)
	}
	c.Check(t, "confusion", m.Confusion, shape[1], shape[1])
	var want struct{ Top1, Top5, NLL, ECE, Tolerance float64 }
	c.DecodeFile(t, "expected.json", &want)
	nearNumber(t, "top 1", m.TopK(1), want.Top1, want.Tolerance)
	nearNumber(t, "top 5", m.TopK(5), want.Top5, want.Tolerance)
	nearNumber(t, "NLL", m.NLL(), want.NLL, want.Tolerance)
	nearNumber(t, "ECE", m.ECE(), want.ECE, want.Tolerance)
}

func frechetDistance(t *testing.T, c *Case) {
	moments := func(name string) *metrics.Moments {
		v, shape := c.F32(t, name)
		m := metrics.NewMoments(shape[1])
		if err := m.Add(v); err != nil {
			t.Fatal(err)
		}
		return m
	}
	d, err := metrics.Frechet(moments("x"), moments("y"))
	if err != nil {
		t.Fatal(err)
	}
	c.Check(t, "distance", []float64{d})
}
