"""The run of cifar_test.go in PyTorch: cifar.py ARCHIVE OUT [--images N] [--epochs N] [--seed N] [--threads N]
OUT holds the first weights, init.safetensors, that the Go side wrote. Prints the same JSON lines."""
import argparse, io, json, tarfile, time
import numpy as np
p = argparse.ArgumentParser()
p.add_argument('archive'); p.add_argument('out')
for name, value in (('images', 10000), ('epochs', 10), ('seed', 1), ('threads', 2)): p.add_argument('--' + name, type=int, default=value)
a = p.parse_args()
import torch, torch.nn as nn, torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file
torch.set_num_threads(a.threads)

def mix(x, y):
    x, y = np.asarray(x, np.uint64), np.asarray(y, np.uint64)
    with np.errstate(over='ignore'):
        z = x + y * np.uint64(0x9e3779b97f4a7c15)
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xbf58476d1ce4e5b9)
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94d049bb133111eb)
        return z ^ z >> np.uint64(31)

def permutation(seed, purpose, n): return np.argsort(mix(mix(seed, purpose), np.arange(n, dtype=np.uint64)), kind='stable')

class Block(nn.Module):
    def __init__(s, i, o, stride):
        super().__init__()
        s.conv1, s.bn1 = nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o)
        s.conv2, s.bn2 = nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o)
        s.downsample = None if i == o and stride == 1 else nn.Sequential(nn.Conv2d(i, o, 1, stride, bias=False), nn.BatchNorm2d(o))
    def forward(s, x):
        y = s.bn2(s.conv2(F.relu(s.bn1(s.conv1(x)))))
        return F.relu(y + (x if s.downsample is None else s.downsample(x)))

class ResNet20(nn.Module):
    def __init__(s):
        super().__init__()
        s.conv1, s.bn1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        stage = lambda i, o, stride: nn.Sequential(Block(i, o, stride), Block(o, o, 1), Block(o, o, 1))
        s.layer1, s.layer2, s.layer3, s.fc = stage(16, 16, 1), stage(16, 32, 2), stage(32, 64, 2), nn.Linear(64, 10)
    def forward(s, x): return s.fc(s.layer3(s.layer2(s.layer1(F.relu(s.bn1(s.conv1(x)))))).mean((2, 3)))

def load(path):
    files = {}
    with tarfile.open(path) as t:
        for m in t:
            if m.isfile() and m.name.count('/') == 2: files[m.name] = t.extractfile(m).read()
    out = {}
    for split in {n.split('/')[0] for n in files}:
        names = sorted(n for n in files if n.startswith(split + '/')); classes = sorted({n.split('/')[1] for n in names})
        out[split] = (np.stack([np.asarray(Image.open(io.BytesIO(files[n])).convert('RGB')) for n in names]), np.array([classes.index(n.split('/')[1]) for n in names]))
    return out

MEAN, DEV = np.float32([0.4914, 0.4822, 0.4465]), np.float32([0.2470, 0.2435, 0.2616])
def batch(data, ids, dx, dy, flip):
    x = np.zeros((len(ids), 40, 40, 3), np.float32)
    x[:, 4:36, 4:36] = (data[0][ids].astype(np.float32) / np.float32(255) - MEAN) / DEV
    x = np.stack([(c[:, ::-1] if f else c) for c, f in ((x[i, dy[i]:dy[i] + 32, dx[i]:dx[i] + 32], flip[i]) for i in range(len(ids)))])
    return torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2))), torch.from_numpy(data[1][ids])

splits = load(a.archive); train, test = splits['train'], splits['test']
net = ResNet20(); net.load_state_dict(load_file(a.out + '/init.safetensors'))
opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
chosen = permutation(a.seed, 1 << 40, len(train[1]))[:a.images]; steps = len(chosen) // 128
for epoch in range(a.epochs):
    start, total, order = time.time(), 0.0, permutation(a.seed, epoch, len(chosen)); net.train()
    for step in range(steps):
        ids = chosen[order[step * 128:(step + 1) * 128]]
        h = mix(a.seed, (epoch << 32) | ids.astype(np.uint64)); eight, nine = np.uint64(8), np.uint64(9)
        x, y = batch(train, ids, (h % nine).astype(int), ((h >> eight) % nine).astype(int), (h >> np.uint64(16)) & np.uint64(1) == 1)
        for g in opt.param_groups: g['lr'] = 0.05 * (1 + np.cos(np.pi * (epoch * steps + step) / (steps * a.epochs)))
        loss = F.cross_entropy(net(x), y); opt.zero_grad(); loss.backward(); opt.step(); total += loss.item()
        if epoch == 0 and step < 20: print(json.dumps(dict(step=step, loss=loss.item())), flush=True)
    net.eval(); right = 0
    with torch.inference_mode():
        for i in range(0, len(test[1]), 500):
            ids = np.arange(i, min(i + 500, len(test[1]))); four = np.full(len(ids), 4)
            x, y = batch(test, ids, four, four, np.zeros(len(ids), bool)); right += (net(x).argmax(1) == y).sum().item()
    print(json.dumps(dict(epoch=epoch, train_loss=total / steps, test_accuracy=right / len(test[1]), seconds=time.time() - start)), flush=True)
