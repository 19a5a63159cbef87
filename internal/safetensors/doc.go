// Package safetensors reads and writes the safetensors format of named arrays:
// an eight-byte little-endian header length, a JSON header, then raw
// little-endian data (https://github.com/huggingface/safetensors, "Format").
//
//	f, err := safetensors.Open(path)
//	defer f.Close()
//	w, shape, err := f.Float32("visual.proj")
//
// OpenMapped maps the file instead of reading it, and OpenIndex opens the shards of
// a model.safetensors.index.json as one.
//
// Guarantees: Read touches the header only and refuses, with a typed fault,
// a header over 100 MB or longer than the file, a name given twice, an unknown
// dtype, a shape that disagrees with its byte range, overlapping ranges and
// holes. Nothing is allocated before its size was compared with the file's.
// Write gives the same bytes for the same tensors in any order.
//
// Caveats: F8 and sub-byte types are refused as unsupported. Float32 widens
// F16 and BF16 and refuses F64, which it would have to round; ReadFloat32 rounds it.
package safetensors
