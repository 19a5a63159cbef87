package nn

import (
	"strconv"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/pickle"
	"github.com/tailorbird/tailorbird/internal/safetensors"
)

// storageTypes are the classes of storages that hold data, and their elements.
var storageTypes = map[string]safetensors.Dtype{
	"DoubleStorage": safetensors.F64, "FloatStorage": safetensors.F32, "HalfStorage": safetensors.F16, "BFloat16Storage": safetensors.BF16,
	"LongStorage": safetensors.I64, "IntStorage": safetensors.I32, "ShortStorage": safetensors.I16, "CharStorage": safetensors.I8,
	"ByteStorage": safetensors.U8, "BoolStorage": safetensors.Bool,
}

// inert are the other names that a file may hold: constructors of containers, and
// what trainers keep beside the tensors. They are not called; what they would make
// is passed over, but for OrderedDict.
var inert = map[string]bool{
	"collections.OrderedDict": true, "collections.defaultdict": true, "argparse.Namespace": true,
	"torch.Size": true, "torch.device": true,
	"torch._utils._rebuild_tensor": true, "torch._utils._rebuild_tensor_v2": true,
	"torch._utils._rebuild_parameter": true, "torch._utils._rebuild_parameter_with_state": true,
	"numpy.dtype": true, "numpy.ndarray": true, "_codecs.encode": true,
	"numpy.core.multiarray.scalar": true, "numpy._core.multiarray.scalar": true,
	"numpy.core.multiarray._reconstruct": true, "numpy._core.multiarray._reconstruct": true,
}

func allowTorch(module, name string) bool {
	_, ok := storageTypes[name]
	return ok && module == "torch" || inert[module+"."+name]
}

// torchWalk searches a pickle for its tensors. The walk ends: pickle.Parse has bounded
// depth and size.
type torchWalk struct {
	f       *TorchFile
	storage func(key string, d safetensors.Dtype, elements int64) (storage, error)
}

// walk finds the tensors in v, which lies under name.
func (w *torchWalk) walk(name string, v pickle.Value) error {
	switch v.Kind() {
	case pickle.Dict:
		return w.entries(name, v)
	case pickle.List, pickle.Tuple:
		for i := range v.Len() {
			if err := w.walk(join(name, strconv.Itoa(i)), v.Index(i)); err != nil {
				return err
			}
		}
	case pickle.Call:
		return w.call(name, v)
	}
	return nil
}

func (w *torchWalk) entries(name string, v pickle.Value) error {
	for i := range v.Len() {
		key, value := v.Entry(i)
		var part string
		switch key.Kind() {
		case pickle.String, pickle.Bytes:
			part, _ = key.Text()
		case pickle.Int:
			n, _ := key.Int()
			part = strconv.FormatInt(n, 10)
		default: // the state that BUILD set, such as OrderedDict's _metadata
			continue
		}
		if err := w.walk(join(name, part), value); err != nil {
			return err
		}
	}
	return nil
}

func join(name, part string) string {
	if name == "" {
		return part
	}
	return name + "." + part
}

// call takes a dict's entries, or a tensor.
func (w *torchWalk) call(name string, v pickle.Value) error {
	callee, args, _ := v.Call()
	module, class, _ := callee.Global()
	switch module + "." + class {
	case "collections.OrderedDict":
		if args.Len() > 0 && args.Index(0).Kind() == pickle.List { // of pairs, as Python 2 writes it
			return w.pairs(name, args.Index(0))
		}
		return w.entries(name, v)
	case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state":
		if args.Len() < 1 {
			return corruptTorch(v, "parameter %q without a tensor", name)
		}
		return w.walk(name, args.Index(0))
	case "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2":
		return w.tensor(name, v, args)
	}
	return nil
}

func (w *torchWalk) pairs(name string, list pickle.Value) error {
	for i := range list.Len() {
		p := list.Index(i)
		if k := p.Kind(); k != pickle.List && k != pickle.Tuple || p.Len() != 2 {
			return corruptTorch(p, "an item of an ordered dict is no pair")
		}
		key, err := p.Index(0).Text()
		if err != nil {
			return err
		}
		if err := w.walk(join(name, key), p.Index(1)); err != nil {
			return err
		}
	}
	return nil
}

func corruptTorch(v pickle.Value, format string, args ...any) error {
	return fault.At(fault.New(fault.Corrupt, "torch: "+format, args...), fault.Offset("", v.Offset()))
}

// tensor takes the arguments of torch._utils._rebuild_tensor_v2: storage, offset,
// size, strides, and what does not matter here.
func (w *torchWalk) tensor(name string, v, args pickle.Value) error {
	if args.Len() < 4 {
		return corruptTorch(v, "tensor %q of %d arguments", name, args.Len())
	}
	key, d, elements, err := storageID(args.Index(0))
	if err != nil {
		return err
	}
	s, err := w.storage(key, d, elements)
	if err != nil {
		return fault.At(err, fault.Place{Key: name})
	}
	t := torchTensor{}
	if t.offset, err = args.Index(1).Int(); err != nil {
		return err
	}
	sizes, err := integers(args.Index(2))
	if err != nil {
		return err
	}
	if t.strides, err = integers(args.Index(3)); err != nil {
		return err
	}
	if len(sizes) != len(t.strides) || len(sizes) > 16 || t.offset < 0 {
		return corruptTorch(v, "tensor %q of size %v, strides %v at %d", name, sizes, t.strides, t.offset)
	}
	n := int64(1)
	t.info = safetensors.Info{Name: name, Dtype: d, Offset: s.at, Shape: make([]int, len(sizes))}
	for i, size := range sizes {
		t.info.Shape[i] = int(size)
	}
	if err := t.check(name, s); err != nil {
		return fault.At(err, fault.Offset("", v.Offset()))
	}
	for _, size := range sizes {
		n *= size // within the storage, or zero
	}
	t.info.Size = n * int64(d.Size())
	if _, ok := w.f.tensors[name]; ok {
		return fault.New(fault.Conflict, "torch: two tensors named %q", name)
	}
	w.f.tensors[name] = t
	w.f.names = append(w.f.names, name)
	return nil
}

// storageID reads a persistent id: ("storage", class, key, location, elements) and,
// in the older form, a view of another storage, which must be none.
func storageID(v pickle.Value) (key string, d safetensors.Dtype, elements int64, err error) {
	if v.Kind() != pickle.Persistent {
		return "", "", 0, corruptTorch(v, "a %v for a storage", v.Kind())
	}
	id := v.Index(0)
	if id.Kind() != pickle.Tuple || id.Len() < 5 {
		return "", "", 0, corruptTorch(v, "a storage's id is no tuple of five")
	}
	if tag, err := id.Index(0).Text(); err != nil || tag != "storage" {
		return "", "", 0, corruptTorch(v, "an id of %q, want a storage's", tag)
	}
	_, class, _ := id.Index(1).Global()
	d, ok := storageTypes[class]
	if !ok {
		return "", "", 0, corruptTorch(v, "a storage of class %q", class)
	}
	if key, err = id.Index(2).Text(); err != nil {
		return "", "", 0, err
	}
	if elements, err = id.Index(4).Int(); err != nil {
		return "", "", 0, err
	}
	if elements < 0 || elements > 1<<48 {
		return "", "", 0, corruptTorch(v, "a storage of %d elements", elements)
	}
	if id.Len() > 5 && id.Index(5).Kind() != pickle.None {
		return "", "", 0, fault.New(fault.Unsupported, "torch: storage %s is a view of another one", key)
	}
	return key, d, elements, nil
}

// integers reads a tuple of sizes or strides, or a torch.Size of one.
func integers(v pickle.Value) ([]int64, error) {
	if _, args, ok := v.Call(); ok && args.Len() == 1 {
		v = args.Index(0)
	}
	if v.Kind() != pickle.Tuple {
		return nil, v.Want(pickle.Tuple)
	}
	out := make([]int64, v.Len())
	for i := range out {
		n, err := v.Index(i).Int()
		if err != nil {
			return nil, err
		}
		if n < 0 {
			return nil, corruptTorch(v, "a size or stride of %d", n)
		}
		out[i] = n
	}
	return out, nil
}
