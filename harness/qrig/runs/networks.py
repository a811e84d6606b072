"""From what a user names to a quantised network with its samples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs
import numpy as np
from attrs import field, frozen

from qrig.datasets import Sample, read_samples
from qrig.datasets.images import Pixels
from qrig.errors import UsageError
from qrig.fixedpoint import Formats, QuantizedNetwork, read_formats
from qrig.fixedpoint.convert import quantize_network
from qrig.fixedpoint.quantized import QuantizedSoftmax
from qrig.networks.caffe import read_mean
from qrig.networks.description import NetworkDescription, read_description
from qrig.networks.graph import Input, Network, Shape
from qrig.networks.lower import lower
from qrig.networks.normalise import with_scale
from qrig.networks.read import read_network
from qrig.resources import models_root

_SOFTMAX_FRACTION_BITS = 7


@frozen(eq=False)
class LoadedNetwork:
    """A quantised network and what was found beside it.

    Samples have the network's channel order already. `notices` are sentences for the user.
    """

    name: str
    quantized: QuantizedNetwork = field(repr=False)
    labels: tuple[str, ...] = ()
    samples: tuple[Sample, ...] = field(default=(), repr=False)
    notices: tuple[str, ...] = ()


def bundled_networks() -> tuple[str, ...]:
    """Return the names of the networks that come with qrig."""
    return tuple(sorted(path.parent.name for path in models_root().glob("*/network.toml")))


def load_network(
    name: str,
    *,
    mean: str | None = None,
    scale: Sequence[float] | None = None,
    input_shape: Shape | None = None,
) -> LoadedNetwork:
    """Load a bundled network or a folder with a network.toml.

    `mean`, `scale` and `input_shape` override what the folder says. Raises InputError.
    """
    return load_description(
        read_description(network_folder(name)), mean=mean, scale=scale, input_shape=input_shape
    )


def network_folder(name: str) -> Path:
    """Return the folder of a bundled network or the folder called `name`; raises UsageError."""
    if name in bundled_networks():
        return models_root() / name
    folder = Path(name)
    if not _is_folder(folder):
        raise UsageError(
            f"expected a network ({', '.join(bundled_networks())}, or a folder with a "
            f"network.toml), found {name!r}; or give --model, --weights and --formats"
        )
    return folder


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # a name that no file can have
        return False


def load_description(
    description: NetworkDescription,
    *,
    mean: str | None = None,
    scale: Sequence[float] | None = None,
    input_shape: Shape | None = None,
) -> LoadedNetwork:
    """Load the files a description names; raises InputError.

    `scale` is one factor for the input or one for each channel, in the order of the network's.
    """
    formats = read_formats(description.formats)
    described = Shape(*description.input_shape) if description.input_shape else None
    network = read_network(
        description.model,
        description.weights,
        input_shape=input_shape or described or formats.input_shape,
    )
    network = _with_input(
        network, formats, description.mean if mean is None else mean, description.channel_order
    )
    scale = description.scale if scale is None else scale
    network = lower(network if scale is None else with_scale(network, scale))
    quantized = attrs.evolve(quantize_network(network, formats), name=description.name)
    samples: tuple[Sample, ...] = ()
    if description.samples is not None:
        samples = tuple(
            attrs.evolve(sample, pixels=in_channel_order(sample.pixels, quantized))
            for sample in read_samples(
                description.samples, description.sample_labels, quantized.input.shape
            )
        )
    return LoadedNetwork(description.name, quantized, description.labels, samples, network.notices)


def with_softmax(loaded: LoadedNetwork) -> LoadedNetwork:
    """Return the network with a softmax at its end, if it has none."""
    network = loaded.quantized
    last = network.stages[-1]
    if last.type == "softmax":
        return loaded
    taken = {stage.name for stage in network.stages}
    name = "softmax" if "softmax" not in taken else f"{last.name}_softmax"
    layer = QuantizedSoftmax(
        name, (last.name,), last.out_shape, last.out_shape, _SOFTMAX_FRACTION_BITS
    )
    extended = attrs.evolve(network, layers=(*network.layers, layer))
    return attrs.evolve(loaded, quantized=extended)


def in_channel_order(pixels: Pixels, network: QuantizedNetwork) -> Pixels:
    """Return RGB (or one-channel) pixels in the order the network was trained with."""
    if network.input.channel_order == "bgr":
        return np.ascontiguousarray(pixels[:, :, ::-1])
    return pixels


def without_mean_notice(notices: tuple[str, ...]) -> tuple[str, ...]:
    """Return the notices but for the one that a mean file is missing: there is a mean now."""
    return tuple(notice for notice in notices if "mean file" not in notice)


def _with_input(network: Network, formats: Formats, mean: str | None, order: str | None) -> Network:
    """Settle mean, scale and channel order: the user first, then formats, then the model."""
    source: Input = network.input
    notices = network.notices
    if mean is not None:
        source, notices = attrs.evolve(source, mean=read_mean(mean)), without_mean_notice(notices)
    elif formats.mean is not None:
        source = attrs.evolve(source, mean=np.array(formats.mean, dtype=np.float32))
        notices = without_mean_notice(notices)
    if formats.scale is not None:
        source = attrs.evolve(source, scale=formats.scale)
    chosen = order or formats.channel_order
    if chosen is not None:
        if (chosen == "gray") != (source.shape.c == 1):
            raise UsageError(
                f"{formats.source}: expected a channel order that fits {source.shape.c} channels, "
                f"found {chosen!r}; correct channel_order"
            )
        source = attrs.evolve(source, channel_order=chosen)
    return attrs.evolve(network, input=source, notices=notices)
