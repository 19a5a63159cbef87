package shards

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/graph"

	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
)

func TestFault05SameBundleTwice(t *testing.T) {
	t.Parallel()
	j := cocoJob(t, t.TempDir())
	b := plan(t, j)
	first := mustWrite(t, j, b, b.keys())
	want := files(t, j.Out)

	second := mustWrite(t, j, b, b.keys())
	sameFiles(t, want, files(t, j.Out))
	if !slices.Equal(records(t, second), records(t, first)) {
		t.Errorf("rows differ:\n%s\n%s", records(t, first), records(t, second))
	}
	for _, r := range second {
		if !r.Resumed {
			t.Errorf("shard %d was made again", r.Done.Shard)
		}
	}

	// The first attempt was published but its record was not.
	if err := os.RemoveAll(j.state("done")); err != nil {
		t.Fatal(err)
	}
	third := mustWrite(t, j, b, b.keys())
	sameFiles(t, want, files(t, j.Out))
	if !slices.Equal(records(t, third), records(t, first)) {
		t.Errorf("rows differ:\n%s\n%s", records(t, first), records(t, third))
	}
}

// records are the done records of rows in the order of the shards.
func records(t *testing.T, rows []*Row) []string {
	t.Helper()
	out := make([]string, len(rows))
	for _, r := range rows {
		text, err := json.Marshal(r.Done)
		if err != nil {
			t.Fatal(err)
		}
		out[r.Done.Shard] = string(text)
	}
	return out
}

func TestFault05SameBundleInParallelAndInAnotherOrder(t *testing.T) {
	t.Parallel()
	clean := cocoJob(t, t.TempDir())
	b := plan(t, clean)
	mustWrite(t, clean, b, b.keys())
	want := files(t, clean.Out)

	j := cocoJob(t, t.TempDir())
	plan(t, j)
	var attempts sync.WaitGroup
	for i := range 4 {
		attempts.Add(1)
		go func() {
			defer attempts.Done()
			turned := bundle{}
			for k, items := range b {
				turned[k] = slices.Clone(items)
				if i%2 == 1 {
					slices.Reverse(turned[k])
				}
			}
			keys := b.keys()
			if i >= 2 {
				slices.Reverse(keys)
			}
			if _, err := write(j, turned, keys); err != nil {
				t.Errorf("attempt %d: %v", i, err)
			}
		}()
	}
	attempts.Wait()
	sameFiles(t, want, files(t, j.Out))
}

func TestFault05PlanTwice(t *testing.T) {
	t.Parallel()
	j := cocoJob(t, t.TempDir())
	first := plan(t, j)
	want := files(t, j.Out)
	if second := plan(t, j); !reflect.DeepEqual(first, second) {
		t.Errorf("other items:\n%v\n%v", first, second)
	}
	sameFiles(t, want, files(t, j.Out))

	other := *j
	other.RunID, other.Transforms, other.RecipeHash = "fedcba9876543210", "keep", strings.Repeat("6", 64)
	if err := RunPlan(context.Background(), &other, func(string, Item) {}); fault.CodeOf(err) != fault.Occupied {
		t.Errorf("a plan of another recipe: %v", err)
	}
	if _, err := NewWriter(context.Background(), &other); fault.CodeOf(err) != fault.Occupied {
		t.Errorf("a writer of another recipe: %v", err)
	}
}

func TestFault05FinishTwice(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	j := cocoJob(t, t.TempDir())
	b := plan(t, j)
	rows := mustWrite(t, j, b, b.keys())
	first, err := RunFinish(ctx, j, rows)
	if err != nil || first == nil {
		t.Fatal(first, err)
	}
	want := files(t, j.Out)
	// The runner did not hear of it and tries again, after the state is gone.
	second, err := RunFinish(ctx, j, rows)
	if err != nil || second == nil || second.RootHash != first.RootHash {
		t.Fatal(second, err)
	}
	sameFiles(t, want, files(t, j.Out))
	for name := range want {
		if strings.HasPrefix(name, StateDir) {
			t.Errorf("left behind: %s", name)
		}
	}
}

// A row that is missing, or there twice, is a bug that is not published.
func TestFinishHoldsRowsAgainstThePlan(t *testing.T) {
	t.Parallel()
	j := cocoJob(t, t.TempDir())
	b := plan(t, j)
	rows := mustWrite(t, j, b, b.keys())
	for name, list := range map[string][]*Row{"missing": rows[1:], "twice": append(slices.Clone(rows), rows[0])} {
		if m, err := RunFinish(context.Background(), j, list); m != nil || fault.CodeOf(err) != fault.Bug {
			t.Errorf("%s: %v %v", name, m, err)
		}
	}
	if _, err := os.Stat(filepath.Join(j.Out, "manifest.json")); err == nil {
		t.Error("there is a manifest")
	}
}

// A worker that comes back late with other bytes replaces nothing.
func TestFault06ZombieDoesNotReplaceAShard(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	j := cocoJob(t, t.TempDir())
	b := plan(t, j)
	path := filepath.Join(j.Out, "webdataset", "train-000001.tar")
	if _, err := blob.Put(ctx, path, []byte("what another attempt published")); err != nil {
		t.Fatal(err)
	}
	rows := mustWrite(t, j, b, b.keys())
	if m, err := RunFinish(ctx, j, rows); m != nil || err != nil {
		t.Errorf("finish: %v %v", m, err)
	}
	if text, err := os.ReadFile(j.OutcomePath()); err != nil || !strings.Contains(string(text), string(fault.Occupied)) || !strings.Contains(string(text), "train-000001.tar") {
		t.Errorf("outcome %s %v, want one that names the shard", text, err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "what another attempt published" {
		t.Errorf("%q %v", text, err)
	}
	for name := range files(t, j.Out) {
		if strings.HasPrefix(filepath.Base(name), ".tb-") || strings.HasSuffix(name, "done/train-000001.json") {
			t.Errorf("left behind: %s", name)
		}
	}
}

func TestFault27PanicIsABug(t *testing.T) {
	t.Parallel()
	keys := []string{"panic-index", "panic-nil", "panic-text", "corrupt-1"}
	for i := range 20 {
		keys = append(keys, fmt.Sprintf("calm-%02d", i))
	}
	j := moodyJob(t, keys...)
	b := plan(t, j)
	rows := mustWrite(t, j, b, b.keys())
	m, err := RunFinish(context.Background(), j, rows)
	if err != nil || m == nil {
		t.Fatal(m, err)
	}
	if m.Examples() != 20 || m.Quarantine.Examples != 4 || m.Quarantine.Reasons[fault.Bug] != 3 || m.Quarantine.Reasons[fault.Corrupt] != 1 {
		t.Errorf("%d examples, quarantine %+v", m.Examples(), m.Quarantine)
	}
	list := files(t, j.Out)[QuarantinePath]
	for _, key := range keys[:3] {
		line := lineWith(list, `"key":"`+key+`"`)
		for _, want := range []string{`"reason":"bug"`, `"stage":"annotations"`, "panic: ", "moody.Example"} {
			if !strings.Contains(line, want) {
				t.Errorf("%s: no %s in %s", key, want, line)
			}
		}
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, machine := range []string{here, filepath.Dir(j.Out), ".go:", "0x", "goroutine"} {
		if strings.Contains(list, machine) {
			t.Errorf("the quarantine holds %q:\n%s", machine, list)
		}
	}
}

func lineWith(text, part string) string {
	for _, l := range strings.Split(text, "\n") {
		if strings.Contains(l, part) {
			return l
		}
	}
	return ""
}

// Panics count against the budget like other bad examples: the run ends, and
// says so.
func TestFault27PanicsCountAgainstTheBudget(t *testing.T) {
	t.Parallel()
	j := moodyJob(t, "calm-1", "panic-text-1", "panic-text-2", "panic-nil-3")
	b := plan(t, j)
	rows := mustWrite(t, j, b, b.keys())
	m, err := RunFinish(context.Background(), j, rows)
	if m != nil || err != nil {
		t.Fatal(m, err)
	}
	text, err := os.ReadFile(j.OutcomePath())
	if err != nil || !strings.Contains(string(text), string(fault.Exhausted)) || !strings.Contains(string(text), "bug") {
		t.Errorf("outcome %s %v", text, err)
	}
}

// What is shuffled are places of bytes: a mean Item of the fixture is under 4 KiB
// as the runner encodes it, and nothing else but rows, one a shard, is grouped.
func TestNoPixelsThroughTheShuffle(t *testing.T) {
	t.Parallel()
	j := cocoJob(t, t.TempDir())
	enc := beam.NewElementEncoder(reflect.TypeFor[Item]())
	n, total := 0, 0
	for _, items := range plan(t, j) {
		for _, it := range items {
			var size counter
			if err := enc.Encode(it, &size); err != nil {
				t.Fatal(err)
			}
			n++
			total += int(size)
		}
	}
	t.Logf("%d items, %d bytes in the mean", n, total/n)
	if n != 6+3 || total/n >= 4<<10 {
		t.Errorf("%d items of %d bytes in the mean, want 6 and 3 marks under 4 KiB", n, total/n)
	}

	p, s := beam.NewPipelineWithRoot()
	Finish(s, *j, Write(s, *j, beam.GroupByKey(s, Plan(s, *j))))
	edges, _, err := p.Build()
	if err != nil {
		t.Fatal(err)
	}
	var grouped []string
	for _, e := range edges {
		if e.Op == graph.CoGBK {
			grouped = append(grouped, fmt.Sprint(e.Input[0].From.Type()))
		}
	}
	slices.Sort(grouped)
	if want := []string{"KV<int,[]uint8>", "KV<string,shards.Item>"}; !slices.Equal(grouped, want) {
		t.Errorf("grouped are %v, want %v", grouped, want)
	}
}

// counter counts the bytes that are written to it.
type counter int

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}
