"""What a search knows of its images: float results to compare with, and parts to work on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from attrs import define, field, frozen

from qrig.errors import FileFormatError, InputError
from qrig.networks.graph import FloatArray, Network, Softmax
from qrig.quantize.float_pass import Images, float_input, float_layer, float_tensors
from qrig.quantize.images import batches, bytes_each, spread, stacked

Labels = npt.NDArray[np.int64]
"""A class for every image."""

_CLOSE_IMAGES, _CLOSE_BYTES = 256, 192 << 20
_JUDGED_IMAGES, _JUDGED_BYTES = 1000, 192 << 20


@frozen(eq=False)
class Calibration:
    """Images (n, h, w, c) with their classes, and what the float network makes of them.

    `logits` (n, classes) are those of all images, `magnitudes` the largest absolute values by
    tensor, `smallest` and `positive` the smallest and largest values. `close` are the indices of a
    few images, evenly spread, whose float tensors are all kept, in `tensors`; `judged` those on
    which candidates are judged.
    Without classes the float network's own answers stand in for them.
    """

    network: Network
    images: Images = field(repr=False)
    labels: Labels = field(repr=False)
    has_labels: bool
    logits: FloatArray = field(repr=False)
    magnitudes: Mapping[str, float] = field(repr=False)
    smallest: Mapping[str, float] = field(repr=False)
    positive: Mapping[str, float] = field(repr=False)
    close: npt.NDArray[np.int64] = field(repr=False)
    tensors: Mapping[str, FloatArray] = field(repr=False)
    judged: npt.NDArray[np.int64] = field(repr=False)

    @property
    def float_accuracy(self) -> float:
        """The share of all images whose class the float network names, in percent."""
        return accuracy(self.logits, self.labels)


@define
class _Ranges:
    """The range of every tensor over all batches, by the words of Calibration."""

    magnitudes: dict[str, float] = field(factory=dict)
    smallest: dict[str, float] = field(factory=dict)
    positive: dict[str, float] = field(factory=dict)

    def add(self, name: str, tensor: FloatArray) -> None:
        """Take a batch of a tensor; raises FileFormatError for values that are not finite."""
        low, high = float(tensor.min()), float(tensor.max())
        if not np.isfinite(low + high):
            raise FileFormatError(
                f"layer {name!r}: expected finite values, found some that are infinite or not "
                "a number; train the network again or use another snapshot"
            )
        self.magnitudes[name] = max(self.magnitudes.get(name, 0.0), abs(low), abs(high))
        self.smallest[name] = min(self.smallest.get(name, low), low)
        self.positive[name] = max(self.positive.get(name, high), high)


def calibrate(network: Network, inputs: Images, labels: Labels | None = None) -> Calibration:
    """Run the float network over all images.

    Raises InputError for no images, images of another shape, or classes that do not fit them, and
    FileFormatError if the network makes values that are not finite.
    """
    if not len(inputs):
        raise InputError("expected images to choose formats with, found none; give at least one")
    images = stacked(network.input, inputs)
    last = logits_name(network)
    ranges = _Ranges()
    parts: list[FloatArray] = []
    for part in batches(network, len(images)):
        for name, tensor in float_tensors(network, images[part]):
            ranges.add(name, tensor)
            if name == last:
                parts.append(tensor.reshape(len(tensor), -1))
    logits = np.concatenate(parts)
    known = logits.argmax(axis=1) if labels is None else checked_labels(labels, logits)
    close = spread(len(images), _fitting(network, _CLOSE_IMAGES, _CLOSE_BYTES))
    return Calibration(
        network,
        images,
        known.astype(np.int64),
        labels is not None,
        logits,
        ranges.magnitudes,
        ranges.smallest,
        ranges.positive,
        close,
        _all_tensors(network, images[close]),
        spread(len(images), _fitting(network, _JUDGED_IMAGES, _JUDGED_BYTES)),
    )


def checked_labels(labels: Labels, logits: FloatArray) -> Labels:
    """Return the labels if every image has one that the network can name; raises InputError."""
    count, classes = logits.shape
    if labels.shape != (count,):
        raise InputError(
            f"expected a class for each of {count} images, found {labels.size}; correct the labels"
        )
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if len(wrong):
        raise InputError(
            f"image {wrong[0]}: expected a class of 0 to {classes - 1}, the network has {classes} "
            f"outputs, found {labels[wrong[0]]}; correct the labels"
        )
    return labels


def logits_name(network: Network) -> str:
    """Return the tensor before a softmax at the end."""
    last = network.layers[-1]
    return last.inputs[0] if isinstance(last, Softmax) else last.name


def accuracy(logits: npt.NDArray[np.floating | np.integer], labels: Labels) -> float:
    """Return the percentage of rows whose largest value, the first of several, is the class."""
    return 100.0 * float(np.mean(logits.argmax(axis=1) == labels))


def _fitting(network: Network, wanted: int, limit_bytes: int) -> int:
    return max(1, min(wanted, limit_bytes // bytes_each(network)))


def _all_tensors(network: Network, images: Images) -> dict[str, FloatArray]:
    tensors = {network.input.name: float_input(network.input, images)}
    for layer in network.layers:
        tensors[layer.name] = float_layer(layer, [tensors[name] for name in layer.inputs])
    return tensors
