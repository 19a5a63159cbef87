package tfevents

import (
	"encoding/binary"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Field numbers of event.proto, summary.proto, tensor.proto, tensor_shape.proto and
// types.proto of TensorFlow.
const (
	eventWall, eventStep, eventVersion, eventSummary = 1, 2, 3, 5
	summaryValue                                     = 1
	valueTag, valueSimple, valueTensor               = 1, 2, 8
	valueMetadata                                    = 9
	metadataPlugin, metadataClass                    = 1, 4
	pluginName                                       = 1
	tensorType, tensorShape, tensorStrings           = 1, 2, 8
	shapeDim, dimSize                                = 2, 1

	classTensor = 2 // DATA_CLASS_TENSOR
	typeString  = 7 // DT_STRING
)

// Wire types of protocol buffers.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

func appendBytes[T string | []byte](b []byte, field int, data T) []byte {
	b = binary.AppendUvarint(b, uint64(field)<<3|wireBytes)
	b = binary.AppendUvarint(b, uint64(len(data)))
	return append(b, data...)
}

func appendVarint(b []byte, field int, x uint64) []byte {
	b = binary.AppendUvarint(b, uint64(field)<<3|wireVarint)
	return binary.AppendUvarint(b, x)
}

// field is one field of a message: number holds varints and fixed words, data what
// has a length.
type field struct {
	id     int
	wire   int
	number uint64
	data   []byte
}

// fields calls f with each field of a message.
func fields(msg []byte, f func(field) error) error {
	for len(msg) > 0 {
		key, n := binary.Uvarint(msg)
		if n <= 0 || key>>3 == 0 || key>>3 > 1<<29 {
			return fault.New(fault.Corrupt, "event: no field begins here")
		}
		msg = msg[n:]
		x := field{id: int(key >> 3), wire: int(key & 7)}
		size, ok := 0, true
		switch x.wire {
		case wireVarint:
			x.number, size = binary.Uvarint(msg)
			ok = size > 0
		case wireFixed64:
			if size, ok = 8, len(msg) >= 8; ok {
				x.number = binary.LittleEndian.Uint64(msg)
			}
		case wireFixed32:
			if size, ok = 4, len(msg) >= 4; ok {
				x.number = uint64(binary.LittleEndian.Uint32(msg))
			}
		case wireBytes:
			length, n := binary.Uvarint(msg)
			if ok = n > 0 && length <= uint64(len(msg)-n); ok {
				x.data, size = msg[n:n+int(length)], n+int(length)
			}
		default:
			return fault.New(fault.Corrupt, "event: field %d has wire type %d", x.id, x.wire)
		}
		if !ok {
			return fault.New(fault.Corrupt, "event: field %d is cut off", x.id)
		}
		msg = msg[size:]
		if err := f(x); err != nil {
			return err
		}
	}
	return nil
}
