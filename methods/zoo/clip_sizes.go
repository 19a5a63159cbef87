package zoo

import (
	"slices"
	"strings"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// CLIPSize is a published model and its number of trained values.
type CLIPSize struct {
	Name   string // of open_clip
	Config CLIPConfig
	Params int
	Counts string // the section of a spec that has Params, or Derived
}

// clipSizes are OpenAI's models: specs/fgvp.md section 5, and the paper's tables 19
// and 20 for the others.
var clipSizes = []CLIPSize{
	{"ViT-B-32", clipViT(32, 224, 768, 12, 512, 512), 151_277_313, "fgvp.md 5"},
	{"ViT-B-16", clipViT(16, 224, 768, 12, 512, 512), 149_620_737, "fgvp.md 5"},
	{"ViT-L-14", clipViT(14, 224, 1024, 24, 768, 768), 427_616_513, "fgvp.md 5"},
	{"ViT-L-14-336", clipViT(14, 336, 1024, 24, 768, 768), 427_944_193, "fgvp.md 5"},
	{"RN50", clipRN(224, 64, 1024, 512, 3, 4, 6, 3), 102_007_137, Derived},
	{"RN101", clipRN(224, 64, 512, 512, 3, 4, 23, 3), 119_688_033, Derived},
	{"RN50x4", clipRN(288, 80, 640, 640, 4, 6, 10, 6), 178_300_601, Derived},
	{"RN50x16", clipRN(384, 96, 768, 768, 6, 8, 18, 8), 290_979_217, "fgvp.md 5"},
	{"RN50x64", clipRN(448, 128, 1024, 1024, 3, 15, 36, 10), 623_258_305, Derived},
}

func clipViT(patch, image, width, layers, embed, text int) CLIPConfig {
	return CLIPConfig{
		Embed: embed, QuickGELU: true, Text: clipText(text),
		Vision: CLIPVision{ImageSize: image, PatchSize: patch, Width: width, Layers: layers, Heads: width / 64},
	}
}

func clipRN(image, width, embed, text int, blocks ...int) CLIPConfig {
	return CLIPConfig{
		Embed: embed, QuickGELU: true, Text: clipText(text),
		Vision: CLIPVision{ImageSize: image, Width: width, Blocks: blocks, Heads: width / 2},
	}
}

func clipText(width int) CLIPText {
	return CLIPText{Context: 77, Vocabulary: 49408, Width: width, Heads: width / 64, Layers: 12}
}

// CLIPSizes lists the published models.
func CLIPSizes() []CLIPSize { return slices.Clone(clipSizes) }

// PublishedCLIP returns the config of a published model under open_clip's or
// OpenAI's name for it: ViT-L-14-336 is ViT-L/14@336px. Case, separators and an
// ending "quickgelu" do not count.
func PublishedCLIP(name string) (CLIPConfig, error) {
	wanted := strings.NewReplacer("/", "", "@", "").Replace(plain(name))
	wanted = strings.TrimSuffix(strings.TrimSuffix(wanted, "quickgelu"), "px")
	known := make([]string, len(clipSizes))
	for i, s := range clipSizes {
		if plain(s.Name) == wanted {
			return s.Config, nil
		}
		known[i] = s.Name
	}
	return CLIPConfig{}, fault.New(fault.Usage, "zoo: no CLIP %q; there are %s", name, strings.Join(known, ", "))
}
