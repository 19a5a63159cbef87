"""A TFRecord and tf.Example reader from the specification, without TensorFlow."""

import struct


def _table():
    table = []
    for n in range(256):
        for _ in range(8):
            n = (n >> 1) ^ (0x82F63B78 if n & 1 else 0)
        table.append(n)
    return table


_CRC = _table()


def masked_crc32c(data):
    crc = 0xFFFFFFFF
    for b in data:
        crc = _CRC[(crc ^ b) & 255] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def records(path, verify_data=True):
    """Yields the data of each record; a wrong checksum raises ValueError."""
    with open(path, "rb") as f:
        while head := f.read(12):
            length, crc = struct.unpack("<QI", head)
            if crc != masked_crc32c(head[:8]):
                raise ValueError(f"{path}: checksum of a length")
            data = f.read(length)
            (crc,) = struct.unpack("<I", f.read(4))
            if verify_data and crc != masked_crc32c(data):
                raise ValueError(f"{path}: checksum of the data")
            yield data


def _varint(b, i):
    value = shift = 0
    while True:
        value |= (b[i] & 127) << shift
        shift += 7
        i += 1
        if b[i - 1] < 128:
            return value, i


def _fields(b):
    i = 0
    while i < len(b):
        tag, i = _varint(b, i)
        if tag & 7 == 0:
            value, i = _varint(b, i)
        elif tag & 7 == 2:
            n, i = _varint(b, i)
            value, i = b[i : i + n], i + n
        else:
            raise ValueError(f"wire type {tag & 7}")
        yield tag >> 3, value


def _signed(v):
    return v - (1 << 64) if v >> 63 else v


def _list(kind, b):
    values = []
    for _, body in _fields(b):
        if kind == 1:
            values.append(bytes(body))
        elif kind == 2:
            values.extend(struct.unpack(f"<{len(body) // 4}f", body))
        else:
            i = 0
            while i < len(body):
                v, i = _varint(body, i)
                values.append(_signed(v))
    return values


def example(data):
    """Returns {name: list of bytes, floats or ints} of a serialized tf.Example."""
    out = {}
    for _, features in _fields(memoryview(data)):
        for _, entry in _fields(features):
            parts = dict(_fields(entry))
            for kind, body in _fields(parts[2]):
                out[bytes(parts[1]).decode()] = _list(kind, body)
    return out
