package training

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/cpu"
	"github.com/tailorbird/tailorbird/kernels/jpeg"
	"github.com/tailorbird/tailorbird/kernels/raster"
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/zoo"
)

const (
	side    = 32
	classes = 10
	batch   = 128
)

// images are pictures as bytes, row by row with three channels, and their labels.
type images struct {
	pix    []byte
	labels []int64
}

func (s *images) len() int { return len(s.labels) }

// TestCIFAR10ReachesPyTorchsAccuracy trains ResNet-20 with SGD, momentum 0.9,
// weight decay 5e-4, learning rate 0.1 by a half cosine, on images that are padded
// by 4, cropped and flipped. It prints a line an epoch and checks that the network
// has learnt; cifar.py prints PyTorch's lines for the same run.
func TestCIFAR10ReachesPyTorchsAccuracy(t *testing.T) {
	path := os.Getenv("TAILORBIRD_CIFAR10")
	if path == "" {
		t.Skip("TAILORBIRD_CIFAR10 names no archive")
	}
	out := os.Getenv("TAILORBIRD_CIFAR10_OUT")
	if out == "" {
		out = t.TempDir()
	}
	count, epochs, seed := number(t, "IMAGES", 10000), number(t, "EPOCHS", 10), uint64(number(t, "SEED", 1))
	splits := load(t, path)
	train, test := splits["train"], splits["test"]
	if train == nil || test == nil {
		t.Fatalf("%s has splits %v, want train and test", path, keys(splits))
	}
	chosen := permutation(seed, 1<<40, train.len())[:min(count, train.len())]

	e := cpu.New(cpu.Options{})
	defer e.Close()
	net, err := zoo.New("resnet20", zoo.Options{Classes: classes})
	if err != nil {
		t.Fatal(err)
	}
	nn.Initialise(net, seed)
	save(t, filepath.Join(out, "init.safetensors"), net)
	tape := nn.NewTape(e)
	opt, err := nn.NewOptimiser(e, nn.SGD{Momentum: 0.9}, nn.Group{Params: nn.Params(net), LR: 0.1, Decay: 5e-4})
	if err != nil {
		t.Fatal(err)
	}
	steps := len(chosen) / batch
	schedule := nn.Cosine{LR: 0.1, Period: float64(steps * epochs)}
	accuracy := 0.0
	for epoch := range epochs {
		start, sum := time.Now(), 0.0
		order := permutation(seed, uint64(epoch), len(chosen))
		for step := range steps {
			ids := make([]int, batch)
			for i := range ids {
				ids[i] = chosen[order[step*batch+i]]
			}
			opt.SetLR(schedule.At(float64(epoch*steps + step)))
			x, labels := train.batch(e, ids, func(i int) (int, int, bool) {
				h := mix(seed, uint64(epoch)<<32|uint64(ids[i]))
				return int(h % 9), int((h >> 8) % 9), h>>16&1 == 1
			})
			loss := tape.CrossEntropy(net.Forward(tape, tape.Const(x)), labels, nn.CrossEntropy{})
			if err := tape.Backward(loss); err != nil {
				t.Fatal(err)
			}
			sum += float64(tape.Host(loss)[0])
			if epoch == 0 && step < 20 {
				say(t, map[string]any{"step": step, "loss": tape.Host(loss)[0]})
			}
			if err := opt.Step(); err != nil {
				t.Fatal(err)
			}
			opt.ZeroGrad(tape)
			tape.Reset()
			e.Release(x)
			e.Release(labels)
		}
		accuracy = evaluate(t, e, net, test)
		say(t, map[string]any{"epoch": epoch, "train_loss": sum / float64(steps), "test_accuracy": accuracy, "seconds": time.Since(start).Seconds()})
	}
	if accuracy < 0.3 {
		t.Errorf("accuracy %.3f: nothing was learnt", accuracy)
	}
}

func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv("TAILORBIRD_CIFAR10_" + name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func say(t *testing.T, line map[string]any) {
	t.Helper()
	text, err := json.Marshal(line)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(string(text))
}

// load decodes every picture of the archive, sorted by name within a split.
func load(t *testing.T, path string) map[string]*images {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	files := map[string][]byte{}
	names := map[string][]string{}
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(h.Name, "/")
		if h.Typeflag != tar.TypeReg || len(parts) != 3 {
			continue
		}
		if files[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
		names[parts[0]] = append(names[parts[0]], h.Name)
	}
	out := map[string]*images{}
	d := jpeg.NewDecoder()
	defer d.Close()
	for split, list := range names {
		sort.Strings(list)
		s := &images{}
		var class string
		label := int64(-1)
		var rgb raster.RGB
		for _, name := range list {
			if c := strings.Split(name, "/")[1]; c != class {
				class = c
				label++
			}
			if err := d.RGB(&rgb, files[name]); err != nil || rgb.Width != side || rgb.Height != side {
				t.Fatalf("%s: %dx%d, %v", name, rgb.Width, rgb.Height, err)
			}
			s.pix = append(s.pix, rgb.Pix...)
			s.labels = append(s.labels, label)
		}
		out[split] = s
	}
	return out
}

func keys(m map[string]*images) (out []string) {
	for k := range m {
		out = append(out, k)
	}
	return out
}

// batch returns (N, 3, 32, 32) values of (v/255 - mean) / deviation, moved within a
// border of 4 zeros and flipped as place says, and the labels.
func (s *images) batch(e *cpu.Engine, ids []int, place func(i int) (dx, dy int, flip bool)) (x, labels *tensor.Dense) {
	mean, deviation := [3]float32{0.4914, 0.4822, 0.4465}, [3]float32{0.2470, 0.2435, 0.2616}
	x, labels = e.Borrow(len(ids), 3, side, side), e.BorrowIndex(len(ids))
	v := x.Float32s()
	clear(v)
	for i, id := range ids {
		labels.Int64s()[i] = s.labels[id]
		dx, dy, flip := place(i)
		pix := s.pix[id*3*side*side:]
		for y := range side {
			for c := range 3 {
				row := v[((i*3+c)*side+y)*side:][:side]
				for col := range side {
					from := col
					if flip {
						from = side - 1 - col
					}
					sx, sy := from+dx-4, y+dy-4
					if sx >= 0 && sx < side && sy >= 0 && sy < side {
						row[col] = (float32(pix[3*(sy*side+sx)+c])/255 - mean[c]) / deviation[c]
					}
				}
			}
		}
	}
	return x, labels
}

// evaluate returns the share of right answers.
func evaluate(t *testing.T, e *cpu.Engine, net nn.Layer, s *images) float64 {
	t.Helper()
	tape := nn.NewTape(e)
	tape.Training = false
	right := 0
	for from := 0; from < s.len(); from += 500 {
		ids := make([]int, min(500, s.len()-from))
		for i := range ids {
			ids[i] = from + i
		}
		x, labels := s.batch(e, ids, func(int) (int, int, bool) { return 4, 4, false })
		var logits []float32
		tape.NoGrad(func() { logits = tape.Host(net.Forward(tape, tape.Const(x))) })
		if err := tape.Err(); err != nil {
			t.Fatal(err)
		}
		for i := range ids {
			best := 0
			for c, v := range logits[i*classes : (i+1)*classes] {
				if v > logits[i*classes+best] {
					best = c
				}
			}
			if int64(best) == labels.Int64s()[i] {
				right++
			}
		}
		tape.Reset()
		e.Release(x)
		e.Release(labels)
	}
	return float64(right) / float64(s.len())
}

func save(t *testing.T, path string, net nn.Layer) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := nn.SaveState(f, net, nil); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// permutation orders n items by a hash of each.
func permutation(seed, purpose uint64, n int) []int {
	p := make([]int, n)
	keys := make([]uint64, n)
	for i := range p {
		p[i] = i
		keys[i] = mix(mix(seed, purpose), uint64(i))
	}
	sort.SliceStable(p, func(a, b int) bool { return keys[p[a]] < keys[p[b]] })
	return p
}

// mix is a step of SplitMix64 on both words; cifar.py has the same.
func mix(a, b uint64) uint64 {
	z := a + b*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
