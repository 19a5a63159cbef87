package training

import (
	"bytes"
	"fmt"
	"io"

	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/zoo"
)

// export writes the network's weights under its published names, which are those of
// PyTorch's state dict, so that load_state_dict takes them.
func (t *Trainer) export(path string) (digest, error) {
	// "pt" is what readers of the format expect of weights for PyTorch. Nothing of the
	// run is here: equal weights are equal files.
	metadata := map[string]string{"format": "pt", "model": t.c.Model.Name}
	return publish(path, "", func(w io.Writer) error { return nn.SaveState(w, t.net, metadata) })
}

// card is the model card: what the weights are, how they were made, what they
// reach, and how to load them. It holds no times, so that a run that was killed
// leaves the same one.
func (t *Trainer) card(r *Result) []byte {
	var b bytes.Buffer
	name := t.c.Model.Name
	fmt.Fprintf(&b, "---\nlibrary_name: tailorbird\npipeline_tag: image-classification\ntags:\n- image-classification\n- tailorbird\n---\n\n")
	fmt.Fprintf(&b, "# %s, trained with %s\n\n", name, t.c.Method.Name)
	fmt.Fprintf(&b, "%d parameters, %d classes, %d epochs of %d images, %d steps of %d, seed %d.\n\n",
		nn.CountParams(t.net), t.run.Classes, r.Epochs, t.run.Samples, r.Steps, t.c.Batch, t.c.Seed)
	if ev := r.Eval; ev != nil {
		fmt.Fprintf(&b, "## Results\n\n| split | images | top-1 | top-5 | loss | calibration error |\n|---|---|---|---|---|---|\n")
		fmt.Fprintf(&b, "| %s | %d | %.4f | %.4f | %.4f | %.4f |\n\n", t.c.EvalName, ev.Samples, ev.Top1, ev.Top5, ev.Loss, ev.ECE)
	}
	fmt.Fprintf(&b, "## Loading\n\n```python\nfrom safetensors.torch import load_file\n%s\nmodel.load_state_dict(load_file(%q))\n```\n\n", t.pythonModel(), finalFile)
	fmt.Fprintf(&b, "SHA-256 of %s: %s\n\n", finalFile, r.FinalSHA256)
	fmt.Fprintf(&b, "## Settings\n\n```yaml\n%s```\n", t.config)
	return b.Bytes()
}

// pythonModel is the Python that makes the network, where a library has it as it
// was trained; elsewhere the reader brings a definition of the published names.
func (t *Trainer) pythonModel() string {
	entry, err := zoo.Lookup(t.c.Model.Name)
	if err != nil || len(t.c.Model.Options) > 0 {
		return ""
	}
	switch entry.Source {
	case "torchvision":
		return fmt.Sprintf("import torchvision\n\nmodel = torchvision.models.%s(num_classes=%d)", entry.Name, t.run.Classes)
	case "timm":
		return fmt.Sprintf("import timm\n\nmodel = timm.create_model(%q, num_classes=%d)", entry.Name, t.run.Classes)
	}
	return ""
}
