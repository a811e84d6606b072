"""From what a user names to a quantised network with its samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import attrs
import numpy as np
from attrs import field, frozen

from qrig.datasets import Sample, read_samples
from qrig.datasets.images import Pixels
from qrig.errors import UsageError
from qrig.fixedpoint import Formats, QuantizedNetwork, read_formats
from qrig.fixedpoint.convert import quantize_network, rounded_mean
from qrig.fixedpoint.network_file import (
    CORRECT,
    NetworkFile,
    network_from_file,
    read_network_file,
    semantics_of,
)
from qrig.fixedpoint.network_file.input_scale import read_scale
from qrig.fixedpoint.quantized import QuantizedSoftmax
from qrig.networks.caffe import read_mean
from qrig.networks.description import NetworkDescription, read_description
from qrig.networks.graph import Input, Network, Shape
from qrig.networks.lower import lower
from qrig.networks.normalise import with_scale
from qrig.networks.read import read_network
from qrig.resources import models_root

_SOFTMAX_FRACTION_BITS = 7
_SUFFIX = ".network"


@frozen(eq=False)
class LoadedNetwork:
    """A quantised network and what was found beside it.

    Samples have the network's channel order already. `notices` are sentences for the user. `batch`
    and `file` are for `.network` files: the batch size that is written into one, and the one the
    network was read from, None where it was another file; `dialect` is how such a file is taken.
    """

    name: str
    quantized: QuantizedNetwork = field(repr=False)
    labels: tuple[str, ...] = ()
    samples: tuple[Sample, ...] = field(default=(), repr=False)
    notices: tuple[str, ...] = ()
    batch: int = 1
    file: NetworkFile | None = field(default=None, repr=False)
    dialect: str = CORRECT


def bundled_networks() -> tuple[str, ...]:
    """Return the names of the networks that come with qrig."""
    return tuple(sorted(path.parent.name for path in models_root().glob("*/network.toml")))


def load_network(
    name: str,
    *,
    mean: str | None = None,
    scale: Sequence[float] | None = None,
    input_shape: Shape | None = None,
    dialect: str = CORRECT,
) -> LoadedNetwork:
    """Load a bundled network, a folder with a network.toml, or a `.network` file.

    `mean`, `scale` and `input_shape` override what the folder says; `dialect` is for files. Raises
    InputError.
    """
    if is_network_file(name):
        return load_network_file(
            Path(name), mean=mean, scale=scale, input_shape=input_shape, dialect=dialect
        )
    loaded = load_description(
        read_description(network_folder(name)), mean=mean, scale=scale, input_shape=input_shape
    )
    return attrs.evolve(loaded, dialect=dialect)


def is_network_file(name: str) -> bool:
    """Return whether `name` is that of a file, or of one to be: not a bundled name or a folder."""
    if name in bundled_networks() or _is(Path.is_dir, name):
        return False
    return name.endswith(_SUFFIX) or _is(Path.is_file, name)


def network_folder(name: str) -> Path:
    """Return the folder of a bundled network or the folder called `name`; raises UsageError."""
    if name in bundled_networks():
        return models_root() / name
    if is_network_file(name):
        raise UsageError(
            f"{name}: expected a network with weights in floating point (a bundled name, or a "
            "folder with a network.toml), found a file, which at best holds integers; give --model "
            "and --weights"
        )
    if not _is(Path.is_dir, name):
        raise UsageError(
            f"expected a network ({', '.join(bundled_networks())}, a folder with a network.toml, "
            f"or a .network file), found {name!r}; or give --model, --weights and --formats"
        )
    return Path(name)


def _is(what: Callable[[Path], bool], name: str) -> bool:
    try:
        return what(Path(name))
    except (OSError, ValueError):  # a name that no file can have
        return False


def load_network_file(
    path: Path,
    *,
    mean: str | None = None,
    scale: Sequence[float] | None = None,
    input_shape: Shape | None = None,
    dialect: str = CORRECT,
) -> LoadedNetwork:
    """Load a `.network` file; raises InputError.

    `mean` stands in for its channel means, and may be an image; `scale` is what multiplies the
    pixels and says that OpenMV's converter wrote the file. The shape cannot be another.
    """
    semantics_of(dialect)
    file = read_network_file(path)
    factor = _only_factor(path, scale)
    notice = read_scale(file.data.scale, str(path), dialect=dialect, factor=factor).notice
    network = network_from_file(file, path.stem, dialect=dialect, scale=factor)
    source = network.input
    if input_shape not in (None, source.shape):
        raise UsageError(
            f"{path}: expected the input of {source.shape} that the file has, found --input-shape "
            f"{input_shape}; leave it out"
        )
    if mean is not None:
        source = attrs.evolve(source, mean=rounded_mean(read_mean(mean), source.shape))
        network = attrs.evolve(network, input=source)
    notices = () if notice is None else (notice,)
    return LoadedNetwork(
        path.stem, network, notices=notices, batch=file.batch, file=file, dialect=dialect
    )


def _only_factor(path: Path, scale: Sequence[float] | None) -> float | None:
    """Return the one factor of the pixels, None if there is none; raises UsageError for several."""
    if scale is None:
        return None
    if len(scale) != 1:
        raise UsageError(
            f"{path}: expected one number as scale, which is all that a .network file can say, "
            f"found {len(scale)}; give one like 1 or 1/256"
        )
    return scale[0]


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
    return LoadedNetwork(
        description.name,
        quantized,
        description.labels,
        samples,
        network.notices,
        batch=formats.batch or network.input.batch,
    )


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
