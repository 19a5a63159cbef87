package main

import (
	"fmt"
	"runtime/debug"
)

// versionCmd is `tailorbird version`.
type versionCmd struct {
	JSON bool `help:"Print one JSON object."`
}

func (c *versionCmd) Run(e *environment) error {
	e.json = c.JSON
	version, revision := "devel", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = s.Value
			}
		}
	}
	if c.JSON {
		return e.print(map[string]any{"ok": true, "version": version, "revision": revision})
	}
	_, err := fmt.Fprintf(e.out, "tailorbird %s %s\n", version, revision)
	return err
}
