#!/usr/bin/env python3
"""Serves an InstructPix2Pix-class diffusers pipeline to `tailorbird sew`.

    pip install torch diffusers transformers accelerate safetensors pillow
    python3 serve_pix2pix.py --model timbrooks/instruct-pix2pix --device cuda --dtype float16

The protocol is described in docs/served.md. Only --model loads torch; with --fake
the server draws a disc instead, needs nothing but Python, and serves to try out
the rest.
"""

import argparse
import base64
import hashlib
import hmac
import io
import json
import os
import struct
import sys
import threading
import time
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PROTOCOL = 1
MAX_BODY = 256 << 20  # bytes
MAX_SIDE = 2048  # pixels


class BadItem(ValueError):
    """An item that will never work; its text goes to the client."""


class Pix2Pix:
    """The model. edit() is called by one thread at a time."""

    def __init__(self, args):
        import diffusers
        import torch

        self.torch = torch
        self.args = args
        folder = args.model
        if not os.path.isdir(folder):
            folder = diffusers.DiffusionPipeline.download(args.model, revision=args.revision)
        if args.deterministic:
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
            torch.use_deterministic_algorithms(True)
            torch.backends.cudnn.benchmark = False
        self.pipe = diffusers.StableDiffusionInstructPix2PixPipeline.from_pretrained(
            folder, torch_dtype=getattr(torch, args.dtype)
        ).to(args.device)
        self.pipe.set_progress_bar_config(disable=True)
        version = f"{args.revision or 'main'}, diffusers {diffusers.__version__}, torch {torch.__version__}, {args.dtype}"
        # The name goes into the dataset: of a local folder its last part is enough.
        name = os.path.basename(os.path.normpath(args.model)) if os.path.isdir(args.model) else args.model
        self.info = {
            "name": name,
            "version": version,
            "weights_sha256": hash_weights(folder),
            "deterministic": args.deterministic,
            "max_batch": args.max_batch,
            "seconds_per_image": 0,
            "sizes": {"multiple_of": 64, "min": 64, "max": MAX_SIDE},
            "masks": False,
        }

    def edit(self, items):
        """Yields one result an item. Items that go together share a forward pass."""
        groups = {}
        for item in items:
            key = (item["width"], item["height"], item.get("steps"), item.get("guidance"), item.get("image_guidance"))
            # Numbers depend on who else is in the batch: a promise of the same bytes
            # needs items one by one.
            groups.setdefault((key, item["id"]) if self.args.deterministic else key, []).append(item)
        for group in groups.values():
            yield from self.edit_group(group)

    def edit_group(self, group):
        import numpy
        from PIL import Image

        try:
            images = [Image.open(io.BytesIO(base64.b64decode(i["image"]))).convert("RGB") for i in group]
            first = group[0]
            out = self.pipe(
                prompt=[i["instruction"] for i in group],
                image=images,
                num_inference_steps=first.get("steps") or self.args.steps,
                guidance_scale=first.get("guidance") or self.args.guidance,
                image_guidance_scale=first.get("image_guidance") or self.args.image_guidance,
                # On the CPU, so that the same seed is the same noise on every device.
                generator=[self.torch.Generator("cpu").manual_seed(int(i["seed"])) for i in group],
                output_type="np",
            )
        except self.torch.cuda.OutOfMemoryError:
            self.torch.cuda.empty_cache()
            for item in group:
                yield {"id": item["id"], "error": f"out of memory with {len(group)} images of {item['width']} x {item['height']}", "retry": True}
            return
        unsafe = out.nsfw_content_detected or [False] * len(group)
        for item, pixels, bad in zip(group, out.images, unsafe):
            if bad:
                yield {"id": item["id"], "refused": "safety checker"}
            elif not numpy.isfinite(pixels).all():
                yield {"id": item["id"], "error": "the model made numbers that are not finite; try --dtype float32", "retry": False}
            elif pixels.max() == 0:
                yield {"id": item["id"], "error": "the model made a black picture", "retry": False}
            else:
                buffer = io.BytesIO()
                Image.fromarray((pixels * 255).round().astype("uint8")).save(buffer, "PNG")
                yield {"id": item["id"], "image": base64.b64encode(buffer.getvalue()).decode()}


class Fake:
    """Draws a disc whose colour follows from the object and whose place from the seed."""

    info = {
        "name": "disc",
        "version": "1",
        "weights_sha256": "",
        "deterministic": True,
        "max_batch": 4,
        "seconds_per_image": 0.1,
        "sizes": {"multiple_of": 1, "min": 1, "max": MAX_SIDE},
        "masks": False,
    }

    def edit(self, items):
        for item in items:
            if "forbidden" in item["instruction"]:  # what a safety checker would do
                yield {"id": item["id"], "refused": "safety checker"}
                continue
            width, height, pixels = read_png(base64.b64decode(item["image"]))
            if (width, height) != (item["width"], item["height"]):
                raise BadItem(f"the image has {width} x {height} pixels, the item says {item['width']} x {item['height']}")
            colour = hashlib.sha256(item.get("object", "").encode()).digest()[:3]
            place = hashlib.sha256(item["seed"].encode()).digest()
            radius = max(min(width, height) // 6, 1)
            cx = radius + place[0] * max(width - 2 * radius, 1) // 256
            cy = radius + place[1] * max(height - 2 * radius, 1) // 256
            for y in range(max(cy - radius, 0), min(cy + radius, height)):
                for x in range(max(cx - radius, 0), min(cx + radius, width)):
                    if (x - cx) ** 2 + (y - cy) ** 2 < radius**2:
                        at = 3 * (y * width + x)
                        pixels[at : at + 3] = colour
            yield {"id": item["id"], "image": base64.b64encode(write_png(width, height, pixels)).decode()}


def read_png(data):
    """Reads an 8-bit RGB PNG without interlacing: width, height, a bytearray of R, G, B."""
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        raise BadItem("the image is no PNG")
    packed, header, at = b"", None, 8
    while at + 8 <= len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + size]
        if kind == b"IHDR":
            header = struct.unpack(">IIBBBBB", body)
        elif kind == b"IDAT":
            packed += body
        at += size + 12
    if header is None or header[2:] != (8, 2, 0, 0, 0) or not 0 < max(header[:2]) <= MAX_SIDE:
        raise BadItem(f"--fake reads 8-bit RGB PNGs of at most {MAX_SIDE} pixels a side")
    width, height = header[:2]
    stride = 3 * width
    raw = zlib.decompressobj().decompress(packed, height * (stride + 1))
    if len(raw) != height * (stride + 1):
        raise BadItem("the PNG ends early")
    out, above = bytearray(), bytearray(stride)
    for y in range(height):
        start = y * (stride + 1)
        row = bytearray(raw[start + 1 : start + 1 + stride])
        unfilter(raw[start], row, above)
        out += row
        above = row
    return width, height, out


def unfilter(kind, row, above):
    """Undoes a row's filter in place (PNG specification, section 9)."""
    for i in range(len(row)):
        left, up = (row[i - 3] if i >= 3 else 0), above[i]
        if kind == 1:
            guess = left
        elif kind == 2:
            guess = up
        elif kind == 3:
            guess = (left + up) // 2
        elif kind == 4:
            corner = above[i - 3] if i >= 3 else 0
            p = left + up - corner
            guess = min((abs(p - left), 0, left), (abs(p - up), 1, up), (abs(p - corner), 2, corner))[2]
        else:
            guess = 0
        row[i] = (row[i] + guess) & 255


def write_png(width, height, pixels):
    rows = b"".join(b"\0" + pixels[3 * width * y : 3 * width * (y + 1)] for y in range(height))
    out = b"\x89PNG\r\n\x1a\n"
    for kind, body in ((b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")):
        out += struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return out


def hash_weights(folder):
    """SHA-256 over "HASH  PATH" lines of the weight files, by path: as of sha256sum."""
    lines = []
    for where, _, names in os.walk(folder):
        for name in names:
            if name.endswith((".safetensors", ".bin", ".ckpt")):
                path = os.path.join(where, name)
                with open(path, "rb") as f:
                    digest = hashlib.sha256()
                    while block := f.read(1 << 20):
                        digest.update(block)
                lines.append((os.path.relpath(path, folder).replace(os.sep, "/"), digest.hexdigest()))
    return hashlib.sha256("".join(f"{h}  {p}\n" for p, h in sorted(lines)).encode()).hexdigest()


def checked(items, max_batch):
    """Returns the items, or raises BadItem: what is wrong here is wrong for good."""
    if not isinstance(items, list) or not 0 < len(items) <= max_batch:
        raise BadItem(f"items should be a list of 1 to {max_batch}")
    for item in items:
        for name, kind in (("id", str), ("instruction", str), ("image", str), ("seed", str), ("width", int), ("height", int)):
            if not isinstance(item.get(name), kind):
                raise BadItem(f"an item without {name}")
        if not 0 <= int(item["seed"]) < 1 << 64:
            raise BadItem("a seed that is no 64-bit number")
    return items


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 300  # seconds that an idle connection is kept

    def do_GET(self):
        if self.path == "/v1/info":
            self.reply(200, {"protocol": PROTOCOL, **self.server.model.info})
        else:
            self.reply(404, {"error": "no such path"})

    def do_POST(self):
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > MAX_BODY:
            self.close_connection = True
            return self.reply(413 if length.isdigit() else 411, {"error": f"a body of {length or '?'} bytes"})
        body = self.rfile.read(int(length))
        token = self.server.token
        if token and not hmac.compare_digest(self.headers.get("Authorization", "").encode(), f"Bearer {token}".encode()):
            return self.reply(401, {"error": "this server wants its token"})
        if self.path != "/v1/edit":
            return self.reply(404, {"error": "no such path"})
        model = self.server.model
        try:
            items = checked(json.loads(body).get("items"), model.info["max_batch"])
        except (ValueError, AttributeError) as e:  # no JSON, or not of this form
            return self.reply(400, {"error": str(e)})
        try:
            with self.server.lock:  # one model, one batch at a time
                started = time.monotonic()
                results = list(model.edit(items))
                took = (time.monotonic() - started) / len(items)
                model.info["seconds_per_image"] = round(took, 3)
        except BadItem as e:
            return self.reply(400, {"error": str(e)})
        except Exception as e:  # the model's; the client asks again, with fewer
            self.log_error("%s: %s", type(e).__name__, e)
            return self.reply(500, {"error": type(e).__name__})
        self.reply(200, {"weights_sha256": model.info["weights_sha256"], "items": results})

    def reply(self, status, value):
        # allow_nan: NaN is no JSON, and the client would drop all of the answer.
        body = json.dumps(value, allow_nan=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code="-", size="-"):
        if self.server.verbose:
            super().log_request(code, size)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    what = p.add_mutually_exclusive_group(required=True)
    what.add_argument("--model", help="a folder in diffusers layout, or a name on the hub")
    what.add_argument("--fake", action="store_true", help="draw a disc, load nothing")
    p.add_argument("--revision", help="of the model on the hub")
    p.add_argument("--device", default="cuda")
    p.add_argument("--dtype", default="float16", choices=["float16", "bfloat16", "float32"])
    p.add_argument("--host", default="127.0.0.1", help="0.0.0.0 serves the network; set --token-env then")
    p.add_argument("--port", type=int, default=8321, help="0 takes a free one")
    p.add_argument("--max-batch", type=int, default=4)
    p.add_argument("--steps", type=int, default=100)
    p.add_argument("--guidance", type=float, default=7.5)
    p.add_argument("--image-guidance", type=float, default=1.5)
    p.add_argument("--deterministic", action="store_true", help="same item, same bytes; slower")
    p.add_argument("--token-env", help="environment variable that holds the token clients must send")
    p.add_argument("--verbose", action="store_true", help="log each request")
    args = p.parse_args()
    token = os.environ.get(args.token_env, "") if args.token_env else ""
    if args.token_env and not token:
        sys.exit(f"the environment variable {args.token_env} is not set")
    model = Fake() if args.fake else Pix2Pix(args)
    server = ThreadingHTTPServer((args.host, args.port), Handler)
    server.model, server.lock, server.token, server.verbose = model, threading.Lock(), token, args.verbose
    print(f"listening on http://{args.host}:{server.server_address[1]}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
