package main

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

const description = "Tailorbird turns raw vision datasets into training-ready shards."

const advanced = "advanced"

var flagGroups = kong.ExplicitGroups([]kong.Group{{Key: advanced, Title: "Advanced flags:"}})

const exitStatus = `EXIT STATUS
  0    done
  1    infrastructure failed (disk, network, runner)
  2    the command or the recipe is wrong
  3    the error budget is spent
  4    verify found damage
  5    the target holds something else; nothing was overwritten
  130  interrupted; the same command goes on where it stopped
`

// examples are three commands a verb. They run as printed where
// "tailorbird demo --out demo" has run before.
var examples = map[string][3]string{
	"":     {"tailorbird demo --out demo", "tailorbird build demo/refcoco.yaml --out out/refcoco", "tailorbird verify out/refcoco"},
	"demo": {"tailorbird demo --out demo", "tailorbird demo --seed 7 --workers 1", "tailorbird demo --json"},
	"build": {"tailorbird build demo/refcoco.yaml --out out/refcoco",
		"tailorbird build demo/lvis.yaml --out out/lvis --workers 1 --memory 2GiB --set build.shards=2",
		"tailorbird build --dataset imagenet --images demo/raw/imagenet/train --input synsets=demo/raw/imagenet/LOC_synset_mapping.txt --set build.error_budget=25% --out out/imagenet"},
	"sew": {"tailorbird sew demo/lvis-sewn.yaml --out out/lvis-sewn",
		"tailorbird sew demo/lvis-sewn.yaml --out out/poisson --set sew.generator.blend=poisson --set sew.plan.images_per_class=2",
		"tailorbird sew replay demo/lvis-sewn"},
	"remove": {"tailorbird remove demo/lvis-removed.yaml --out out/removed",
		"tailorbird remove demo/lvis-removed.yaml --out out/patches --set remove.inpaint=patchmatch --set remove.objects=both",
		"tailorbird remove demo/lvis-removed.yaml --out out/narrow --set remove.dilate=3 --json"},
	"plan":    {"tailorbird plan demo/lvis-sewn.yaml", "tailorbird plan demo/lvis-sewn.yaml --page plan.html", "tailorbird plan demo/lvis-sewn.yaml --set sew.plan.images_per_class=2 --json"},
	"explain": {"tailorbird explain demo/lvis 000000001030", "tailorbird explain demo/lvis-sewn 000000001030_18_0", "tailorbird explain demo/refcoco 000000001009 --json"},
	"train":   {"tailorbird train demo/train.yaml --out out/runs", "tailorbird train demo/train.yaml --out out/short --set train.epochs=1 --json", "tailorbird train demo/train.yaml --out out/two --together 2"},
	"eval":    {"tailorbird eval demo/train.yaml", "tailorbird eval demo/train.yaml --split val --json", "tailorbird eval demo/train.yaml --weights demo/runs/method.name=none/final.safetensors"},
	"run":     {"tailorbird run demo/all.yaml --out out/all", "tailorbird run demo/all.yaml --out out/one --workers 1", "tailorbird run demo/all.yaml --out out/json --json"},
	"verify":  {"tailorbird verify demo/lvis", "tailorbird verify demo/lvis --fraction 0.5 --json", "tailorbird verify demo/refcoco/webdataset"},
	"preview": {"tailorbird preview demo/lvis", "tailorbird preview demo/refcoco --addr 127.0.0.1:8080", "tailorbird preview demo/imagenet-train --json"},
	"list":    {"tailorbird list datasets", "tailorbird list transforms", "tailorbird list formats --json"},
	"doctor":  {"tailorbird doctor", "tailorbird doctor --json", "TAILORBIRD_NATIVE=off tailorbird doctor"},
	"bench":   {"tailorbird bench", "tailorbird bench prep build --images demo/raw/imagenet/train --count 200", "tailorbird bench jpeg_decode --workers 1 --json-lines"},
	"version": {"tailorbird version", "tailorbird version --json", "tailorbird version --help"},
}

// printHelp is kong's help with the examples and the exit status at its end.
func printHelp(o kong.HelpOptions, ctx *kong.Context) error {
	if err := kong.DefaultHelpPrinter(o, ctx); err != nil {
		return err
	}
	name := ""
	if n := ctx.Selected(); n != nil {
		name = n.Name
	}
	var b strings.Builder
	if ex, ok := examples[name]; ok {
		if strings.Contains(strings.Join(ex[:], " "), " demo/") {
			b.WriteString("\nThe examples use the directory that \"tailorbird demo --out demo\" makes.\n")
		}
		fmt.Fprintf(&b, "\nEXAMPLES\n  %s\n", strings.Join(ex[:], "\n  "))
	}
	fmt.Fprintf(&b, "\n%s", exitStatus)
	_, err := fmt.Fprint(ctx.Stdout, b.String())
	return err
}
