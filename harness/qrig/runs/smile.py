"""The smile demo: faces on the host, smiles on the target, verdicts in a copy of the picture."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import frozen

from qrig.errors import UsageError
from qrig.networks.files import write_file
from qrig.reference.image_transform import Roi
from qrig.runs.net import Net

INSTALL = "pip install 'qrig[demo]'"

THRESHOLD = 0.8
"""A face smiles if the first of two outputs, behind the softmax, is above it."""

_CASCADE = "haarcascade_frontalface_default.xml"
_SCALE_FACTOR, _NEIGHBOURS = 1.25, 5
_LEFT, _TOP, _SIDE = 10, 25, 0.7
_GREEN, _RED = (60, 220, 60), (235, 60, 50)

Pixels = npt.NDArray[np.uint8]


@frozen
class Face:
    """A face, the part of it that the network saw, and how much of a smile that is, 0 to 1."""

    box: Roi
    roi: Roi
    smile: float

    @property
    def is_smiling(self) -> bool:
        """Whether it is enough of a smile."""
        return self.smile > THRESHOLD


def require_opencv() -> None:
    """Raise UsageError, with the command that installs it, if OpenCV is not installed."""
    if importlib.util.find_spec("cv2") is None:
        raise UsageError(
            "demo smile: expected OpenCV, which finds the faces, found that it is not installed; "
            f"install it with {INSTALL}"
        )


def find_smiles(net: Net, pixels: Pixels) -> Iterator[Face]:
    """Yield every face of an RGB picture (h, w, 3) with what `net` says of it, left to right.

    The network sees the square that OpenMV's demo took: from 10 pixels right of the face's corner
    and 25 below it, 0.7 of the face wide. Raises UsageError for a network of other than two
    outputs, and TargetError.
    """
    outputs = net.loaded.quantized.stages[-1].out_shape.size
    if outputs != 2:
        raise UsageError(
            f"{net.loaded.name}: expected a network of two outputs, a smile and none, found "
            f"{outputs}; give another with --network"
        )
    height, width = pixels.shape[:2]
    for x, y, w, h in faces_in(pixels):
        side = int(_SIDE * w)
        left, top = min(x + _LEFT, width - 1), min(y + _TOP, height - 1)
        roi = Roi(left, top, min(side, width - left), min(side, height - top))
        value = float(net.forward(pixels, roi, softmax=True)[0])
        yield Face(Roi(x, y, w, h), roi, value)


def faces_in(pixels: Pixels) -> tuple[tuple[int, int, int, int], ...]:
    """Return x, y, width and height of every face that OpenCV's Haar cascade finds, sorted."""
    require_opencv()
    import cv2

    cascade = cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / _CASCADE))
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    found: Any = cascade.detectMultiScale(grey, scaleFactor=_SCALE_FACTOR, minNeighbors=_NEIGHBOURS)
    boxes = [tuple(int(number) for number in box) for box in found]
    return tuple(sorted((x, y, w, h) for x, y, w, h in boxes))


def drawn(pixels: Pixels, faces: tuple[Face, ...]) -> Pixels:
    """Return a copy of the picture with every face framed, and its value above."""
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.fromarray(pixels, "RGB")
    draw = ImageDraw.Draw(picture)
    line = max(2, min(pixels.shape[:2]) // 200)
    font = ImageFont.load_default(size=10 * line)
    for face in faces:
        colour = _GREEN if face.is_smiling else _RED
        x, y, w, h = face.box
        draw.rectangle((x, y, x + w - 1, y + h - 1), outline=colour, width=line)
        rx, ry, rw, rh = face.roi
        draw.rectangle((rx, ry, rx + rw - 1, ry + rh - 1), outline=colour)
        text = f"{'smiling' if face.is_smiling else 'not smiling'} {face.smile:.2f}"
        draw.text((x, max(0, y - 12 * line)), text, fill=colour, font=font)
    return np.asarray(picture)


def write_picture(pixels: Pixels, path: Path) -> None:
    """Write a picture as PNG, whole or not at all; raises UsageError."""
    from PIL import Image

    picture = Image.fromarray(pixels, "RGB")
    write_file(path, lambda temporary: picture.save(temporary, format="PNG"))
