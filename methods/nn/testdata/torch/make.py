"""Writes the files beside it: python make.py (PyTorch 2.15, CPU).

Values count up from a start, so that the tests know them without a second file."""

import argparse
import collections
import pathlib

import torch

here = pathlib.Path(__file__).parent


def count(shape, start=0.0, dtype=torch.float32):
    n = 1
    for d in shape:
        n *= d
    return (torch.arange(n, dtype=torch.float64) + start).reshape(shape).to(dtype)


base = count((4, 6))
state = collections.OrderedDict(
    f32=count((2, 3), 0.5),
    f16=count((3,), 1, torch.float16),
    bf16=count((2, 2), 2, torch.bfloat16),
    f64=count((2,), 0.25, torch.float64),
    i64=torch.tensor(7),
    i32=count((2,), -1, torch.int32),
    u8=count((3,), 250, torch.uint8),
    bool=torch.tensor([True, False]),
    empty=torch.zeros(0, 4),
    transposed=base.t(),
    part=base[1:3, 2:5],
    whole=base,
    parameter=torch.nn.Parameter(count((2,), 10)),
)
torch.save(state, here / "types.pth")
torch.save(state, here / "types_legacy.pth", _use_new_zipfile_serialization=False)

torch.manual_seed(1)
net = torch.nn.Sequential(
    torch.nn.Conv2d(3, 4, 3, padding=1, bias=False),
    torch.nn.BatchNorm2d(4),
    torch.nn.ReLU(),
    torch.nn.Flatten(),
    torch.nn.Linear(4 * 5 * 5, 3),
)
x = torch.linspace(-1, 1, 2 * 3 * 5 * 5).reshape(2, 3, 5, 5)
net(x)  # moves the running statistics
net.eval()
opt = torch.optim.AdamW(net.parameters(), lr=0.01)
net(x).sum().backward()
opt.step()
torch.save(
    {
        "state_dict": net.state_dict(),
        "epoch": 3,
        "args": argparse.Namespace(lr=0.01, name="net"),
        "optimizer": opt.state_dict(),
        "output": net(x).detach(),
    },
    here / "net.pth",
)
