"""A built dataset in Hugging Face datasets, batches as NumPy. pip install datasets pyarrow pillow numpy
Usage: huggingface_train.py DIR [SPLIT] [--size 224] [--batch 64]
The recipe of the dataset has parquet among its formats. It is streamed: nothing is copied to a cache."""
import argparse, glob, json, random
import datasets
import numpy as np

p = argparse.ArgumentParser()
p.add_argument("dir"); p.add_argument("split", nargs="?", default="train")
p.add_argument("--size", type=int, default=224); p.add_argument("--batch", type=int, default=64)
a = p.parse_args()


def augment(rows):
    images = [im.convert("RGB").resize((a.size, a.size)) for im in rows["image"]]
    x = np.stack([np.asarray(im, np.float32) / 255 for im in images])
    x = np.stack([v[:, ::-1] if random.random() < 0.5 else v for v in x])
    return {"x": (x - [.485, .456, .406]) / [.229, .224, .225], "y": rows["label"]}


paths = sorted(glob.glob(f"{a.dir}/data/{a.split}-*.parquet"))
data = datasets.load_dataset("parquet", data_files={a.split: paths}, split=a.split, streaming=True)
data = data.shuffle(seed=1, buffer_size=1000).select_columns(["image", "label"]).map(augment, batched=True, batch_size=a.batch, remove_columns=["image", "label"])

if __name__ == "__main__":
    n = labels = 0
    for batch in data.iter(batch_size=a.batch):
        n, labels = n + len(batch["x"]), labels + sum(batch["y"])  # your training step here
    print(json.dumps({"samples": n, "labels": labels, "loader": "huggingface"}))
