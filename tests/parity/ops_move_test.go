package parity

import (
	"testing"

	"github.com/tailorbird/tailorbird/kernels/boxes"
	"github.com/tailorbird/tailorbird/methods/nn"
)

func init() {
	registerOp("channel_shuffle", func(r *run) map[string]*nn.Var {
		return y(r.tape.ChannelShuffle(r.x("x"), config[struct{ Groups int }](r).Groups))
	})
	registerOp("concat_split", concatSplit)
	registerOp("embedding", func(r *run) map[string]*nn.Var {
		cfg := config[struct {
			Padding *int `json:"padding_idx"`
		}](r)
		padding := -1
		if cfg.Padding != nil {
			padding = *cfg.Padding
			if padding < 0 {
				padding += r.x("w").Dim(0)
			}
		}
		return y(r.tape.Embedding(r.x("w"), r.ids("ids"), padding))
	})
	registerOp("gather", func(r *run) map[string]*nn.Var {
		return y(r.tape.Gather(r.x("x"), config[struct{ Dim int }](r).Dim, r.ids("index")))
	})
	registerOp("scatter_add", func(r *run) map[string]*nn.Var {
		return y(r.tape.ScatterAdd(r.x("x"), config[struct{ Dim int }](r).Dim, r.ids("index"), r.x("src")))
	})
	registerOp("pad", pad)
	registerOp("pixel_shuffle", func(r *run) map[string]*nn.Var {
		return y(r.tape.PixelShuffle(r.x("x"), config[struct{ R int }](r).R))
	})
	registerOp("pixel_unshuffle", func(r *run) map[string]*nn.Var {
		return y(r.tape.PixelUnshuffle(r.x("x"), config[struct{ R int }](r).R))
	})
	registerOp("repeat_interleave", func(r *run) map[string]*nn.Var {
		cfg := config[struct{ Repeats, Dim int }](r)
		return y(r.tape.RepeatInterleave(r.x("x"), cfg.Repeats, cfg.Dim))
	})
	registerOp("roll", func(r *run) map[string]*nn.Var {
		cfg := config[struct{ Shifts, Dims []int }](r)
		return y(r.tape.Roll(r.x("x"), cfg.Shifts, cfg.Dims))
	})
	registerOp("topk_sort", topKSort)
	register("nms", nms)
	register("box_iou", boxIoU)
}

// concatSplit joins a and b, and puts the pieces of c together in reverse order.
func concatSplit(r *run) map[string]*nn.Var {
	cfg := config[struct{ Split []int }](r)
	pieces := r.tape.Split(r.x("c"), -1, cfg.Split...)
	for i, j := 0, len(pieces)-1; i < j; i, j = i+1, j-1 {
		pieces[i], pieces[j] = pieces[j], pieces[i]
	}
	return map[string]*nn.Var{"y": r.tape.Concat(1, r.x("a"), r.x("b")), "z": r.tape.Concat(-1, pieces...)}
}

func pad(r *run) map[string]*nn.Var {
	cfg := config[struct {
		Pad   []int
		Mode  nn.PadMode
		Value *float32
	}](r)
	x := r.x("x")
	rank := len(x.Shape())
	pairs := make([][2]int, rank) // torch begins with the last axis
	for i := 0; i+1 < len(cfg.Pad); i += 2 {
		pairs[rank-1-i/2] = [2]int{cfg.Pad[i], cfg.Pad[i+1]}
	}
	value := float32(0)
	if cfg.Value != nil {
		value = *cfg.Value
	}
	return y(r.tape.PadWith(x, pairs, cfg.Mode, value))
}

func topKSort(r *run) map[string]*nn.Var {
	cfg := config[struct{ K int }](r)
	top, at := r.tape.TopK(r.x("x"), cfg.K)
	sorted, order := r.tape.Sort(r.x("ties"), true)
	_, first := r.tape.TopK(r.x("x"), 1)
	if err := r.tape.Err(); err != nil {
		r.t.Fatal(err)
	}
	r.c.Check(r.t, "topk_indices", at.Int64s(), at.Shape()...)
	r.c.Check(r.t, "order", order.Int64s(), order.Shape()...)
	r.c.Check(r.t, "argmax_x", first.Int64s(), first.Shape()[:len(first.Shape())-1]...)
	return map[string]*nn.Var{"topk_values": top, "sorted": sorted}
}

func nms(t *testing.T, c *Case) {
	var cfg struct {
		Threshold float64 `json:"iou_threshold"`
	}
	c.DecodeConfig(t, &cfg)
	xyxy, _ := c.F32(t, "boxes")
	scores, _ := c.F32(t, "scores")
	ids, _ := c.I64(t, "ids")
	keep, err := boxes.NMS(xyxy, scores, cfg.Threshold)
	if err != nil {
		t.Fatal(err)
	}
	batched, err := boxes.BatchedNMS(xyxy, scores, ids, cfg.Threshold)
	if err != nil {
		t.Fatal(err)
	}
	c.Check(t, "keep", indices(keep), len(keep))
	c.Check(t, "keep_batched", indices(batched), len(batched))
}

func indices(v []int) []int64 {
	out := make([]int64, len(v))
	for i, x := range v {
		out[i] = int64(x)
	}
	return out
}

func boxIoU(t *testing.T, c *Case) {
	a, _ := c.F32(t, "a")
	b, _ := c.F32(t, "b")
	iou, err := boxes.IoU(a, b)
	if err != nil {
		t.Fatal(err)
	}
	giou, err := boxes.GIoU(a, b)
	if err != nil {
		t.Fatal(err)
	}
	c.Check(t, "iou", iou, len(a)/4, len(b)/4)
	c.Check(t, "giou", giou, len(a)/4, len(b)/4)
}
