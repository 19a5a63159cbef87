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

// examples are three commands a verb, to run as printed.
var examples = map[string][3]string{
	"": {"tailorbird demo", "tailorbird build recipe.yaml --out out/refcoco", "tailorbird verify out/refcoco"},
	"build": {"tailorbird build recipe.yaml",
		"tailorbird build recipe.yaml --out /tmp/lvis --workers 4 --memory 2GiB",
		"tailorbird build --dataset imagenet --images train --input synsets=LOC_synset_mapping.txt --transforms keep --out out/imagenet"},
	"demo":    {"tailorbird demo", "tailorbird demo --out /tmp/demo --workers 1", "tailorbird demo --seed 7 --json"},
	"verify":  {"tailorbird verify out/refcoco", "tailorbird verify out/imagenet --fraction 0.1", "tailorbird verify /data/others-webdataset --json"},
	"preview": {"tailorbird preview out/refcoco", "tailorbird preview out/lvis --addr 127.0.0.1:8080", "tailorbird preview out/lvis --json"},
	"list":    {"tailorbird list datasets", "tailorbird list transforms", "tailorbird list formats --json"},
	"doctor":  {"tailorbird doctor", "tailorbird doctor --json", "TAILORBIRD_NATIVE=off tailorbird doctor"},
	"bench":   {"tailorbird bench", "tailorbird bench prep build --images /data/imagenet/train --count 2000", "tailorbird bench jpeg_decode --workers 1 --json-lines"},
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
		fmt.Fprintf(&b, "\nEXAMPLES\n  %s\n", strings.Join(ex[:], "\n  "))
	}
	fmt.Fprintf(&b, "\n%s", exitStatus)
	_, err := fmt.Fprint(ctx.Stdout, b.String())
	return err
}
