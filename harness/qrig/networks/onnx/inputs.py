"""How the input's axes may be read: ONNX does not say which of them are channels.

PyTorch's inputs are batch, channels, rows, columns, Keras's batch, rows, columns, channels. Each
reading is tried; what the first convolution takes tells which one is meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from qrig.errors import FileFormatError
from qrig.networks.graph import Shape
from qrig.networks.onnx.layout import Activation, activation
from qrig.networks.onnx.model import Declared
from qrig.networks.onnx.text import short
from qrig.networks.shapes import checked

Dims = Sequence[int | None]

_FEW = (1, 3, 4)  # as many channels as images have

_CHANNELS_FIRST = ("n", "c", "h", "w")
_CHANNELS_LAST = ("n", "h", "w", "c")
_BY_RANK: dict[int, tuple[tuple[str, ...], ...]] = {
    1: (("c",), ("chw",), ("hwc",)),
    2: (("n", "c"), ("n", "w"), ("h", "w"), ("n", "chw"), ("n", "hwc")),
    3: (("n", "h", "w"), ("n", "c", "w"), ("n", "w", "c"), ("c", "h", "w"), ("h", "w", "c")),
}


def readings(
    declared: Declared, dims: Dims, shape: Shape | None, name: str, where: str
) -> Iterator[Activation]:
    """Return the input as each of the ways its axes may be read, the likeliest first.

    `dims` are its axes, None for an open one; `shape` is what the user says. Raises FileFormatError
    if there is no reading: an open size, or a shape that does not fit.
    """
    count, is_open = 0, False
    for axes in _orders(dims, shape):
        sizes = _sizes(axes, dims, shape)
        if sizes is None:
            continue
        if None in sizes.values():
            is_open = True
            continue
        h, w, c, batch = (sizes.get(letter) or 1 for letter in "hwcn")
        found = checked(Shape(h, w, c), f"{where}: input {short(declared.name)}")
        count += 1
        yield activation(name, found, batch, [tuple(axis) for axis in axes])
    if count:
        return
    listed = "x".join("?" if dim is None else str(dim) for dim in dims)
    if is_open:
        raise FileFormatError(
            f"{where}: input {short(declared.name)}: expected the sizes of its axes, found "
            f"{listed}; give --input-shape HxWxC or export the network with fixed sizes"
        )
    raise FileFormatError(
        f"{where}: input {short(declared.name)}: expected "
        + (f"an input of shape {shape}" if shape else "an image, a row or a vector")
        + f", found axes of sizes {listed}; "
        + ("correct --input-shape" if shape else "export the network with such an input")
    )


def _orders(dims: Dims, shape: Shape | None) -> Sequence[tuple[str, ...]]:
    """Return the letters of each axis, for each reading."""
    if len(dims) == 4:
        likely_last = dims[3] in _FEW and dims[1] not in _FEW
        orders = (_CHANNELS_FIRST, _CHANNELS_LAST)
        return orders[::-1] if likely_last else orders
    return [
        order
        for order in _BY_RANK.get(len(dims), ())
        if shape is not None or not any(len(axis) > 1 for axis in order)
    ]


def _sizes(axes: tuple[str, ...], dims: Dims, shape: Shape | None) -> dict[str, int | None] | None:
    """Return the size of each letter, None for an open one; no sizes if they do not fit."""
    said = dict(zip("hwc", shape, strict=True)) if shape else {}
    found: dict[str, int | None] = {}
    for axis, dim in zip(axes, dims, strict=True):
        if axis == "n":
            found["n"] = dim or 1
        elif len(axis) > 1:
            found.update(said)
            if dim not in (None, shape.size if shape else None):
                return None
        else:
            found[axis] = dim if dim is not None else said.get(axis)
    fits = all(found.get(letter, 1) == size for letter, size in said.items())
    return found if fits or not said else None
