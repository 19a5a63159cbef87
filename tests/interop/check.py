"""Opens every format of a dataset and compares what they hold.

    python check.py DIR

Prints a line a check and exits with 1 at the first difference.
"""

import collections
import glob
import hashlib
import io
import json
import os
import sys
import tempfile

import numpy as np
from PIL import Image

sys.dont_write_bytecode = True  # the checkout stays clean
import tfrecord

os.environ.setdefault("HF_HUB_OFFLINE", "1")

Sample = collections.namedtuple("Sample", "sha256 record")


def sha(data):
    return hashlib.sha256(data).hexdigest()


def same(what, got, want):
    if got != want:
        sys.exit(f"FAIL {what}:\n  got  {str(got)[:2000]}\n  want {str(want)[:2000]}")


def things(record):
    """The objects of a record: annotations or refs."""
    return record.get("annotations") or record.get("refs") or []


def splits(root):
    names = set()
    for p in glob.glob(f"{root}/webdataset/*.tar"):
        names.add(os.path.basename(p).rsplit("-", 1)[0])
    for p in glob.glob(f"{root}/tfrecord/*.tfrecord-*"):
        names.add(os.path.basename(p).split(".")[0])
    for p in glob.glob(f"{root}/data/*.parquet"):
        names.add(os.path.basename(p).rsplit("-", 3)[0])
    return sorted(names)


def open_webdataset(root, split):
    import webdataset

    urls = sorted(glob.glob(f"{root}/webdataset/{split}-*.tar"))
    if not urls:
        return None
    out = {}
    for s in webdataset.WebDataset(urls, shardshuffle=False, empty_check=False):
        image = s.get("jpg", s.get("png"))
        record = json.loads(s["json"])
        same(f"{s['__key__']}: key in its record", record["key"], s["__key__"])
        if "label" in record:
            same(f"{s['__key__']}: .cls", int(s["cls"]), record["label"])
        decoded = Image.open(io.BytesIO(image))
        decoded.load()
        same(f"{s['__key__']}: size of the decoded image", decoded.size, (record["width"], record["height"]))
        same("keys that come twice", s["__key__"] in out, False)
        out[s["__key__"]] = Sample(sha(image), record)
    return out


def boxes_of_tfrecord(record):
    w, h = record["width"], record["height"]
    rows = [[b[1] / h, b[0] / w, (b[1] + b[3]) / h, (b[0] + b[2]) / w] for b in (t["bbox"] for t in things(record))]
    return np.clip(np.array(rows, np.float64).reshape(-1, 4), 0, 1)


def check_tf_features(key, record, f, classes):
    """f: name -> list, flat as in a tf.Example."""
    same(f"tfrecord {key}: size", (f["width"][0], f["height"][0]), (record["width"], record["height"]))
    if "label" in record:
        same(f"tfrecord {key}: label", f["label"], [record["label"]])
        return
    same(f"tfrecord {key}: image id", f["image/id"], [record["image_id"]])
    got = np.array(f["objects/bbox"], np.float64).reshape(-1, 4)
    want = boxes_of_tfrecord(record)
    if got.shape != want.shape or not np.allclose(got, want, atol=1e-6):
        sys.exit(f"FAIL tfrecord {key}: boxes\n{got}\n{want}")
    ids = [t["ann_id"] if "ann_id" in t else t["id"] for t in things(record)]
    same(f"tfrecord {key}: ids", list(f["objects/id"]), ids)
    if classes:
        same(f"tfrecord {key}: labels", [classes[i] for i in f["objects/label"]], [t["category_id"] for t in things(record)])
    if "refs" in record:
        raw = [s["raw"].encode() for r in record["refs"] for s in r["sentences"]]
        same(f"tfrecord {key}: expressions", list(f["objects/refexp/raw/ragged_flat_values"]), raw)
        lengths = [len(r["sentences"]) for r in record["refs"]]
        same(f"tfrecord {key}: expressions an object", list(f["objects/refexp/raw/ragged_row_lengths_0"]), lengths)


def open_tfrecord(root, split, classes):
    paths = sorted(glob.glob(f"{root}/tfrecord/{split}.tfrecord-*"))
    if not paths:
        return None
    out = {}
    for path in paths:
        for data in tfrecord.records(path, verify_data=os.path.getsize(path) < 1 << 22):
            f = tfrecord.example(data)
            key = f["key"][0].decode()
            record = json.loads(f["record"][0])
            check_tf_features(key, record, f, classes)
            out[key] = Sample(sha(f["image"][0]), record)
    return out


def check_tfds(root, split, want):
    """Opens the TFRecords as TensorFlow Datasets does, with no code of ours."""
    try:
        import tensorflow_datasets as tfds
    except ImportError:
        print("skip tensorflow_datasets: not installed")
        return
    builder = tfds.builder_from_directory(f"{root}/tfrecord")
    same("tfds: examples", builder.info.splits[split].num_examples, len(want))
    keys = set()
    for ex in tfds.as_numpy(builder.as_dataset(split=split)):
        key = ex["key"].decode()
        record = want[key].record
        keys.add(key)
        same(f"tfds {key}: shape of the decoded image", ex["image"].shape, (record["height"], record["width"], 3))
        if "label" in record:
            same(f"tfds {key}: label name", builder.info.features["label"].int2str(int(ex["label"])), record["wnid"])
            continue
        if not np.allclose(ex["objects"]["bbox"], boxes_of_tfrecord(record), atol=1e-6):
            sys.exit(f"FAIL tfds {key}: boxes")
        same(f"tfds {key}: crowds", list(ex["objects"]["is_crowd"]), [bool(t.get("iscrowd")) for t in things(record)])
        if "refs" in record:
            raw = ex["objects"]["refexp"]["raw"]
            raw = raw.to_list() if hasattr(raw, "to_list") else [list(r) for r in raw]
            same(f"tfds {key}: expressions", raw, [[s["raw"].encode() for s in r["sentences"]] for r in record["refs"]])
    same("tfds: keys", keys, set(want))
    print(f"ok   tensorflow_datasets {split}: {len(keys)}")


def parquet_objects(row):
    return row.get("objects") or row.get("refs") or []


def open_parquet(root, split):
    import datasets
    import pyarrow.parquet

    paths = sorted(glob.glob(f"{root}/data/{split}-*.parquet"))
    if not paths:
        return None
    for p in paths:
        pyarrow.parquet.read_table(p)
    out = {}
    with tempfile.TemporaryDirectory() as cache:
        ds = datasets.load_dataset("parquet", data_files={split: paths}, cache_dir=cache)[split]
        same("parquet: type of column image", type(ds.features["image"]).__name__, "Image")
        names = class_feature(ds.features).names
        ds = ds.cast_column("image", datasets.Image(decode=False))
        for row in ds:
            record = json.loads(row["record"])
            check_parquet_row(row, record, names)
            out[row["key"]] = Sample(sha(row["image"]["bytes"]), record)
    return out


def class_feature(features):
    if "label" in features:
        return features["label"]
    column = features["objects"] if "objects" in features else features["refs"]
    return getattr(column, "feature", column)["category"]


def check_parquet_row(row, record, names):
    key = row["key"]
    for name in "width", "height", "original_width", "original_height", "source":
        same(f"parquet {key}: {name}", row[name], record[name])
    same(f"parquet {key}: path", os.path.splitext(row["image"]["path"])[0], key)
    if "label" in record:
        same(f"parquet {key}: label", row["label"], record["label"])
        same(f"parquet {key}: class name", names[row["label"]].split(" (")[0], " ".join(record["name"].split()))
        return
    same(f"parquet {key}: image id", row["image_id"], record["image_id"])
    want = things(record)
    same(f"parquet {key}: boxes", [o["bbox"] for o in parquet_objects(row)], [t["bbox"] for t in want])
    same(f"parquet {key}: categories", [o["category_id"] for o in parquet_objects(row)], [t["category_id"] for t in want])
    masks = [o["segmentation"] and json.loads(o["segmentation"]) for o in parquet_objects(row)]
    same(f"parquet {key}: masks", masks, [t.get("segmentation") for t in want])
    if "refs" in record:
        sentences = [[dict(s) for s in o["sentences"]] for o in row["refs"]]
        same(f"parquet {key}: sentences", sentences, [r["sentences"] for r in record["refs"]])


def load_coco(path):
    """Returns the JSON and pycocotools' or lvis's object."""
    with open(path) as f:
        raw = json.load(f)
    if raw["images"] and "neg_category_ids" in raw["images"][0]:
        from lvis import LVIS

        return raw, LVIS(path)
    from pycocotools.coco import COCO

    return raw, COCO(path)


def check_coco(root, split, want):
    path = f"{root}/annotations/{split}.json"
    if not os.path.exists(path):
        return
    raw, api = load_coco(path)
    ids = [a["id"] for a in raw["annotations"]]
    same("coco: annotation ids are unique", len(set(ids)), len(ids))
    same("coco: images", sorted(os.path.splitext(i["file_name"])[0] for i in raw["images"]), sorted(want))
    by_image = {s.record["image_id"]: s.record for s in want.values()}
    for image in raw["images"]:
        same(f"coco image {image['id']}: size", (image["width"], image["height"]), (by_image[image["id"]]["width"], by_image[image["id"]]["height"]))
        anns = {a["id"]: a for a in api.load_anns(api.get_ann_ids([image["id"]]))} if hasattr(api, "load_anns") else {
            a["id"]: a for a in api.loadAnns(api.getAnnIds([image["id"]]))}
        for t in things(by_image[image["id"]]):
            a = anns[t["ann_id"] if "ann_id" in t else t["id"]]
            same(f"coco annotation {a['id']}", [a["bbox"], a["category_id"], a["area"], a.get("segmentation")],
                 [t["bbox"], t["category_id"], t["area"], t.get("segmentation")])
            if a.get("segmentation"):
                mask = api.ann_to_mask(a) if hasattr(api, "ann_to_mask") else api.annToMask(a)
                same(f"coco annotation {a['id']}: shape of its mask", mask.shape, (image["height"], image["width"]))
    check_refer(raw, by_image)
    check_lvis(raw, api)
    print(f"ok   coco ({type(api).__name__}) {split}: {len(raw['images'])} images, {len(ids)} annotations")


def check_refer(raw, by_image):
    """Joins refs, annotations, images and categories as refer.py's createIndex does."""
    if "refs" not in raw:
        return
    anns = {a["id"]: a for a in raw["annotations"]}
    images = {i["id"]: i for i in raw["images"]}
    cats = {c["id"]: c["name"] for c in raw["categories"]}
    count = 0
    for ref in raw["refs"]:
        same(f"ref {ref['ref_id']}: image", anns[ref["ann_id"]]["image_id"], ref["image_id"])
        same(f"ref {ref['ref_id']}: file", images[ref["image_id"]]["file_name"], ref["file_name"])
        same(f"ref {ref['ref_id']}: category", anns[ref["ann_id"]]["category_id"] in cats, True)
        same(f"ref {ref['ref_id']}: sentence ids", [s["sent_id"] for s in ref["sentences"]], ref["sent_ids"])
        source = {r["ref_id"]: r for r in by_image[ref["image_id"]]["refs"]}[ref["ref_id"]]
        same(f"ref {ref['ref_id']}: sentences", ref["sentences"], source["sentences"])
        count += 1
    same("refs", count, sum(len(r["refs"]) for r in by_image.values()))


def check_lvis(raw, api):
    if type(api).__name__ != "LVIS":
        return
    images, instances = collections.defaultdict(set), collections.Counter()
    for a in raw["annotations"]:
        images[a["category_id"]].add(a["image_id"])
        instances[a["category_id"]] += 1
    for c in raw["categories"]:
        same(f"lvis category {c['id']}: counts", (c["image_count"], c["instance_count"]), (len(images[c["id"]]), instances[c["id"]]))
        same(f"lvis category {c['id']}: frequency", c["frequency"] in "rcf", True)
    check_lvis_eval(raw, api)


def check_lvis_eval(raw, api):
    """The ground truth, given as a result, scores 1 where there is anything."""
    from lvis import LVISEval, LVISResults

    np.float = float  # lvis 0.5.3 asks for a name that NumPy 1.20 dropped
    most = max(collections.Counter(a["image_id"] for a in raw["annotations"]).values(), default=0)
    if most == 0:
        return
    masked = all(a.get("segmentation") for a in raw["annotations"])
    for kind in ["bbox", "segm"] if masked else ["bbox"]:
        shape = (lambda a: {"bbox": a["bbox"]}) if kind == "bbox" else (lambda a: {"segmentation": api.ann_to_rle(a)})
        results = [dict(image_id=a["image_id"], category_id=a["category_id"], score=1.0, **shape(a)) for a in raw["annotations"]]
        ev = LVISEval(api, LVISResults(api, results, max_dets=-1), kind)
        ev.params.max_dets = most
        ev.run()
        same(f"lvis: AP of the ground truth, {kind}", round(float(ev.get_results()["AP"]), 3), 1.0)


def check_coco_eval(path, raw, kinds=("bbox", "segm")):
    """The same with pycocotools, which evaluates the real and the synthetic."""
    import contextlib

    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    most = max(collections.Counter(a["image_id"] for a in raw["annotations"]).values())
    with contextlib.redirect_stdout(io.StringIO()):
        gt = COCO(path)
        for a in gt.dataset["annotations"]:
            a.setdefault("iscrowd", 0)  # LVIS has none
        for kind in kinds:
            results = [dict(image_id=a["image_id"], category_id=a["category_id"], score=1.0, **({"bbox": a["bbox"]} if kind == "bbox" else {"segmentation": gt.annToRLE(a)}))
                       for a in raw["annotations"] if not a.get("iscrowd")]
            ev = COCOeval(gt, gt.loadRes(results), kind)
            ev.params.maxDets = [1, 10, most]
            ev.evaluate()
            ev.accumulate()
            precision = ev.eval["precision"][:, :, :, 0, -1]  # every size, every object
            same(f"pycocotools: AP of the ground truth, {kind}", round(float(precision[precision > -1].mean()), 3), 1.0)


def check_sewn(root, split, want):
    """Holds what a sewn dataset adds against its source and its mixing factors."""
    made = {s.record["image_id"]: s.record for s in want.values() if s.record.get("synthetic")}
    path = f"{root}/annotations/{split}.json"
    if not made or not os.path.exists(path):
        return
    with open(path) as f:
        raw = json.load(f)
    images = {i["id"]: i for i in raw["images"]}
    objects = collections.defaultdict(list)
    for a in raw["annotations"]:
        objects[a["image_id"]].append(a)
    real = {i["id"] for i in raw["images"]} - set(made)
    same("sewn: image ids are unique", len(images), len(raw["images"]))
    for id, record in made.items():
        story = record["synthetic"]
        base = want[story["base_key"]].record
        same(f"sewn {record['key']}: base is real", base["image_id"] in real, True)
        same(f"sewn {record['key']}: size", (images[id]["width"], images[id]["height"]), (base["width"], base["height"]))
        old = {a["id"] for a in things(base)}
        same(f"sewn {record['key']}: ids of its own", old & {a["id"] for a in objects[id]}, set())
        same(f"sewn {record['key']}: added class", story["category_id"] in {a["category_id"] for a in objects[id]}, True)
        absent = images[id].get("neg_category_ids", [])
        same(f"sewn {record['key']}: shown and said to be absent", {a["category_id"] for a in objects[id]} & set(absent), set())
        for a in objects[id]:
            x, y, w, h = a["bbox"]
            inside = x >= 0 and y >= 0 and w > 0 and h > 0 and x + w <= images[id]["width"] and y + h <= images[id]["height"]
            same(f"sewn annotation {a['id']}: box {a['bbox']} lies inside", inside, True)
    check_mixing(f"{root}/annotations/{split}-mixing.json", raw, real, made)
    check_coco_eval(path, raw, ["bbox", "segm"] if all(a.get("segmentation") for a in raw["annotations"]) else ["bbox"])
    print(f"ok   sewn {split}: {len(made)} synthetic of {len(images)} images")


def check_mixing(path, raw, real, made):
    """Repeat factors as LVIS defines them, a subset's own, times the subset's."""
    with open(path) as f:
        mix = json.load(f)
    classes = collections.defaultdict(set)
    for a in raw["annotations"]:
        classes[a["image_id"]].add(a["category_id"])
    same("mixing: images", {int(i) for i in mix["image_factors"]}, real | set(made))
    for name, ids in ("real", real), ("synthetic", set(made)):
        count = collections.Counter(c for i in ids for c in classes[i])
        repeat = {c: max(1.0, (mix["t"] * len(ids) / n) ** 0.5) for c, n in count.items()}
        for c, factor in repeat.items():
            close(f"mixing: {name} class {c}", mix["category_factors"][name][str(c)], factor)
        factors = {i: max((repeat[c] for c in classes[i]), default=1.0) for i in ids}
        ratio = {i: mix["image_factors"][str(i)] / factors[i] for i in ids}
        for i in ids:
            close(f"mixing: {name} image {i}", ratio[i], next(iter(ratio.values())))
    print(f"ok   mixing factors: {len(mix['image_factors'])} images, real {mix['dataset_factors']['real']}, synthetic {mix['dataset_factors']['synthetic']}")


def close(what, got, want):
    same(what, got if abs(got - want) > 1e-6 * abs(want) else want, want)


def category_ids(root, split):
    path = f"{root}/annotations/{split}.json"
    if not os.path.exists(path):
        return None
    with open(path) as f:
        return [c["id"] for c in json.load(f)["categories"]]


def main(root):
    found = splits(root)
    same("splits were found", len(found) > 0, True)
    for split in found:
        held = {
            "webdataset": open_webdataset(root, split),
            "tfrecord": open_tfrecord(root, split, category_ids(root, split)),
            "parquet": open_parquet(root, split),
        }
        held = {name: samples for name, samples in held.items() if samples is not None}
        first = next(iter(held.values()))
        for name, samples in held.items():
            same(f"{name} {split}: keys", sorted(samples), sorted(first))
            for key, s in samples.items():
                same(f"{name} {key}: sha256 of the image", s.sha256, first[key].sha256)
                same(f"{name} {key}: record", s.record, first[key].record)
            print(f"ok   {name} {split}: {len(samples)}")
        if "tfrecord" in held:
            check_tfds(root, split, first)
        check_coco(root, split, first)
        check_sewn(root, split, first)
    print("ok")


if __name__ == "__main__":
    main(sys.argv[1])
