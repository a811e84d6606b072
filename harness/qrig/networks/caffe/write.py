"""Writing Caffe's files: prototxt, `.caffemodel`, `.caffemodel.h5`, mean.binaryproto.

Layouts: a binary NetParameter with the blobs inside its layers, or an HDF5 file with a group
`data`, in it a group for every layer (also for those without blobs), in that the float32 datasets
"0", "1", ...; a mean is a BlobProto with the legacy dimensions, as Caffe's tools write it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf import text_format

from qrig.errors import UsageError
from qrig.networks.caffe.blobs import finite
from qrig.networks.caffe.from_graph import network_to_caffe
from qrig.networks.caffe.schema import message
from qrig.networks.caffe.weights import MAX_TOTAL_NUMBERS
from qrig.networks.files import write_bytes, write_file, write_text
from qrig.networks.graph import FloatArray, Network

_HDF5_SUFFIXES = (".h5", ".hdf5")


def write_prototxt(path: Path, net: Any) -> None:
    """Write the NetParameter `net`, without blobs, in text format; raises UsageError."""
    plain = message("NetParameter")()
    plain.CopyFrom(net)
    for layer in plain.layer:
        layer.ClearField("blobs")
    write_text(path, text_format.MessageToString(plain))


def write_weights(
    path: Path, weights: Mapping[str, Sequence[FloatArray]], *, net: Any | None = None
) -> None:
    """Write trained blobs (Caffe's own order) by layer name.

    A `path` that ends in .h5 or .hdf5 becomes HDF5, any other a binary NetParameter. `net`, a
    NetParameter, gives the layers their types and adds those without blobs. Raises UsageError if
    the file cannot be written or `net` lacks a layer that has blobs, and FileFormatError for a
    value that is not finite.
    """
    _check(path, weights, net)
    blobs = {
        name: [
            finite(np.asarray(array), f"{path}: layer {name!r}, blob {index}")
            for index, array in enumerate(arrays)
        ]
        for name, arrays in weights.items()
    }
    if path.suffix.lower() in _HDF5_SUFFIXES:
        names = [] if net is None else [layer.name for layer in net.layer if layer.name]
        write_file(path, lambda place: _write_hdf5(path, place, names, blobs))
    else:
        write_bytes(path, _with_blobs(blobs, net).SerializeToString())


def write_mean(path: Path, mean: FloatArray) -> None:
    """Write a mean image (h, w, c) as mean.binaryproto; raises UsageError, FileFormatError."""
    planes = finite(np.asarray(mean), str(path)).transpose(2, 0, 1)
    blob = message("BlobProto")(num=1)
    blob.channels, blob.height, blob.width = planes.shape
    blob.data.extend(planes.ravel().tolist())
    write_bytes(path, blob.SerializeToString())


def write_network(network: Network, model: Path, weights: Path) -> None:
    """Write a network as a deploy prototxt and weights; a mean image goes beside the model.

    Raises what the writers above do, and UnsupportedNetworkError for what Caffe cannot say.
    """
    mean = network.input.mean
    mean_path = model.with_name(f"{model.stem}_mean.binaryproto")
    is_image = mean is not None and mean.ndim == 3
    net, blobs = network_to_caffe(network, mean_file=mean_path.name if is_image else None)
    if mean is not None and is_image:
        write_mean(mean_path, mean)
    write_weights(weights, blobs, net=net)
    write_prototxt(model, net)


def _check(path: Path, weights: Mapping[str, Sequence[FloatArray]], net: Any | None) -> None:
    known = None if net is None else {layer.name for layer in net.layer}
    for name in weights:
        if not name or (known is not None and name not in known):
            raise UsageError(
                f"{path}: expected weights of layers of the network, found those of {name!r}; "
                "write them with the network they belong to"
            )
    total = sum(np.size(array) for arrays in weights.values() for array in arrays)
    if total > MAX_TOTAL_NUMBERS:
        raise UsageError(
            f"{path}: expected at most {MAX_TOTAL_NUMBERS:,} weights, found {total:,}; write a "
            "smaller network"
        )


def _with_blobs(blobs: Mapping[str, list[FloatArray]], net: Any | None) -> Any:
    """Return a NetParameter of `net`'s layers, or of layers with a name alone, with the blobs."""
    made = message("NetParameter")()
    if net is None:
        for name in blobs:
            made.layer.add(name=name)
    else:
        made.CopyFrom(net)
    for layer in made.layer:
        layer.ClearField("blobs")
        for array in blobs.get(layer.name, []):
            blob = layer.blobs.add()
            blob.shape.dim.extend(array.shape)
            blob.data.extend(array.ravel().tolist())
    return made


def _write_hdf5(
    path: Path, place: Path, names: Sequence[str], blobs: Mapping[str, list[FloatArray]]
) -> None:
    import h5py

    for name in (*names, *blobs):
        if "\0" in name or any(part in ("", ".") for part in name.split("/")):
            raise _no_hdf5_name(path, repr(name))
    try:
        with h5py.File(place, "w") as file:
            data = file.create_group("data")
            for name in names:
                data.require_group(name)
            for name, arrays in blobs.items():
                group = data.require_group(name)
                for index, array in enumerate(arrays):
                    group.create_dataset(str(index), data=array.astype("<f4"))
    except (ValueError, TypeError, KeyError, RuntimeError) as error:
        raise _no_hdf5_name(path, " ".join(str(error).split())[:200]) from error


def _no_hdf5_name(path: Path, found: str) -> UsageError:
    return UsageError(
        f"{path}: expected layer names HDF5 can hold, found others ({found}); write a .caffemodel"
    )
