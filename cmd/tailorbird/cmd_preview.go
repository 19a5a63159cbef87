package main

import (
	"github.com/tailorbird/tailorbird/datasets/preview"
)

// previewCmd is `tailorbird preview`.
type previewCmd struct {
	Dir  string `arg:"" help:"A built dataset." placeholder:"DIR"`
	Addr string `help:"Loopback address to serve on; port 0 takes a free one." default:"127.0.0.1:0" placeholder:"HOST:PORT"`
	JSON bool   `help:"Print one JSON object when the server is up."`
}

func (c *previewCmd) Run(e *environment) error {
	e.json = c.JSON
	h, err := preview.New(e.ctx, c.Dir, preview.Options{})
	if err != nil {
		return err
	}
	defer h.Close()
	return preview.Serve(e.ctx, c.Addr, h, func(url string) {
		if c.JSON {
			_ = e.print(map[string]any{"ok": true, "url": url})
			return
		}
		e.printf("%s is at %s; Ctrl-C ends it\n", c.Dir, url)
	})
}
