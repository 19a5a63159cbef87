// Package shardio is what the shard formats share: the text of a record, the
// rules for keys, and reading ahead through ranged reads.
//
// A record is the JSON form of a datasets.Example without its image: the KEY.json
// of a WebDataset sample. The other formats carry the same text, so that each of
// them gives back the whole example.
//
//	var enc shardio.Encoder
//	text, err := enc.Encode(ex)      // valid until the next Encode
//	ex, err := shardio.Decode(text)
//
// Guarantees: the same example gives the same text. Decode accepts any bytes and
// answers with a fault; what it allocates is in proportion to them. A Window
// checks a range against the size of the object before it allocates.
//
// Caveats: an Encoder, an Order and a Window belong to one goroutine.
package shardio
