"""What the firmware that loads networks has to do on every target."""

import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from network_files import ChainMaker, network_bytes
from oracle_openmv import openmv_softmax, openmv_tensors, transformed
from qrig.build import build_deployment
from qrig.build.kernels import Kernels
from qrig.codegen.choose import LIBRARY_PLAN
from qrig.fixedpoint.quantized import QuantizedNetwork
from qrig.networks.graph import Shape
from qrig.reference import run_reference
from qrig.runs.deployed import LOGITS, Deployed
from qrig.runs.targets import Target
from runtime_driver import CORRECT, GRAY, OPENMV, RGB565, RGB888, Picture, Status
from runtime_link import CRC, PAUSE, SOFTMAX, STORE, Inference, Loader

_MOST_EXTRA_INSTRUCTIONS = 120
"""What a stage may cost more than in generated code: its arguments come out of a table."""


def small_network() -> QuantizedNetwork:
    """Every type of layer, odd channels, an average and a maximum."""
    maker = ChainMaker(Shape(10, 10, 3)).conv(6, 3, pad=1).relu().pool("max", 3).conv(5, 3)
    return maker.pool("average", 2, stride=1).ip(9).relu().ip(4).made("small")


def file_of(network: QuantizedNetwork) -> bytes:
    return bytes(network_bytes(network).data)


def noise(network: QuantizedNetwork, seed: int = 0) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, network.input.shape, dtype=np.uint8)


def tensors_of(network: QuantizedNetwork, pixels: npt.NDArray[np.uint8]) -> list[bytes]:
    return [tensor.tobytes() for tensor in run_reference(network, pixels).tensors]


def check_inference(found: Inference, tensors: Sequence[bytes], *, has_tensors: bool) -> None:
    """Demand every tensor, size and checksum."""
    assert found.status == 0
    assert found.sizes == tuple(map(len, tensors))
    assert found.crcs == tuple(map(zlib.crc32, tensors))
    assert found.output == tensors[-1]
    assert found.tensors == (tuple(tensors) if has_tensors else ())


def check_every_tensor(loader: Loader, network: QuantizedNetwork, file: bytes) -> None:
    """Load a network twice, once for each dialect, and run it with and without a trace."""
    stages = len(network.stages)
    for dialect in (CORRECT, OPENMV):
        outcome = loader.load(file, dialect=dialect)
        assert (outcome.code, outcome.stages) == (Status.OK, stages)
        assert outcome.channels == network.stages[-1].out_shape.c
        for seed, flags in enumerate((CRC, PAUSE | CRC, PAUSE | CRC | SOFTMAX)):
            pixels = noise(network, seed)
            if dialect == OPENMV:
                values = openmv_tensors(network, pixels)
                tensors = [np.array(each, np.int8).tobytes() for each in values]
            else:
                tensors = tensors_of(network, pixels)
            found = loader.infer(pixels, stages, flags)
            if flags & SOFTMAX and dialect == OPENMV:
                tensors.append(np.array(openmv_softmax(values[-1]), np.int8).tobytes())
            elif flags & SOFTMAX:
                tensors.append(found.output)  # the suites of kernels compare it
                assert found.output != tensors[-2]
            check_inference(found, tensors, has_tensors=bool(flags & PAUSE))


def check_refusals(loader: Loader) -> None:
    """Files that are refused leave a firmware that takes the next one."""
    network = small_network()
    made, pixels = network_bytes(network), noise(network)
    file = bytes(made.data)
    broken = (
        (file[:-1], Status.TRUNCATED),
        (b"CAFF" + file[4:], Status.MAGIC),
        (made.with_word(2, "type", 9), Status.TYPE),
        (made.with_word(1, "weights count", 0xFFFF_FFFF), Status.SIZE),
        (made.with_word(2, "h", 11), Status.SHAPE),
        (made.with_word(6, "l_shift", 32), Status.SHIFT),
        (made.with_word(3, "k", 0x8000_0003), Status.WINDOW),
        (made.with_word(0, "scale", 0), Status.SCALE),
        (file + b"\0", Status.TRAILING),
        (b"", Status.TRUNCATED),
    )
    texts = set()
    for data, code in broken:
        outcome = loader.load(data)
        assert (outcome.code, outcome.needed, outcome.stages) == (code, 0, 0)
        texts.add(loader.text())
        assert loader.load(file).code == Status.OK
        assert loader.text() == "nothing wrong"
        check_inference(
            loader.infer(pixels, len(network.stages)), tensors_of(network, pixels),
            has_tensors=False,
        )  # fmt: skip
    assert len(texts) == len(broken) - 1


def check_arena(loader: Loader) -> None:
    """A network that needs one byte too many is refused with what it needs."""
    arena = loader.session.banner.arena_bytes
    sides, codes = range(8, 2048, 8), set()
    low, high = 0, len(sides)
    while low < high:
        middle = (low + high) // 2
        network = ChainMaker(Shape(sides[middle], 256, 1)).relu().made()
        outcome = loader.load(file_of(network))
        codes.add(outcome.code)
        assert (outcome.code == Status.ARENA) == (outcome.needed > arena)
        low, high = (low, middle) if outcome.code == Status.ARENA else (middle + 1, high)
    assert codes == {Status.OK, Status.ARENA}
    assert "more memory" in _text_of_refusal(loader, arena)


def _text_of_refusal(loader: Loader, arena: int) -> str:
    side = arena // 256 + 1
    assert loader.load(file_of(ChainMaker(Shape(side, 256, 1)).relu().made())).code == Status.ARENA
    return loader.text()


def check_images(loader: Loader) -> None:
    """A part of an image in each format, for one channel and for three."""
    numbers = np.random.default_rng(3)
    names = {GRAY: "gray", RGB565: "rgb565", RGB888: "rgb888"}
    for channels in (1, 3):
        network = ChainMaker(Shape(9, 7, channels)).conv(4, 3).made(scale=8, mean=(90, 110, 130))
        assert loader.load(file_of(network)).code == Status.OK
        for kind, name in names.items():
            data = numbers.integers(0, 256, 31 * 23 * (kind + 1), dtype=np.uint8).tobytes()
            picture = Picture(data, kind, 31, 23, (4, 3, 20, 17))
            found = loader.forward(picture, 2, PAUSE | CRC | SOFTMAX)
            shape, means = tuple(network.input.shape), (90, 110, 130)
            first = transformed(data, name, (31, 23), picture.roi, network.input.shape, means, 8)
            assert found.tensors[0] == np.array(first, np.int8).tobytes(), (kind, shape)
            assert len(found.tensors) == 3
            assert found.tensors[2] == found.output
        beside = Picture(data, RGB888, 31, 23, (31, 3, 1, 1))
        assert loader.forward(beside, 2).status == Status.IMAGE


def check_counts(target: Target, loader: Loader) -> None:
    """Counts are the same in every run, and nearly those of generated code.

    Weights of inner products must lie on words for that, as they do in this file.
    """
    maker = ChainMaker(Shape(10, 10, 3)).conv(8, 3, pad=1).relu().pool("max", 3).conv(4, 3)
    network = maker.pool("average", 2, stride=1).ip(9).relu().ip(4).made("on words")
    stages, pixels = len(network.stages), noise(network)
    assert loader.load(file_of(network)).code == Status.OK
    runs = [loader.infer(pixels, stages, flags) for flags in (0, CRC, PAUSE | CRC, 0)]
    counts = [
        [None if ticks is None else loader.running.instructions(ticks) for ticks in found.ticks]
        for found in runs
    ]
    assert counts[0] == counts[1] == counts[2] == counts[3]
    if target.backend.counts == "none":
        assert set(counts[0]) == {None}
        return
    built = build_deployment(network, target.board, Kernels(plan=LIBRARY_PLAN))
    with Deployed(target, built) as deployed:
        records = deployed.run(pixels, LOGITS).records
        generated = [deployed.running.instructions(record.ticks or 0) for record in records]
    for ours, theirs in zip(counts[0], generated, strict=True):
        assert ours is not None
        assert theirs is not None
        assert abs(ours - theirs) <= _MOST_EXTRA_INSTRUCTIONS


def check_store(loader: Loader, network: QuantizedNetwork) -> None:
    """The network in flash leaves the arena free of its file, and is not harmed by writes."""
    file, pixels = file_of(network), noise(network)
    loaded = loader.load(file)
    stored = loader.load(file, place=STORE)
    assert stored.code == Status.OK
    assert stored.needed == loaded.needed - (len(file) + 7) // 8 * 8
    found = loader.infer(pixels, len(network.stages))
    check_inference(found, tensors_of(network, pixels), has_tensors=False)
    loader.memory.write(0x8000_0000, bytes(64))
    assert loader.load(file, place=STORE) == stored
