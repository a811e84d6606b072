"""What converts a layer: where it stands, what it reads, and its trained blobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attrs import frozen

from qrig.errors import FileFormatError, UnsupportedNetworkError
from qrig.networks.graph import FloatArray, Shape
from qrig.networks.shapes import checked


@frozen(eq=False)
class Context:
    """One layer of a definition: `place` is "file:line", `axes` the axes of the blobs it reads."""

    place: str
    layer: Any
    inputs: tuple[str, ...]
    shapes: tuple[Shape, ...]
    axes: int
    trained: list[FloatArray] | None
    weights_path: Path

    @property
    def where(self) -> str:
        """The layer's place and name, as a sentence about it begins."""
        return f"{self.place}: layer {self.layer.name!r}"

    @property
    def shape(self) -> Shape:
        """The shape of the first tensor the layer reads."""
        return self.shapes[0]

    def fail(self, expected: str, found: str) -> FileFormatError:
        """Make the error for a parameter that cannot be."""
        return FileFormatError(
            f"{self.where}: expected {expected}, found {found}; correct the definition"
        )

    def unsupported(self, what: str) -> UnsupportedNetworkError:
        """Make the error for a parameter qrig cannot deploy."""
        return UnsupportedNetworkError(f"{self.where}: {what}, which qrig cannot deploy")

    def axis(self, number: int) -> int:
        """Return an axis counted from the front; Caffe counts negative ones from the back."""
        return number + self.axes if number < 0 else number

    def base(self, out_shape: Shape, *, vector: bool = False) -> dict[str, Any]:
        """Return the fields every layer has; the sides of a `vector` have no limit of their own."""
        if not vector:
            checked(out_shape, f"{self.where}: output")
        return {
            "name": self.layer.name,
            "inputs": self.inputs,
            "in_shape": self.shape,
            "out_shape": out_shape,
            "source": self.place,
        }

    def blobs(self, *shapes: tuple[int, ...]) -> list[FloatArray]:
        """Return the layer's trained blobs, of these shapes.

        Raises FileFormatError if there are others. Leading ones do not count: Caffe's old files
        have four dimensions throughout.
        """
        found = self.trained
        if found is None or len(found) != len(shapes):
            count = "no such layer" if found is None else f"{len(found)} blobs"
            raise FileFormatError(
                f"{self.weights_path}: expected {len(shapes)} blobs for layer {self.layer.name!r} "
                f"of the model, found {count}; these are the weights of another network"
            )
        for blob, shape in zip(found, shapes, strict=True):
            if _trimmed(blob.shape) != _trimmed(shape):
                raise FileFormatError(
                    f"{self.weights_path}: layer {self.layer.name!r}: expected a blob of shape "
                    f"{shape}, found {blob.shape}; these are the weights of another network or of "
                    "another input shape"
                )
        return [blob.reshape(shape) for blob, shape in zip(found, shapes, strict=True)]


def _trimmed(shape: tuple[int, ...]) -> tuple[int, ...]:
    while shape and shape[0] == 1:
        shape = shape[1:]
    return shape
