"""Makes opencv.bin: pictures with holes and what OpenCV 5.0.0 makes of them.

A case is height, width and radius (int32, little endian), the picture (RGB
bytes), the mask, and the results of INPAINT_TELEA and INPAINT_NS. Run it with
numpy and opencv-python as: python opencv.py opencv.bin
"""
import sys

import cv2
import numpy as np

rng = np.random.default_rng(6)


def picture(h, w):
    if rng.random() < 0.5:
        return rng.integers(0, 256, (h, w, 3), dtype=np.uint8)
    y, x = np.mgrid[0:h, 0:w]
    waves = [128 + 90 * np.sin(x / rng.uniform(2, 9)) * np.cos(y / rng.uniform(2, 9)) for _ in range(3)]
    return np.stack(waves, -1).astype(np.uint8)


def hole(h, w):
    m = np.zeros((h, w), np.uint8)
    for _ in range(rng.integers(1, 4)):
        y, x = int(rng.integers(0, h)), int(rng.integers(0, w))
        kind = rng.integers(0, 3)
        if kind == 0:
            m[y:y + int(rng.integers(1, 20)), x:x + int(rng.integers(1, 20))] = rng.integers(1, 256)
        elif kind == 1:
            cv2.circle(m, (x, y), int(rng.integers(1, 12)), 255, -1)
        else:
            cv2.line(m, (x, y), (int(rng.integers(0, w)), int(rng.integers(0, h))), 255, 2)
    if m.all():
        m[0, 0] = 0
    return m


with open(sys.argv[1], "wb") as f:
    for _ in range(30):
        h, w = (int(v) for v in rng.integers(4, 48, 2))
        x, m, r = picture(h, w), hole(h, w), int(rng.choice([1, 2, 3, 5, 9]))
        f.write(np.array([h, w, r], "<i4").tobytes() + x.tobytes() + m.tobytes())
        for flag in (cv2.INPAINT_TELEA, cv2.INPAINT_NS):
            f.write(cv2.inpaint(x, m, r, flag).tobytes())
