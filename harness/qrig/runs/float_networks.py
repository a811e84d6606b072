"""From what a user names to a float network in deployable form, before it has formats."""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np
from attrs import field, frozen

from qrig.datasets import read_samples
from qrig.datasets.image_set import ImageSet
from qrig.datasets.places import Place, place_of
from qrig.errors import UsageError
from qrig.fixedpoint import read_formats
from qrig.networks.caffe import read_mean
from qrig.networks.description import holds_weights, read_description
from qrig.networks.graph import FloatArray, Network, Shape
from qrig.networks.lower import lower
from qrig.networks.normalise import with_scale
from qrig.networks.read import read_network
from qrig.runs.networks import network_folder, without_mean_notice


@frozen(eq=False)
class FloatNetwork:
    """A float network in deployable form, and the samples that lie beside it, if any.

    `samples_place` says where they were read (see `place_of`).
    """

    name: str
    network: Network = field(repr=False)
    samples: ImageSet | None = field(default=None, repr=False)
    samples_place: Place | None = None


@frozen
class InputFacts:
    """What a user says of the input; None leaves it to the model.

    `scale` is one factor, or one for each channel; `default_shape` is that of the images at hand,
    for models that say nothing.
    """

    mean: str | None = None
    scale: tuple[float, ...] | None = None
    shape: Shape | None = None
    channel_order: str | None = None
    default_shape: Shape | None = None


def named_float_network(name: str, facts: InputFacts) -> FloatNetwork:
    """Load a bundled network or a folder with a network.toml, without its formats.

    Raises InputError.
    """
    found = read_description(network_folder(name))
    shape = Shape(*found.input_shape) if found.input_shape else None
    settled = attrs.evolve(
        facts,
        mean=found.mean if facts.mean is None else facts.mean,
        scale=found.scale if facts.scale is None else facts.scale,
        shape=facts.shape or shape,
        default_shape=_formats_shape(found.formats) or facts.default_shape,
        channel_order=facts.channel_order or found.channel_order,
    )
    network = float_network(found.model, found.weights, settled)
    named = FloatNetwork(found.name, attrs.evolve(network, name=found.name))
    if found.samples is None:
        return named
    samples = _sample_set(found.samples, found.sample_labels, network.input.shape)
    return attrs.evolve(named, samples=samples, samples_place=place_of(found.samples, ""))


def _formats_shape(formats: Path) -> Shape | None:
    """Return the input shape that formats chosen earlier hold, if there are any."""
    return read_formats(formats).input_shape if formats.is_file() else None


def float_network(model: Path, weights: Path | None, facts: InputFacts) -> Network:
    """Read a model with its weights and bring it into deployable form; raises InputError.

    An ONNX file holds its own weights.
    """
    network = read_network(
        model, weights, input_shape=facts.shape, default_shape=facts.default_shape
    )
    source = network.input
    if facts.mean is not None:
        source = attrs.evolve(source, mean=_fitting(read_mean(facts.mean), source.shape))
        network = attrs.evolve(network, notices=without_mean_notice(network.notices))
    order = facts.channel_order
    if order is not None:
        if (order == "gray") != (source.shape.c == 1):
            raise UsageError(
                f"expected a channel order that fits {source.shape.c} channels, found {order!r}; "
                "give another with --channel-order"
            )
        source = attrs.evolve(source, channel_order=order)
    network = attrs.evolve(network, input=source)
    if facts.scale is not None:
        network = with_scale(network, facts.scale)
    elif holds_weights(model) and source.mean is None and source.scale == 1:
        notice = (
            f"{model} does not say how it was given its pixels; it gets 0 to 255 unless --scale "
            "and --mean say otherwise (--scale 1/255 for PyTorch's ToTensor)"
        )
        network = attrs.evolve(network, notices=(*network.notices, notice))
    return lower(network)


def _fitting(mean: FloatArray, shape: Shape) -> FloatArray:
    """Return a mean for every channel or value of `shape`; raises UsageError."""
    if mean.shape == (1,):
        return np.repeat(mean, shape.c)
    if mean.shape not in ((shape.c,), tuple(shape)):
        raise UsageError(
            f"expected a mean of {shape.c} values, one for each channel, or an image of {shape}, "
            f"found shape {mean.shape}; give another with --mean"
        )
    return mean


def _sample_set(images: Path, labels: Path | None, shape: Shape) -> ImageSet:
    found = read_samples(images, labels, shape)
    known = [sample.label for sample in found if sample.label is not None]
    return ImageSet(
        images.name,
        np.stack([sample.pixels for sample in found]),
        np.array(known, dtype=np.int64) if len(known) == len(found) else None,
        "gray" if shape.c == 1 else "rgb",
        records=[sample.name for sample in found],
    )
