"""Training batches of a built dataset in PyTorch. pip install torch torchvision webdataset
Usage: pytorch_webdataset_train.py DIR [SPLIT] [--size 224] [--batch 64] [--workers 2]
Without the package webdataset the shards are read with tarfile: the same samples in another order."""
import argparse, glob, io, json, os, random, tarfile
import torch
from PIL import Image
from torchvision.transforms import v2

p = argparse.ArgumentParser()
p.add_argument("dir"); p.add_argument("split", nargs="?", default="train")
p.add_argument("--size", type=int, default=224); p.add_argument("--batch", type=int, default=64); p.add_argument("--workers", type=int, default=2)
a = p.parse_args()
shards = sorted(glob.glob(f"{a.dir}/webdataset/{a.split}-*.tar"))
augment = v2.Compose([v2.RandomResizedCrop(a.size), v2.RandomHorizontalFlip(), v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True),
                      v2.Normalize((.485, .456, .406), (.229, .224, .225))])


class Shards(torch.utils.data.IterableDataset):
    """KEY.jpg or KEY.png, KEY.json, KEY.cls lie side by side; a worker takes every n-th shard."""

    def __iter__(self):
        w = torch.utils.data.get_worker_info()
        for path in random.sample(mine := shards[w.id::w.num_workers] if w else shards, len(mine)):
            image = None
            with tarfile.open(path) as t:
                for m in t:
                    ext = os.path.splitext(m.name)[1]
                    if ext in (".jpg", ".png"):
                        image = Image.open(io.BytesIO(t.extractfile(m).read())).convert("RGB")
                    elif ext == ".cls":
                        yield augment(image), int(t.extractfile(m).read())


try:
    import webdataset as wds
    data = (wds.WebDataset(shards, shardshuffle=len(shards), workersplitter=wds.split_by_worker, empty_check=False)
            .shuffle(1000).decode("pilrgb").to_tuple("jpg;png", "cls").map_tuple(augment, int))
except ImportError:
    data = Shards()

if __name__ == "__main__":
    n = labels = 0
    for x, y in torch.utils.data.DataLoader(data, batch_size=a.batch, num_workers=a.workers):
        n, labels = n + len(x), labels + int(y.sum())  # your training step here
    print(json.dumps({"samples": n, "labels": labels, "loader": type(data).__name__}))
