package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"github.com/tailorbird/tailorbird/kernels/cpu"
	"github.com/tailorbird/tailorbird/kernels/jpeg"
	"github.com/tailorbird/tailorbird/kernels/resize"
	"github.com/tailorbird/tailorbird/runners"
)

// doctorCmd is `tailorbird doctor`.
type doctorCmd struct {
	JSON bool `help:"Print one JSON object."`
}

// kernelForm is one hot loop and the form of it that serves here.
type kernelForm struct{ name, doc, form string }

func kernelForms() []kernelForm {
	codec := "our own, " + jpeg.Form()
	if path, detail := jpeg.Library(); path != "" {
		codec = fmt.Sprintf("libturbojpeg (%s, API %s)", path, detail)
	}
	return []kernelForm{
		{"jpeg", "decode to planes or RGB, encode", codec},
		{"resize", "Pillow's antialiased resampling of 8-bit planes and RGB", resize.Form()},
		{"rle", "COCO run-length masks", "portable"},
		{"engine", "tensors, networks and their gradients on the CPU", cpu.Form()},
	}
}

// finding is one line of the doctor's.
type finding struct {
	What  string `json:"what"`
	State string `json:"state"` // used, found, absent or off
	Text  string `json:"text"`
}

func (c *doctorCmd) Run(e *environment) error {
	e.json = c.JSON
	list := findings()
	if c.JSON {
		return e.print(map[string]any{"ok": true, "codec": jpeg.Codec(), "cores": runtime.NumCPU(), "go": runtime.Version(), "findings": list})
	}
	for _, f := range list {
		e.printf("%-12s %-7s %s\n", f.What, f.State, f.Text)
	}
	return nil
}

func findings() []finding {
	out := []finding{
		{"machine", "used", fmt.Sprintf("%s/%s, %d cores, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())},
		turboFinding(),
		{"codec", "used", jpeg.Codec() + " (part of a dataset's identity)"},
		{"resize", "used", resize.Form()},
		{"engine", "used", fmt.Sprintf("%s, %d workers; no BLAS is loaded", cpu.Form(), runtime.GOMAXPROCS(0))},
		device("gpu", "/dev/nvidia0", "nothing here uses a GPU yet"),
		program("java", "-version", "for a Flink cluster of your own"),
		program("flink", "--version", "for a Flink cluster of your own"),
		program("python3", "--version", "for tests/interop only"),
	}
	return append(out, finding{"runners", "used", strings.Join(runners.Names(), ", ") + " (direct and prism run in this process)"})
}

func turboFinding() finding {
	path, detail := jpeg.Library()
	switch {
	case path != "":
		return finding{"libturbojpeg", "used", path + ", API " + detail}
	case os.Getenv("TAILORBIRD_NATIVE") == "off":
		return finding{"libturbojpeg", "off", "TAILORBIRD_NATIVE=off; our own codec serves"}
	}
	return finding{"libturbojpeg", "absent", detail + "; our own codec serves, with the same bits"}
}

func device(what, path, text string) finding {
	if _, err := os.Stat(path); err != nil {
		return finding{what, "absent", text}
	}
	return finding{what, "found", path + "; " + text}
}

func program(name, flag, use string) finding {
	path, err := exec.LookPath(name)
	if err != nil {
		return finding{name, "absent", use}
	}
	text, err := exec.Command(path, flag).CombinedOutput()
	if err != nil {
		return finding{name, "found", path + "; " + use}
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	return finding{name, "found", line + "; " + use}
}
