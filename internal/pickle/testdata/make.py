"""Makes the pickles of this folder: python3 make.py (any Python 3.8 or later).

NAME.json states the value of every NAME.pN.pkl. JSON has no tuples, sets, bytes,
and no dicts with other keys than strings, so these are written as
{"tuple": [..]}, {"set": [..]}, {"bytes": ".. in Latin-1"}, {"dict": [[k, v], ..]}.
A float is {"float": repr}.
"""
import json
import pickle
import struct

shared = "train"
objects = {
    "scalars": [None, True, False, 0, 1, -1, 255, 256, 65535, 65536, 2**31 - 1, -(2**31), 2**31, 2**63 - 1, -(2**63),
                0.0, 1.5, -2.25, 1e-300, 1e22, float("inf")],
    "strings": ["", "bowl on the left", "it's \"quoted\"", "back\\slash", "tab\tnew\nline", "na\u00efve caf\u00e9",
                "\u65e5\u672c", "\U0001f600", "x" * 300],
    "containers": [[], (), {}, (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), [[1, [2, [3]]]], {"a": 1, 2: "b", (3, 4): [5]}, list(range(1200))],
    "refs": [{"ref_id": i, "ann_id": 1719310 + i, "split": shared, "file_name": "COCO_train2014_000000581857_%d.jpg" % i,
              "sentences": [{"tokens": ["left", "bowl"], "raw": "Left bowl.", "sent": "left bowl", "sent_id": i}]} for i in range(3)],
    "shared": (lambda t: [t, t, {"k": t}])(["one", "list"]),
    "new": [{7}, frozenset([8]), set(), b"", b"caf\xc3\xa9", b"\xff\x00"],  # from protocol 4 on; bytes from 3 on
}


def plain(o):
    if isinstance(o, float):
        return {"float": repr(o)}
    if isinstance(o, bytes):
        return {"bytes": o.decode("latin-1")}
    if isinstance(o, list):
        return [plain(x) for x in o]
    if isinstance(o, tuple):
        return {"tuple": [plain(x) for x in o]}
    if isinstance(o, (set, frozenset)):
        return {"set": [plain(x) for x in o]}
    if isinstance(o, dict):
        return {"dict": [[plain(k), plain(v)] for k, v in o.items()]}
    return o


def expect(name, value):
    with open(name + ".json", "w", encoding="utf-8") as f:
        json.dump(plain(value), f, ensure_ascii=False)
        f.write("\n")


for name, value in objects.items():
    expect(name, value)
    for protocol in range(4 if name == "new" else 0, 6):
        with open("%s.p%d.pkl" % (name, protocol), "wb") as f:
            pickle.dump(value, f, protocol)

# What Python 2 writes and Python 3 cannot: strings that are bytes. Checked by
# reading them back with encoding="latin-1".
short = lambda b: b"U" + bytes([len(b)]) + b
long = lambda b: b"T" + struct.pack("<i", len(b)) + b
texts = [b"bowl", b"caf\xe9", "caf\u00e9".encode(), b"it's", b"a\\b\n\x00", b"y" * 300]
value = [t.decode("utf-8", errors="strict") if t != b"caf\xe9" else "caf\u00e9" for t in texts]
expect("py2", value)
repr2 = lambda b: repr(b)[1:].encode()
files = {
    0: b"(lp1\n" + b"".join(b"S" + repr2(t) + b"\np%d\na" % (i + 2) for i, t in enumerate(texts)) + b".",
    1: b"]q\x01(" + b"".join((short(t) if len(t) < 256 else long(t)) + b"q" + bytes([i + 2]) for i, t in enumerate(texts)) + b"e.",
    2: b"\x80\x02]q\x01(" + b"".join(long(t) + b"r" + struct.pack("<I", i + 2) for i, t in enumerate(texts)) + b"e.",
}
for protocol, data in files.items():
    got = pickle.loads(data, encoding="latin-1")
    assert got == [t.decode("latin-1") for t in texts], got
    with open("py2.p%d.pkl" % protocol, "wb") as f:
        f.write(data)

# What torch.save puts into data.pkl, without torch: a state dict of two tensors.
import collections
import sys
import types

torch = types.ModuleType("torch")
torch._utils = types.ModuleType("torch._utils")


def stands_for(module, name):
    def f(*args):
        return None
    f.__module__, f.__name__, f.__qualname__ = module.__name__, name, name
    setattr(module, name, f)
    return f


rebuild = stands_for(torch._utils, "_rebuild_tensor_v2")
storage = stands_for(torch, "FloatStorage")
sys.modules.update({"torch": torch, "torch._utils": torch._utils})


class Tensor:
    def __init__(self, key, offset, size, stride):
        self.state = (key, offset, size, stride)

    def __reduce__(self):
        key, offset, size, stride = self.state
        return rebuild, (Storage(key), offset, size, stride, False, collections.OrderedDict())


class Storage:
    def __init__(self, key):
        self.key = key


class CheckpointPickler(pickle.Pickler):
    def persistent_id(self, obj):
        return ("storage", storage, obj.key, "cpu", 6) if isinstance(obj, Storage) else None


state = collections.OrderedDict()
state["head.weight"] = Tensor("0", 0, (2, 3), (3, 1))
state["head.bias"] = Tensor("1", 4, (2,), (1,))
state._metadata = collections.OrderedDict([("", {"version": 1})])
for protocol in (2, 4):
    with open("torch.p%d.bin" % protocol, "wb") as f:
        CheckpointPickler(f, protocol).dump(state)
