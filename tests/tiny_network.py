"""A tiny valid Caffe network, written into a folder: the files that broken-input tests break."""

import json
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from struct import pack
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
from attrs import frozen
from PIL import Image

from qrig.networks.caffe.schema import message

Blobs = Mapping[str, Sequence[npt.NDArray[Any]]]

PROTOTXT = """\
# A comment, to be ignored: layer { }
name: "tiny"
layer {
  name: "data"
  type: "Data"
  top: "data"
  top: "label"
  include { phase: TEST }
}
layer {
  name: "conv1"
  type: "Convolution"
  bottom: "data"
  top: "conv1"
  convolution_param { num_output: 4 kernel_size: 3 pad: 1 }
}
layer {
  name: "pool1"
  type: "Pooling"
  bottom: "conv1"
  top: "pool1"
  pooling_param { pool: MAX kernel_size: 2 stride: 2 }
}
layer { name: "relu1" type: "ReLU" bottom: "pool1" top: "pool1" }
layer {
  name: "ip1"
  type: "InnerProduct"
  bottom: "pool1"
  top: "ip1"
  inner_product_param { num_output: 3 }
}
"""

FORMATS: dict[str, Any] = {
    "schema": "qrig-formats/1",
    "input": {
        "name": "data",
        "shape": [8, 8, 3],
        "channel_order": "rgb",
        "mean": [120, 121, 122],
        "scale": 1.0,
        "activation_fraction_bits": 0,
    },
    "layers": {
        "conv1": {
            "weight_fraction_bits": 7,
            "bias_fraction_bits": 7,
            "activation_fraction_bits": -1,
            "bias_shift": 0,
            "output_shift": 8,
        },
        "ip1": {
            "weight_fraction_bits": 6,
            "bias_fraction_bits": 4,
            "activation_fraction_bits": -2,
        },
    },
}


@frozen
class TinyNetwork:
    """The files of the network: 8x8x3 in, a convolution, a pooling, a ReLU, 3 logits out."""

    folder: Path
    model: Path
    weights: Path
    formats: Path
    mean: Path
    image: Path

    @property
    def options(self) -> dict[str, str]:
        """The options of the command line that name these files."""
        return {
            "--model": str(self.model),
            "--weights": str(self.weights),
            "--formats": str(self.formats),
            "--mean": str(self.mean),
            "--input": str(self.image),
        }


def tiny_blobs(seed: int = 0) -> dict[str, list[npt.NDArray[np.float32]]]:
    """Make the weights, in Caffe's order."""
    numbers = np.random.default_rng(seed)
    shapes: dict[str, list[tuple[int, ...]]] = {
        "conv1": [(4, 3, 3, 3), (4,)],
        "ip1": [(3, 4 * 4 * 4), (3,)],
    }
    return {
        name: [numbers.uniform(-0.9, 0.9, shape).astype(np.float32) for shape in of_layer]
        for name, of_layer in shapes.items()
    }


def write_tiny_network(folder: Path) -> TinyNetwork:
    """Write every file of the network into `folder`."""
    found = TinyNetwork(
        folder,
        folder / "tiny.prototxt",
        folder / "tiny.caffemodel.h5",
        folder / "formats.json",
        folder / "mean.npy",
        folder / "image.png",
    )
    found.model.write_text(PROTOTXT)
    write_h5(found.weights, tiny_blobs())
    found.formats.write_text(json.dumps(FORMATS))
    np.save(found.mean, np.array([118, 119, 120], dtype=np.float32))
    Image.fromarray(tiny_pixels()).save(found.image)
    return found


def tiny_pixels() -> npt.NDArray[np.uint8]:
    """Make the pixels of the image: (8, 8, 3)."""
    return np.random.default_rng(1).integers(0, 256, (8, 8, 3), dtype=np.uint8)


def write_h5(path: Path, blobs: Blobs) -> None:
    """Write weights as Caffe's HDF5 snapshot does: /data/<layer>/<index>."""
    with h5py.File(path, "w") as file:
        data = file.create_group("data")
        for name, arrays in blobs.items():
            group = data.create_group(name)
            for index, array in enumerate(arrays):
                group.create_dataset(str(index), data=array)


def caffemodel_bytes(blobs: Blobs) -> bytes:
    """Return weights as a binary NetParameter."""
    net = message("NetParameter")()
    for name, arrays in blobs.items():
        layer = net.layer.add(name=name, type="Convolution")
        for array in arrays:
            blob = layer.blobs.add()
            blob.shape.dim.extend(array.shape)
            blob.data.extend(array.ravel().tolist())
    data: bytes = net.SerializeToString()
    return data


def mean_bytes(planes: npt.NDArray[np.float32]) -> bytes:
    """Return a mean image (c, h, w) as a BlobProto with the legacy shape, as Caffe's tools do."""
    blob = message("BlobProto")(num=1)
    blob.channels, blob.height, blob.width = planes.shape
    blob.data.extend(planes.ravel().tolist())
    data: bytes = blob.SerializeToString()
    return data


def png_bytes(width: int, height: int, depth: int = 8, colour: int = 2, data: bytes = b"") -> bytes:
    """Return a PNG whose header says what it likes; `data` are its compressed scan lines."""
    header = pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", data or zlib.compress(b"\0" * 64)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        pack(">I", len(body)) + kind + body + pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
