"""Networks into `.network` files."""

from __future__ import annotations

from pathlib import Path

from qrig.errors import UsageError
from qrig.fixedpoint.network_file import NetworkFile, file_from_network
from qrig.fixedpoint.network_file.input_scale import LEAST_PLAUSIBLE_SCALE
from qrig.networks.files import write_file
from qrig.runs.networks import LoadedNetwork


def convert(
    loaded: LoadedNetwork,
    *,
    compat: bool = False,
    batch: int | None = None,
    has_scale: bool = False,
) -> tuple[NetworkFile, tuple[str, ...]]:
    """Return the file that holds a network, and sentences for the user.

    `compat` writes the input scale as OpenMV's converter did; of a network that was itself read
    from a file this needs to be told the scale of its pixels (`has_scale`). `batch` is the batch
    size in the file, where it is not to be the network's. Raises UnsupportedNetworkError that names
    what the format lacks, and UsageError.
    """
    if compat and loaded.file is not None and not has_scale:
        raise UsageError(
            f"{loaded.name}: expected --scale with --compat openmv for a .network file, which does "
            "not say the format of its input, found none; give what multiplies the pixels, 1 or "
            "1/256 as a rule"
        )
    network = loaded.quantized
    size = loaded.batch if batch is None else batch
    file = file_from_network(network, batch=size, compat=compat, dialect=loaded.dialect)
    notices = []
    if network.stages[-1].type == "softmax":
        notices.append("the softmax at the end is left out: the format has none")
    if file.data.scale < LEAST_PLAUSIBLE_SCALE:
        notices.append(
            f"the input scale {file.data.scale} leaves little but black and white; qrig reads it "
            "as it stands with --dialect openmv alone"
        )
    return file, tuple(notices)


def write_network_file(file: NetworkFile, path: Path) -> int:
    """Write the file whole or not at all, and return its size in bytes; raises UsageError."""
    data = file.to_bytes()

    def write(temporary: Path) -> None:
        temporary.write_bytes(data)

    write_file(path, write)
    return len(data)
