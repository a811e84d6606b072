"""The runtime on this machine, under sanitizers: every tensor of networks from files."""

import itertools
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest

from full_runs import FULL
from network_files import ChainMaker, input_scale, network_bytes, random_chain
from oracle import softmax
from oracle_openmv import openmv_softmax, openmv_tensors, transformed
from qrig.build.kernels import IMPLEMENTATIONS
from qrig.fixedpoint.quantized import QuantizedNetwork
from qrig.fixedpoint.semantics import OPENMV as OPENMV_SEMANTICS
from qrig.networks.graph import Shape
from qrig.reference import run_reference
from runtime_driver import (
    CORRECT,
    GRAY,
    OPENMV,
    RGB565,
    RGB888,
    Driver,
    Picture,
    Status,
    driver_program,
)

_MAP = Shape(12, 12, 3)


@pytest.fixture(scope="module", params=IMPLEMENTATIONS)
def driver(request: pytest.FixtureRequest) -> Iterator[Driver]:
    with Driver(driver_program(request.param)) as found:
        yield found


def _noise(network: QuantizedNetwork, seed: int = 0) -> npt.NDArray[np.uint8]:
    shape = network.input.shape
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def _wide() -> QuantizedNetwork:
    """A ReLU on more than 65,536 values, behind a convolution of two of them."""
    return ChainMaker(Shape(52, 50, 1)).conv(27, 3, pad=1).relu().pool("max", 3, stride=7).made()


def _deep() -> QuantizedNetwork:
    maker = ChainMaker(Shape(16, 16, 3)).conv(5, 3, pad=1).pool("max", 2).relu()
    maker.conv(6, 5, pad=2).relu().pool("average", 3).conv(9, 3).pool("max", 2, stride=1)
    return maker.ip(7).relu().ip(6).ip(4).relu().made()


CASES = {
    "one convolution": ChainMaker(_MAP).conv(5, 3).made(),
    "one inner product": ChainMaker(_MAP).ip(3).made(),
    "one ReLU": ChainMaker(_MAP).relu().made(),
    "one maximum": ChainMaker(_MAP).pool("max", 3).made(),
    "one average": ChainMaker(_MAP).pool("average", 3).made(),
    "a single pixel": ChainMaker(Shape(1, 1, 1)).conv(1, 1).ip(1).relu().made(),
    "fewer than four": ChainMaker(Shape(1, 3, 1)).ip(3).ip(2).ip(5).ip(1).made(),
    "odd channels": ChainMaker(_MAP).conv(7, 3, pad=1).pool("max", 3).conv(5, 3).relu().made(),
    "wider than high": ChainMaker(Shape(5, 11, 3)).conv(6, 3, pad=1).pool("max", 2).ip(4).made(),
    "higher than wide": ChainMaker(Shape(11, 5, 1)).pool("average", 3, pad=1).conv(4, 2).made(),
    "products behind products": ChainMaker(Shape(4, 5, 3)).ip(9).ip(8).relu().ip(3).made(),
    "a ReLU behind a pooling": ChainMaker(_MAP).conv(6, 3).pool("max", 2).relu().ip(2).made(),
    "a ReLU at the end": ChainMaker(_MAP).conv(6, 3).relu().ip(5).relu().made(),
    "ReLUs in a row": ChainMaker(_MAP).relu().relu().conv(3, 3).relu().relu().made(),
    "a map at the end": ChainMaker(_MAP).conv(4, 3, stride=2).pool("average", 2).made(),
    "more padding than kernel": ChainMaker(_MAP).conv(4, 2, pad=3, stride=2).made(),
    "padding that is rounded up": ChainMaker(_MAP).conv(3, 1).pool("max", 3, pad=1).made(),
    "rounded down": ChainMaker(_MAP).pool("max", 3, stride=2, up=False).made(),
    "strides beyond windows": ChainMaker(_MAP).pool("max", 2, stride=3, up=False).relu().made(),
    "the whole map": ChainMaker(_MAP).conv(6, 3).pool("average", 10, stride=1).made(),
    "wide": _wide(),
    "deep": _deep(),
}


@pytest.mark.parametrize("name", CASES)
def test_every_tensor_is_the_references(driver: Driver, name: str) -> None:
    network = CASES[name]
    pixels = _noise(network)
    answer = driver.ask(bytes(network_bytes(network).data), pixels)
    assert answer.run_status == Status.OK
    assert answer.stages == len(network.stages)
    assert answer.input_shape == network.input.shape
    assert answer.output_shape == network.stages[-1].out_shape
    expected = [tensor.tobytes() for tensor in run_reference(network, pixels).tensors]
    assert list(answer.tensors) == [*expected, expected[-1]]


@pytest.mark.parametrize("name", CASES)
def test_every_tensor_is_openmvs(driver: Driver, name: str) -> None:
    network = CASES[name]
    pixels = _noise(network)
    answer = driver.ask(bytes(network_bytes(network).data), pixels, dialect=OPENMV)
    assert answer.run_status == Status.OK
    expected = [_bytes(values) for values in openmv_tensors(network, pixels)]
    assert list(answer.tensors) == [*expected, expected[-1]]
    reference = run_reference(network, pixels, OPENMV_SEMANTICS).tensors
    assert [tensor.tobytes() for tensor in reference] == expected


def test_the_dialects_differ_where_they_should() -> None:
    """So that the tests above would see one taken for the other."""
    differing = {
        name: [
            layer.type
            for layer, ours, theirs in zip(
                network.stages,
                run_reference(network, _noise(network)).tensors,
                openmv_tensors(network, _noise(network)),
                strict=True,
            )
            if ours.tobytes() != _bytes(theirs)
        ]
        for network, name in ((CASES[name], name) for name in CASES)
    }
    assert differing["one maximum"] == ["pooling"]
    assert "relu" in differing["wide"]
    assert "pooling" in differing["higher than wide"]
    assert differing["one average"] == []


@pytest.mark.parametrize("seed", range(400 if FULL else 60))
def test_random_networks(driver: Driver, seed: int) -> None:
    network = random_chain(seed)
    file = bytes(network_bytes(network, batch=1 + seed % 7).data)
    pixels = _noise(network, seed)
    correct = driver.ask(file, pixels)
    assert correct.run_status == Status.OK, network.layers
    expected = run_reference(network, pixels).tensors
    assert list(correct.tensors[:-1]) == [tensor.tobytes() for tensor in expected]
    historical = driver.ask(file, pixels, dialect=OPENMV)
    assert historical.run_status == Status.OK
    wanted = run_reference(network, pixels, OPENMV_SEMANTICS).tensors
    assert list(historical.tensors[:-1]) == [tensor.tobytes() for tensor in wanted]


@pytest.mark.parametrize("dialect", [CORRECT, OPENMV])
def test_a_softmax_is_one_stage_more(driver: Driver, dialect: int) -> None:
    for name, generation in itertools.product(("deep", "one inner product", "one ReLU"), (0, 1)):
        network = CASES[name]
        answer = driver.ask(
            bytes(network_bytes(network).data), _noise(network, generation), softmax=True,
            dialect=dialect,
        )  # fmt: skip
        logits = np.frombuffer(answer.tensors[-3], np.int8).tolist()
        expected = openmv_softmax(logits) if dialect == OPENMV else softmax(logits, "5.9")
        assert answer.tensors[-2] == answer.tensors[-1] == _bytes(expected)


@pytest.mark.parametrize("dialect", [CORRECT, OPENMV])
def test_a_softmax_of_what_is_far_below_the_maximum(driver: Driver, dialect: int) -> None:
    """Values 7 to 9 below it count in one generation, not in the other."""
    for logits in ([20, 13, 12, 11, 0], [9, 2, 2, 2, 2], [127, 120, 119, 118, 127], [0] * 5):
        network = ChainMaker(Shape(1, 5, 1)).relu().made(mean=(0,))
        file, pixels = bytes(network_bytes(network).data), np.array(logits, np.uint8)
        answer = driver.ask(file, pixels, softmax=True, dialect=dialect)
        expected = openmv_softmax(logits) if dialect == OPENMV else softmax(logits, "5.9")
        assert answer.tensors[-1] == _bytes(expected)


def test_a_softmax_of_more_than_16_bits_is_refused(driver: Driver) -> None:
    network = ChainMaker(Shape(182, 181, 1)).conv(2, 1).made()
    file, pixels = bytes(network_bytes(network).data), _noise(network)
    for dialect in (CORRECT, OPENMV):
        refused = driver.ask(file, pixels, softmax=True, dialect=dialect)
        assert refused.run_status == Status.KERNEL
        assert driver.ask(file, pixels, dialect=dialect).run_status == Status.OK


@pytest.mark.parametrize(("scale", "meant"), [(1, 8), (2, 9), (3, 10), (4, 4), (5, 5), (31, 31)])
def test_input_scales(driver: Driver, scale: int, meant: int) -> None:
    made = ChainMaker(Shape(3, 3, 1)).relu()
    file = bytes(network_bytes(made.made(scale=scale)).data)
    for dialect, shift in ((CORRECT, meant), (OPENMV, scale)):
        network = made.made(scale=shift)
        assert input_scale(network.input) == shift
        pixels = _noise(network, scale)
        expected = run_reference(network, pixels).tensors[0]
        answer = driver.ask(file, pixels, dialect=dialect)
        assert answer.tensors[0] == expected.tobytes(), (dialect, scale)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", [GRAY, RGB565, RGB888])
def test_images(driver: Driver, kind: int, channels: int) -> None:
    numbers = np.random.default_rng(kind * 7 + channels)
    names = {GRAY: "gray", RGB565: "rgb565", RGB888: "rgb888"}
    for case in range(24):
        width, height = (int(side) for side in numbers.integers(1, 24, 2))
        x, y = int(numbers.integers(0, width)), int(numbers.integers(0, height))
        roi = (
            x,
            y,
            int(numbers.integers(1, width - x + 1)),
            int(numbers.integers(1, height - y + 1)),
        )
        in_height, in_width = (int(side) for side in numbers.integers(1, 20, 2))
        shape = Shape(in_height, in_width, channels)
        means = [int(mean) for mean in numbers.integers(0, 256, 3)]
        if case % 5 == 0:
            means = [-means[0], means[1] - 255, -1000]
        scale = (7, 8, 6, 4, 31)[case % 5]
        network = ChainMaker(shape).relu().made(scale=scale, mean=means)
        data = numbers.integers(0, 256, width * height * (kind + 1), dtype=np.uint8).tobytes()
        answer = driver.ask(
            bytes(network_bytes(network).data),
            picture=Picture(data, kind, width, height, roi),
            dialect=case % 2,
        )
        assert answer.run_status == Status.OK
        expected = transformed(data, names[kind], (width, height), roi, shape, means, scale)
        assert answer.tensors[0] == _bytes(expected), case


def test_a_tiny_region_for_a_long_input(driver: Driver) -> None:
    """A step that is rounded up would leave the region, and here the image."""
    network = ChainMaker(Shape(1, 1000, 1)).relu().made()
    file = bytes(network_bytes(network).data)
    answer = driver.ask(file, picture=Picture(b"\x90\x91", GRAY, 2, 1, (1, 0, 1, 1)))
    assert set(answer.tensors[0]) == {0x91 - 120}


def test_what_of_a_region_lies_beside_the_image_is_left_out(driver: Driver) -> None:
    network = ChainMaker(Shape(2, 2, 1)).relu().made()
    file, image = bytes(network_bytes(network).data), bytes(range(120, 132))
    for roi in ((2, 1, 2, 2), (2, 1, 9, 2), (2, 1, 2, 65535), (2, 1, 65535, 65535)):
        answer = driver.ask(file, picture=Picture(image, GRAY, 4, 3, roi))
        assert answer.tensors[0] == bytes([6, 7, 10, 11])


@pytest.mark.parametrize(
    "picture",
    [
        Picture(b"", GRAY, 0, 3, (0, 0, 1, 1)),
        Picture(b"", GRAY, 3, 0, (0, 0, 1, 1)),
        Picture(bytes(10), 4, 2, 1, (0, 0, 1, 1)),
        Picture(bytes(4), GRAY, 2, 2, (0, 0, 0, 1)),
        Picture(bytes(4), GRAY, 2, 2, (0, 0, 1, 0)),
        Picture(bytes(4), GRAY, 2, 2, (2, 0, 1, 1)),
        Picture(bytes(4), GRAY, 2, 2, (0, 2, 1, 1)),
        Picture(bytes(4), GRAY, 2, 2, (65535, 0, 65535, 1)),
    ],
)
def test_images_that_cannot_be_sampled(driver: Driver, picture: Picture) -> None:
    network = ChainMaker(Shape(2, 2, 1)).relu().made()
    answer = driver.ask(bytes(network_bytes(network).data), picture=picture)
    assert answer.status == Status.OK
    assert answer.run_status == Status.IMAGE


def _bytes(values: list[int]) -> bytes:
    return np.array(values, np.int8).tobytes()
