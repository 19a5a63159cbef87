package nn

import (
	"archive/zip"
	"encoding/binary"
	"path"
	"strings"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/pickle"
	"github.com/tailorbird/tailorbird/internal/safetensors"
)

// readZip reads the form of PyTorch 1.6 and later: entries data.pkl, byteorder,
// version and data/KEY in one folder, none compressed.
func (f *TorchFile) readZip(size int64) error {
	z, err := zip.NewReader(f.src, size)
	if err != nil {
		return fault.New(fault.Corrupt, "torch: %w", err)
	}
	entries, folder := map[string]*zip.File{}, ""
	for _, e := range z.File {
		if e.Method != zip.Store || e.CompressedSize64 != e.UncompressedSize64 {
			return fault.New(fault.Unsupported, "torch: entry %q is compressed", e.Name)
		}
		if entries[e.Name] != nil {
			return fault.New(fault.Conflict, "torch: two entries %q", e.Name)
		}
		entries[e.Name] = e
		if path.Base(e.Name) == "data.pkl" {
			if folder != "" {
				return fault.New(fault.Conflict, "torch: two pickles, %q and %q", folder+"data.pkl", e.Name)
			}
			folder = strings.TrimSuffix(e.Name, "data.pkl")
		}
	}
	if order := entries[folder+"byteorder"]; order != nil {
		if text, err := f.entry(order, size, 16); err != nil {
			return err
		} else if string(text) != "little" {
			return fault.New(fault.Unsupported, "torch: byte order %q, only little is read", text)
		}
	}
	doc, err := f.document(entries[folder+"data.pkl"], size)
	if err != nil {
		return err
	}
	w := &torchWalk{f: f, storage: func(key string, d safetensors.Dtype, elements int64) (storage, error) {
		e := entries[folder+"data/"+key]
		if e == nil {
			return storage{}, fault.New(fault.Corrupt, "torch: no storage %q", key)
		}
		s, err := locate(e, size)
		if want := elements * int64(d.Size()); err == nil && s.size < want {
			err = fault.New(fault.Corrupt, "torch: storage %s has %d bytes, want %d elements of %s", key, s.size, elements, d)
		}
		s.size = elements * int64(d.Size())
		return s, err
	}}
	return w.walk("", doc.Root())
}

// locate returns where an entry's bytes lie, which is within the file.
func locate(e *zip.File, size int64) (storage, error) {
	at, err := e.DataOffset()
	if err != nil {
		return storage{}, fault.New(fault.Corrupt, "torch: entry %q: %w", e.Name, err)
	}
	if at < 0 || at > size || e.UncompressedSize64 > uint64(size-at) {
		return storage{}, fault.New(fault.Corrupt, "torch: entry %q: %d bytes at %d of a file of %d", e.Name, e.UncompressedSize64, at, size)
	}
	return storage{at, int64(e.UncompressedSize64)}, nil
}

func (f *TorchFile) entry(e *zip.File, size int64, limit int64) ([]byte, error) {
	s, err := locate(e, size)
	if err != nil {
		return nil, err
	}
	if s.size > limit {
		return nil, fault.New(fault.TooLarge, "torch: entry %q of %d bytes, at most %d are read", e.Name, s.size, limit)
	}
	b := make([]byte, s.size)
	if n, err := f.src.ReadAt(b, s.at); n < len(b) {
		return nil, fault.New(fault.Corrupt, "torch: entry %q: %w", e.Name, err)
	}
	return b, nil
}

func (f *TorchFile) document(e *zip.File, size int64) (*pickle.Document, error) {
	if e == nil {
		return nil, fault.New(fault.Corrupt, "torch: a zip file without data.pkl")
	}
	text, err := f.entry(e, size, maxTorchPickle)
	if err != nil {
		return nil, err
	}
	doc, err := pickle.Parse(text, pickle.Options{Global: allowTorch})
	if err != nil {
		return nil, fault.At(err, fault.Place{Key: e.Name})
	}
	return doc, nil
}

// legacyMagic is the pickle of the number that older files begin with. It has 77
// bits, so it is known by its bytes.
var legacyMagic = []byte("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e")

// readLegacy reads the older form: pickles of the magic number, of the version, of
// the machine, of the object and of the list of storages, and then the storages, each
// a count of elements in 64 bits and its data.
func (f *TorchFile) readLegacy(size int64) error {
	head := make([]byte, min(size, maxTorchPickle))
	if n, err := f.src.ReadAt(head, 0); n < len(head) {
		return fault.New(fault.Corrupt, "torch: %w", err)
	}
	at := len(legacyMagic)
	next := func() (*pickle.Document, error) {
		doc, n, err := pickle.ParseFirst(head[at:], pickle.Options{Global: allowTorch})
		if err != nil {
			return nil, fault.At(err, fault.Offset("", int64(at)+fault.PlaceOf(err).Offset))
		}
		at += n
		return doc, nil
	}
	var docs [4]*pickle.Document
	for i := range docs {
		doc, err := next()
		if err != nil {
			return err
		}
		docs[i] = doc
	}
	if v, err := docs[0].Root().Int(); err != nil || v != 1001 {
		return fault.New(fault.Unsupported, "torch: version %d of the older form, want 1001", v)
	}
	if little, ok := docs[1].Root().Lookup("little_endian"); !ok {
		return fault.New(fault.Corrupt, "torch: the byte order is not said")
	} else if yes, err := little.Bool(); err != nil || !yes {
		return fault.New(fault.Unsupported, "torch: byte order is not little")
	}
	sizes := map[string]int64{} // of the elements, by key
	measure := &torchWalk{f: &TorchFile{tensors: map[string]torchTensor{}}, storage: func(key string, d safetensors.Dtype, elements int64) (storage, error) {
		if other, ok := sizes[key]; ok && other != int64(d.Size()) {
			return storage{}, fault.New(fault.Unsupported, "torch: storage %s has elements of %d and of %d bytes", key, other, d.Size())
		}
		sizes[key] = int64(d.Size())
		return storage{0, elements * int64(d.Size())}, nil
	}}
	if err := measure.walk("", docs[2].Root()); err != nil {
		return err
	}
	found, err := f.legacyStorages(docs[3].Root(), sizes, int64(at), size)
	if err != nil {
		return err
	}
	w := &torchWalk{f: f, storage: func(key string, d safetensors.Dtype, elements int64) (storage, error) {
		s, ok := found[key]
		if !ok || s.size < elements*int64(d.Size()) {
			return storage{}, fault.New(fault.Corrupt, "torch: storage %s has %d bytes, want %d elements of %s", key, s.size, elements, d)
		}
		return s, nil
	}}
	return w.walk("", docs[2].Root())
}

// legacyStorages finds the storages, which follow one another in the order of keys.
func (f *TorchFile) legacyStorages(keys pickle.Value, elem map[string]int64, at, size int64) (map[string]storage, error) {
	if keys.Kind() != pickle.List {
		return nil, keys.Want(pickle.List)
	}
	out := map[string]storage{}
	for i := range keys.Len() {
		key, err := keys.Index(i).Text()
		if err != nil {
			return nil, err
		}
		e, ok := elem[key]
		if !ok {
			return nil, fault.New(fault.Unsupported, "torch: storage %s belongs to no tensor", key)
		}
		var count [8]byte
		if n, err := f.src.ReadAt(count[:], at); n < len(count) {
			return nil, fault.At(fault.New(fault.Corrupt, "torch: storage %s: %w", key, err), fault.Offset("", at))
		}
		at += 8
		n := int64(binary.LittleEndian.Uint64(count[:]))
		if n < 0 || n > (size-at)/e {
			return nil, fault.At(fault.New(fault.Corrupt, "torch: storage %s of %d elements, the file has %d bytes left", key, n, size-at), fault.Offset("", at-8))
		}
		out[key] = storage{at, n * e}
		at += n * e
	}
	return out, nil
}
