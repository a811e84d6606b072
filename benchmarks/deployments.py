"""What whole deployments cost, plan by plan, and the fast path's convolutions on their own."""

from collections.abc import Iterator

import attrs
import numpy as np

from benchmarks.subjects import more_subjects, subjects
from qrig.build import Deployment, Kernels, build_deployment
from qrig.build.image import read_image
from qrig.codegen.choose import FAST, LIBRARY_PLAN, SMALL
from qrig.datasets import Sample
from qrig.fixedpoint.quantized import (
    QuantizedConvolution,
    QuantizedInput,
    QuantizedLayer,
    QuantizedNetwork,
    QuantizedReLU,
)
from qrig.networks.graph import Pair, Shape
from qrig.runs.modelled import SUFFIXES, modelled_boards
from qrig.runs.networks import LoadedNetwork
from qrig.runs.profile import ProfiledCell, profile_deployment
from qrig.runs.targets import DEFAULT_TARGETS, Target, find_target

_PLANS = (FAST, SMALL, LIBRARY_PLAN)
_HARNESS = ("server_", "frame_", "app_", "inference_", "trace_", "port_", "commands_", "crc32_")


def run() -> Iterator[str]:
    """Yield instructions, model cycles, RAM and code of every plan, then single layers."""
    for loaded, inputs in [*subjects(), *more_subjects(), *_layers()]:
        for name in DEFAULT_TARGETS:
            for plan in _PLANS:
                target = attrs.evolve(find_target(name), kernels=Kernels(plan=plan))
                yield _line(target, loaded, inputs[0], plan)


def _line(target: Target, loaded: LoadedNetwork, sample: Sample, plan: str) -> str:
    deployment = build_deployment(loaded.quantized, target.board, target.kernels)
    suffix = SUFFIXES[target.board.core]
    board = modelled_boards(target)[suffix]
    cell = profile_deployment(target, loaded, deployment, sample, {suffix: board})
    counted = [layer for layer in cell.layers if layer.type not in ("data", "softmax")]
    data = sum(layer.instructions or 0 for layer in cell.layers if layer.type == "data")
    instructions = sum(layer.instructions or 0 for layer in counted)
    cycles = sum(
        layer.model.get(f"model_cycles_{suffix}", 0.0)
        for layer in cell.layers
        if layer.type != "softmax"
    )
    mac = sum(layer.mac for layer in cell.layers)
    layout = deployment.layout
    return (
        f"{loaded.name} on {target.name}, plan {plan}: {instructions + data:,} instructions "
        f"({instructions / mac:.3f} a MAC without preprocessing), {cycles:,.0f} model cycles on "
        f"{board.name} ({cycles / board.clock_hz * 1e3:.1f} ms), RAM "
        f"{layout.ram_bytes:,} bytes, constants {layout.flash_bytes:,} bytes, "
        f"code {_code_bytes(deployment, cell):,} bytes"
    )


def _code_bytes(deployment: Deployment, cell: ProfiledCell) -> int:
    """Return the bytes of all functions that ran in the network's layers."""
    ran = set(cell.tables["functions"]["function"])
    image = read_image(deployment.elf)
    return sum(
        symbol.size_bytes
        for symbol in image.symbols
        if symbol.name in ran and not symbol.name.startswith(_HARNESS)
    )


def _layers() -> Iterator[tuple[LoadedNetwork, tuple[Sample, ...]]]:
    """Yield networks of one convolution with its ReLU: those that the figures are kept for."""
    for name, image, kernel, channels in (
        ("3x3, 32 to 32 channels on 16x16", Shape(16, 16, 32), Pair(3, 3), 32),
        ("1x1, 64 to 64 channels on 25x5", Shape(25, 5, 64), Pair(1, 1), 64),
    ):
        numbers = np.random.default_rng(1)
        pad = Pair(kernel.y // 2, kernel.x // 2)
        shape = Shape(image.h, image.w, channels)
        weights = numbers.integers(-128, 128, (channels, kernel.y, kernel.x, image.c), np.int8)
        bias = numbers.integers(-128, 128, channels, np.int8)
        layers: tuple[QuantizedLayer, ...] = (
            QuantizedConvolution(
                "conv", ("data",), image, shape, 0, kernel, Pair(1, 1), pad, weights, bias, 0, 11
            ),
            QuantizedReLU("relu", ("conv",), shape, shape, 0),
        )
        mean = np.full(image.c, 128, np.int16)
        source = QuantizedInput("data", image, "rgb", mean, 1, 0, 0)
        pixels = numbers.integers(0, 256, (image.h, image.w, image.c), np.uint8)
        loaded = LoadedNetwork(name, QuantizedNetwork(name, source, layers))
        yield loaded, (Sample("noise", pixels, None),)
