package zoo

import (
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// The definitions that the published networks follow.
const (
	torchvision = "torchvision"
	timm        = "timm"
	ctkd        = "specs/ctkd.md section 8"
	teskd       = "specs/teskd.md section 3"
	teskdCost   = "specs/teskd.md section 4"
	recursive   = "specs/recursivemix.md section 4"
	dynamic     = "specs/dynamic_mlp.md section 3.5"
)

// row is an Entry of a convolutional network in short.
type row struct {
	name   string
	params int
	macs   int64
	counts string // "": Derived
	build  func(o Options) (*Network, error)
}

// registerRows adds networks of one definition, number of classes and image size.
func registerRows(source string, classes, size int, rows []row) {
	for _, r := range rows {
		if r.counts == "" {
			r.counts = Derived
		}
		register(Entry{
			Name: r.name, Source: source, Classes: classes, Input: [3]int{3, size, size},
			Params: r.params, MACs: r.macs, Counts: r.counts, Build: r.layer,
		})
	}
}

// layer is build for a registry of layers.
func (r row) layer(o Options) (nn.Layer, error) {
	if o.DropPath != 0 {
		return nil, fault.New(fault.Usage, "zoo: the network has no stochastic depth")
	}
	net, err := r.build(o)
	if err != nil {
		return nil, err
	}
	return net, nil
}

// oneInit refuses the options that change the initial values.
func oneInit(build func(classes int) (*Network, error)) func(o Options) (*Network, error) {
	return func(o Options) (*Network, error) {
		if o.ZeroInit || o.DefaultInit {
			return nil, errOneInit()
		}
		return build(o.Classes)
	}
}

func errOneInit() error {
	return fault.New(fault.Usage, "zoo: the network has one distribution of initial values")
}
