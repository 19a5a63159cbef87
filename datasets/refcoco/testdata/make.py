"""Makes the refs files of this folder from refs.json: python3 make.py.

Python 2 wrote the published files; what it would have written is written here by
Python's own pickler with strings as Python 2's opcodes.
"""
import json
import os
import pickle
import struct


class Python2Pickler(pickle._Pickler):
    """Strings as STRING, SHORT_BINSTRING or BINSTRING, dictionaries as they come."""

    dispatch = pickle._Pickler.dispatch.copy()

    def save_str(self, s):
        b = s.encode()
        if not self.bin:
            self.write(b"S" + repr(b)[1:].encode() + b"\n")
        elif len(b) < 256:
            self.write(b"U" + bytes([len(b)]) + b)
        else:
            self.write(b"T" + struct.pack("<i", len(b)) + b)
        self.memoize(s)

    dispatch[str] = save_str


def write(name, refs, protocol, pickler):
    os.makedirs(os.path.dirname(name), exist_ok=True)
    with open(name, "wb") as f:
        pickler(f, protocol).dump(refs)


def split(refs, rule):
    return [dict(r, split=rule(r)) for r in refs]


with open("refs.json", encoding="utf-8") as f:
    unc = json.load(f)
umd = split(unc, lambda r: {"testA": "test", "testB": "test"}.get(r["split"], r["split"]))
google = split(unc, lambda r: "val" if r["ref_id"] % 3 == 0 else "train")  # by object
write("refcoco/refs(unc).p", unc, 0, Python2Pickler)
write("refcoco+/refs(unc).p", unc, 2, Python2Pickler)
write("refcocog/refs(umd).p", umd, 4, pickle._Pickler)
write("refcocog/refs(google).p", google, 2, Python2Pickler)
