"""Formats for a network, by a method, with what they are worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import attrs
from attrs import field, frozen

from qrig.datasets.image_set import ImageSet
from qrig.errors import InputError, UnsupportedNetworkError, UsageError
from qrig.fixedpoint import Formats, QuantizedNetwork
from qrig.fixedpoint.convert import quantize_network
from qrig.fixedpoint.semantics import DEFAULT, Semantics
from qrig.networks.files import write_text
from qrig.networks.graph import Network
from qrig.quantize import arm
from qrig.quantize.arm import TOLERANCE, arm_formats
from qrig.quantize.assignment import formats_of, ranged_bias
from qrig.quantize.by_layer import LayerJudgement, judge_layers
from qrig.quantize.calibration import Calibration, calibrate
from qrig.quantize.judgement import Judgement, judge
from qrig.quantize.ranges import ranged_assignment
from qrig.quantize.refine import Progress
from qrig.quantize.search import search_formats


@frozen(eq=False)
class Quantization:
    """Formats of a network and what they are worth.

    `chosen_on` judges them on the images that chose them, `tested_on` on others, if there were any.
    """

    method: str
    network: Network = field(repr=False)
    formats: Formats = field(repr=False)
    quantized: QuantizedNetwork = field(repr=False)
    calibration: Calibration = field(repr=False)
    images: str
    chosen_on: Judgement
    layers: tuple[LayerJudgement, ...] = field(repr=False)
    test_images: str | None
    tested_on: Judgement | None
    has_labels: bool
    tested_with_labels: bool


@frozen
class _Request:
    calibration: Calibration
    tolerance: float | None
    semantics: Semantics
    progress: Progress


@frozen(eq=False)
class _Others:
    """Images that no formats are chosen on, by name, and what the float network makes of them."""

    images: str
    calibration: Calibration


def _search(request: _Request) -> Formats:
    return search_formats(
        request.calibration,
        semantics=request.semantics,
        tolerance=request.tolerance,
        progress=request.progress,
    )


def _arm(request: _Request) -> Formats:
    tolerance = TOLERANCE if request.tolerance is None else request.tolerance
    return arm_formats(request.calibration, tolerance=tolerance, progress=request.progress)


def _minmax(request: _Request) -> Formats:
    calibration = request.calibration
    chosen = ranged_assignment(calibration.network, calibration.magnitudes)
    return formats_of(
        calibration.network,
        chosen,
        ranged_bias,
        source=f"formats of the ranges on {len(calibration.images)} images",
    )


METHODS: dict[str, Callable[[_Request], Formats]] = {
    "search": _search,
    "minmax": _minmax,
    "arm": _arm,
}
"""The methods by name, the default first."""


def why_not(method: str, network: Network) -> str | None:
    """Return why `method` does not apply to `network`, None if it does."""
    return arm.why_not(network) if method == "arm" else None


def quantize(
    network: Network,
    images: ImageSet,
    *,
    methods: Sequence[str] = ("search",),
    test: ImageSet | None = None,
    tolerance: float | None = None,
    semantics: Semantics = DEFAULT,
    progress: Progress = lambda what, done, total: None,
) -> tuple[Quantization, ...]:
    """Choose formats for `network`, in deployable form, on `images`, by each of `methods`.

    Every method is judged on `images` and, if there are any, on the untouched images of `test`.
    Without labels the float network's own answers count as right. Raises InputError, before
    anything is computed if a method does not apply to the network.
    """
    for method in methods:
        if (reason := why_not(method, network)) is not None:
            raise UnsupportedNetworkError(f"{reason}; use --method search")
    progress("float network", 0, 1)
    network = _scaled(network, images)
    calibration = _calibrated(network, images)
    others = None if test is None else _others(network, images, test)
    request = _Request(calibration, tolerance, semantics, progress)
    return tuple(_by_method(method, request, images, others) for method in methods)


def _others(network: Network, images: ImageSet, test: ImageSet) -> _Others:
    """Return the images of `test`; raises UsageError unless their pixels are those of `images`."""
    if test.scale != images.scale:
        raise UsageError(
            f"{test.name}: expected pixels of the scale {images.scale:g} that the other images "
            f"have, found {test.scale:g}; store both alike"
        )
    return _Others(_text(test), _calibrated(network, test))


def _by_method(
    method: str, request: _Request, images: ImageSet, others: _Others | None
) -> Quantization:
    """Choose formats by `method` and judge them."""
    calibration, semantics = request.calibration, request.semantics
    formats = METHODS[method](request)
    request.progress(f"judging {method}", 0, 1)
    quantized = quantize_network(calibration.network, formats)
    return Quantization(
        method=method,
        network=calibration.network,
        formats=formats,
        quantized=quantized,
        calibration=calibration,
        images=_text(images),
        chosen_on=judge(calibration, quantized, semantics),
        layers=judge_layers(calibration, quantized, semantics),
        test_images=None if others is None else others.images,
        tested_on=None if others is None else judge(others.calibration, quantized, semantics),
        has_labels=calibration.has_labels,
        tested_with_labels=others is not None and others.calibration.has_labels,
    )


def _scaled(network: Network, images: ImageSet) -> Network:
    """Return the network for pixels that stand for the numbers it was trained on."""
    if images.scale == 1.0:
        return network
    source = network.input
    if source.mean is not None:
        raise InputError(
            f"{images.name}: expected pixels of 0 to 255, for the network subtracts a mean, found "
            f"numbers that are pixels times {images.scale:g}; store the pixels, or remove the mean"
        )
    return attrs.evolve(network, input=attrs.evolve(source, scale=source.scale * images.scale))


def _calibrated(network: Network, images: ImageSet) -> Calibration:
    ordered = images.in_order(network.input.channel_order)
    if ordered.labels is not None:
        ordered.check_labels(network.layers[-1].out_shape.size)
    try:
        return calibrate(network, ordered.images, ordered.labels)
    except InputError as error:
        raise type(error)(f"{images.name}: {error}") from error


def _text(images: ImageSet) -> str:
    part = f", {images.part}" if images.part else ""
    return f"{images.name}{part} ({len(images):,} images)"


def write_formats(formats: Formats, path: Path) -> None:
    """Write formats.json whole or not at all; raises UsageError."""
    import json

    from qrig.fixedpoint.formats import formats_document

    write_text(path, json.dumps(formats_document(formats), indent=1) + "\n")
