package report

import (
	"html/template"
	"sort"
	"strconv"

	"github.com/tailorbird/tailorbird/datasets/report/chart"
	"github.com/tailorbird/tailorbird/internal/manifest"
)

// stageOrder is the order in which an example meets the stages; others follow by
// name.
var stageOrder = []string{"plan", "read", "hash", "annotations", "decode", "transform", "resize", "encode", "write", "publish"}

// stages draws where the time of a run went, over all workers.
func stages(r *manifest.RunReport) template.HTML {
	place := map[string]int{}
	for i, s := range stageOrder {
		place[s] = i - len(stageOrder)
	}
	names := sortedKeys(r.StageNanoseconds)
	sort.SliceStable(names, func(i, j int) bool { return place[names[i]] < place[names[j]] })
	var parts []chart.Bar
	for _, n := range names {
		ns := r.StageNanoseconds[n]
		parts = append(parts, chart.Bar{Label: n, Value: ns, Text: chart.Duration(ns)})
	}
	if len(parts) == 0 {
		return ""
	}
	return chart.Stacked("Time by stage", "summed over workers", parts)
}

func runTiles(r *manifest.RunReport) []tile {
	ts := []tile{
		{strconv.FormatFloat(r.ImagesPerSecond, 'f', 1, 64), "images a second"},
		{chart.Duration(int64(r.Seconds * 1e9)), "elapsed"},
		{chart.Duration(int64(r.CPUSeconds * 1e9)), "processor time"},
		{chart.Bytes(r.PeakRSSBytes), "peak memory"},
		{chart.Bytes(r.BytesRead), "read"},
		{chart.Bytes(r.BytesWritten), "written"},
		{r.Runner, "runner"},
		{chart.Count(int64(r.Workers)), "workers"},
	}
	if r.ResumedShards > 0 {
		ts = append(ts, tile{chart.Count(int64(r.ResumedShards)), "shards resumed"})
	}
	return ts
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
