package served

import (
	"bufio"
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/raster"
	"github.com/tailorbird/tailorbird/methods/addsd"
)

// serveScript starts examples/serve_pix2pix.py and returns its address.
func serveScript(t *testing.T, args ...string) string {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err == nil {
		err = exec.Command(python, "-c", "import sys; sys.exit(sys.version_info < (3, 8))").Run()
	}
	if err != nil {
		t.Skip("no python3 of 3.8 or later: ", err)
	}
	script := filepath.Join("..", "..", "..", "examples", "serve_pix2pix.py")
	cmd := exec.CommandContext(t.Context(), python, append([]string{script, "--fake", "--port", "0"}, args...)...)
	var errors bytes.Buffer
	cmd.Stderr = &errors
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if err != nil || !ok {
		t.Fatalf("%v: the script says %q and %s", err, line, errors.String())
	}
	return url
}

func TestTheScriptSpeaksTheProtocol(t *testing.T) {
	t.Setenv("SERVED_TEST_TOKEN", "sesame")
	url := serveScript(t, "--token-env", "SERVED_TEST_TOKEN")
	g, err := Open(t.Context(), Options{URL: url, Geometry: NoGeometry, Header: "Authorization: Bearer ${SERVED_TEST_TOKEN}"})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if id := g.Identity(); id.Name != "disc" || id.Version != "1" || !g.Deterministic() || g.Batch() != 4 {
		t.Errorf("%+v", g.Info())
	}
	reqs := requests(6)
	for i := range reqs {
		reqs[i] = sized(i, 96, 64)
	}
	reqs[2].Instruction = "add a forbidden thing"
	reqs[5].Seed = 1<<64 - 1
	noisy(reqs[4].Base.Image) // all filters of PNG
	made, again := generate(t, g, reqs), generate(t, g, reqs)
	for i, m := range made {
		if i == 2 {
			if r := addsd.RejectionOf(m.Err); r == nil || r.Reason != addsd.Refused || !strings.Contains(r.Message, "safety checker") {
				t.Errorf("%v", m.Err)
			}
			continue
		}
		if m.Err != nil {
			t.Fatal(i, m.Err)
		}
		changed := 0
		for k := range m.Image.Pix {
			if m.Image.Pix[k] != reqs[i].Base.Image.Pix[k] {
				changed++
			}
		}
		// A disc of radius 10 has some 300 pixels.
		if changed < 400 || changed > 960 {
			t.Errorf("sample %d: %d samples changed", i, changed)
		}
		if !bytes.Equal(m.Image.Pix, again[i].Image.Pix) {
			t.Errorf("sample %d: other bytes the second time", i)
		}
	}
}

// noisy changes each quarter of m so that another filter packs it best.
func noisy(m *raster.RGB) {
	copy(m.Pix, scenery(m.Width, m.Height, 99).Pix)
	for i := range m.Pix {
		switch y := i / 3 / m.Width; 4 * y / m.Height {
		case 0:
			m.Pix[i] = byte(y * 40)
		case 1:
			m.Pix[i] = byte(i / 3 % m.Width * 7)
		case 2:
			m.Pix[i] = byte(i*i>>3 ^ i)
		}
	}
}

func TestTheScriptWantsItsToken(t *testing.T) {
	t.Setenv("SERVED_TEST_TOKEN", "sesame")
	url := serveScript(t, "--token-env", "SERVED_TEST_TOKEN")
	g, err := Open(t.Context(), Options{URL: url, Geometry: NoGeometry, Header: "Authorization: Bearer other"})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if _, err := g.Generate(t.Context(), requests(1)); fault.CodeOf(err) != fault.Usage {
		t.Errorf("%v", err)
	}
}
