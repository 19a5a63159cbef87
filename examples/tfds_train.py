"""A built dataset in TensorFlow or JAX, through TensorFlow Datasets. pip install tensorflow tensorflow-datasets
Usage: tfds_train.py DIR [SPLIT] [--size 224] [--batch 64]
The recipe of the dataset has tfrecord among its formats."""
import argparse, json
import tensorflow as tf
import tensorflow_datasets as tfds

p = argparse.ArgumentParser()
p.add_argument("dir"); p.add_argument("split", nargs="?", default="train")
p.add_argument("--size", type=int, default=224); p.add_argument("--batch", type=int, default=64)
a = p.parse_args()


def augment(e):
    x = tf.cast(e["image"], tf.float32) / 255.0
    x = tf.image.random_flip_left_right(tf.image.resize(x, (a.size, a.size)))
    return (x - [.485, .456, .406]) / [.229, .224, .225], e["label"]


builder = tfds.builder_from_directory(f"{a.dir}/tfrecord")
data = (builder.as_dataset(split=a.split, shuffle_files=True).shuffle(1000)
        .map(augment, num_parallel_calls=tf.data.AUTOTUNE).batch(a.batch).prefetch(tf.data.AUTOTUNE))

if __name__ == "__main__":
    n = labels = 0
    for x, y in data:
        n, labels = n + len(x), labels + int(tf.reduce_sum(y))  # your training step here
    print(json.dumps({"samples": n, "labels": labels, "loader": "tfds"}))
