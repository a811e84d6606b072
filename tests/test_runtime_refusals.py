"""What the runtime refuses: with which status, at which layer and byte; and what it needs."""

import subprocess
from collections.abc import Iterator

import numpy as np
import pytest

from network_files import ChainMaker, NetworkBytes, network_bytes, random_chain
from qrig.fixedpoint.semantics import Semantics
from qrig.networks.graph import Shape
from qrig.reference import run_reference
from runtime_driver import CORRECT, MISPLACED, OPENMV, Driver, Status, driver_program

_HUGE = (0xFFFF_FFFF, 0xFFFF_FFFC, 0x8000_0000, 0x7FFF_FFFF, 0x0001_0000, 0x0400_0001)
_SMALL = Shape(6, 7, 3)


@pytest.fixture(scope="module")
def driver() -> Iterator[Driver]:
    with Driver() as found:
        yield found


def _every_type() -> NetworkBytes:
    """Layers 1 to 5: a convolution, a ReLU, a pooling and two inner products."""
    maker = ChainMaker(_SMALL).conv(4, 3, pad=1).relu().pool("max", 3).ip(5).ip(3)
    return network_bytes(maker.made(), batch=50)


def test_every_end_that_comes_too_early(driver: Driver) -> None:
    file = _every_type()
    data = bytes(file.data)
    for length in range(len(data)):
        field = next(f for f in file.fields if length < f.offset + f.size_bytes)
        answer = driver.ask(data[:length])
        found = (answer.status, answer.layer, answer.offset)
        assert found == (Status.TRUNCATED, field.layer, field.offset), length
    assert driver.ask(data).status == Status.OK


@pytest.mark.parametrize("more", [1, 4, 20])
def test_bytes_behind_the_last_layer(driver: Driver, more: int) -> None:
    data = bytes(_every_type().data)
    answer = driver.ask(data + bytes(more))
    assert (answer.status, answer.layer, answer.offset) == (Status.TRAILING, 5, len(data))


_REFUSED = (
    (0, "magic", 0x4546_4142, Status.MAGIC),
    (0, "layers", 0, Status.LAYERS),
    (0, "layers", 1, Status.LAYERS),
    (0, "layers", 1025, Status.LAYERS),
    (0, "type", 1, Status.TYPE),
    (0, "type", 2, Status.TYPE),
    (1, "type", 0, Status.TYPE),
    (1, "type", 5, Status.TYPE),
    (0, "n", 0, Status.SHAPE),
    (2, "n", 49, Status.SHAPE),
    (0, "c", 0, Status.SHAPE),
    (0, "c", 2, Status.SHAPE),
    (0, "c", 4, Status.SHAPE),
    (0, "h", 0, Status.SHAPE),
    (0, "w", 0, Status.SHAPE),
    (0, "mean 0", 1024, Status.SCALE),
    (0, "mean 2", -1024, Status.SCALE),
    (0, "scale", 0, Status.SCALE),
    (0, "scale", 32, Status.SCALE),
    (1, "h", 7, Status.SHAPE),
    (1, "w", 6, Status.SHAPE),
    (1, "l_shift", 32, Status.SHIFT),
    (1, "r_shift", 32, Status.SHIFT),
    (1, "k", 0, Status.WINDOW),
    (1, "k", 9, Status.WINDOW),
    (1, "stride", 0, Status.WINDOW),
    (1, "weights count", 107, Status.SIZE),
    (1, "weights count", 109, Status.SIZE),
    (1, "biases count", 3, Status.SIZE),
    (1, "biases count", 5, Status.SIZE),
    (2, "c", 5, Status.SHAPE),
    (2, "h", 7, Status.SHAPE),
    (2, "w", 6, Status.SHAPE),
    (3, "c", 3, Status.SHAPE),
    (3, "h", 4, Status.SHAPE),
    (3, "w", 4, Status.SHAPE),
    (3, "method", 2, Status.WINDOW),
    (3, "k", 0, Status.WINDOW),
    (3, "k", 7, Status.WINDOW),
    (3, "pad", 2, Status.WINDOW),
    (3, "stride", 0, Status.WINDOW),
    (4, "h", 2, Status.SHAPE),
    (4, "w", 2, Status.SHAPE),
    (4, "l_shift", 32, Status.SHIFT),
    (4, "r_shift", 32, Status.SHIFT),
    (4, "weights count", 179, Status.SIZE),
    (4, "biases count", 6, Status.SIZE),
    (5, "weights count", 12, Status.SIZE),
)


@pytest.mark.parametrize(("layer", "name", "value", "status"), _REFUSED)
def test_a_wrong_number(driver: Driver, layer: int, name: str, value: int, status: Status) -> None:
    file = _every_type()
    answer = driver.ask(file.with_word(layer, name, value))
    expected = (status, layer, file.find(layer, name).offset)
    assert (answer.status, answer.layer, answer.offset) == expected
    assert driver.ask(bytes(file.data)).status == Status.OK


def test_numbers_near_the_limits_of_32_bits(driver: Driver) -> None:
    file = _every_type()
    words = [field for field in file.fields if field.name not in ("weights", "biases")]
    assert len(words) > 50
    for field in words:
        for value in _HUGE:
            answer = driver.ask(file.with_word(field.layer, field.name, value))
            if field.name.startswith("mean") and value in (0xFFFF_FFFF, 0xFFFF_FFFC):
                assert answer.status == Status.OK  # they are negative
                continue
            assert answer.status not in (Status.OK, Status.TRUNCATED, Status.ARENA)
            assert (answer.layer, answer.offset) == (field.layer, field.offset), (field, value)


def test_the_number_of_means_that_are_allowed(driver: Driver) -> None:
    file = _every_type()
    for mean in (1023, -1023, 0):
        assert driver.ask(file.with_word(0, "mean 1", mean)).status == Status.OK


def _place(file: NetworkBytes, layer: int, name: str) -> tuple[int, int]:
    return layer, file.find(layer, name).offset


def test_tensors_of_too_many_elements(driver: Driver) -> None:
    file = network_bytes(ChainMaker(Shape(1, 1, 1)).relu().made())
    for height, width in ((65535, 65535), (8193, 8192), (32769, 2048)):
        data = bytearray(file.data)
        for layer in (0, 1):
            for name, value in (("h", height), ("w", width)):
                at = file.find(layer, name).offset
                data[at : at + 4] = value.to_bytes(4, "little")
        answer = driver.ask(bytes(data))
        found = (answer.status, (answer.layer, answer.offset))
        assert found == (Status.SHAPE, _place(file, 0, "c"))


@pytest.mark.parametrize("count", [0, 65535 * 1025, 0xFFFF_FFFF])
def test_weights_of_too_many_elements(driver: Driver, count: int) -> None:
    file = network_bytes(ChainMaker(Shape(1, 1, 1)).ip(1).made())
    data = bytearray(file.data)
    for layer, name, value in (
        (0, "h", 65535), (1, "c", 1025), (1, "weights count", count),
    ):  # fmt: skip
        at = file.find(layer, name).offset
        data[at : at + 4] = value.to_bytes(4, "little")
    answer = driver.ask(bytes(data))
    found = (answer.status, (answer.layer, answer.offset))
    assert found == (Status.SIZE, _place(file, 1, "weights count"))


def test_a_kernel_of_too_many_weights(driver: Driver) -> None:
    file = network_bytes(ChainMaker(Shape(1, 1, 1)).conv(1, 1).made())
    data = bytearray(file.data)
    for name, value in (("k", 65535), ("pad", 32767), ("weights count", 65535**2 % 2**32)):
        at = file.find(1, name).offset
        data[at : at + 4] = value.to_bytes(4, "little")
    answer = driver.ask(bytes(data))
    found = (answer.status, (answer.layer, answer.offset))
    assert found == (Status.SIZE, _place(file, 1, "weights count"))


def test_more_inputs_than_a_product_takes(driver: Driver) -> None:
    for sides, status in (((255, 257), Status.OK), ((256, 256), Status.SHAPE)):
        file = network_bytes(ChainMaker(Shape(*sides, 1)).ip(1).made())
        answer = driver.ask(bytes(file.data))
        assert answer.status == status
        if status != Status.OK:
            assert (answer.layer, answer.offset) == _place(file, 1, "c")


@pytest.mark.parametrize(
    ("k", "pad", "stride", "name"),
    [(3, 3, 4, "pad"), (3, 2, 2, "pad"), (2, 1, 1, "pad"), (9, 1, 2, "k")],
)
def test_poolings_that_would_lose_values(
    driver: Driver, k: int, pad: int, stride: int, name: str
) -> None:
    file = network_bytes(ChainMaker(_SMALL).pool("max", 2).made())
    data = bytearray(file.data)
    for key, value in (("k", k), ("pad", pad), ("stride", stride)):
        at = file.find(1, key).offset
        data[at : at + 4] = value.to_bytes(4, "little")
    answer = driver.ask(bytes(data))
    found = (answer.status, (answer.layer, answer.offset))
    assert found == (Status.WINDOW, _place(file, 1, name))


@pytest.mark.parametrize(("width", "status"), [(4096, Status.OK), (4097, Status.WINDOW)])
def test_a_pooling_of_more_pixels_than_sums_take(
    driver: Driver, width: int, status: Status
) -> None:
    file = network_bytes(ChainMaker(Shape(1, 1, 1)).pool("average", 1, stride=1).made())
    data = bytearray(file.data)
    for layer in (0, 1):
        for name, value in (("h", 4096), ("w", width)):
            at = file.find(layer, name).offset
            data[at : at + 4] = value.to_bytes(4, "little")
    answer = driver.ask(bytes(data))
    assert answer.status == status
    if status != Status.OK:
        assert (answer.layer, answer.offset) == _place(file, 1, "k")


def test_windows_that_begin_beside_the_image(driver: Driver) -> None:
    for shape, side in ((Shape(12, 13, 1), "h"), (Shape(13, 12, 1), "w")):
        maker = ChainMaker(shape).pool("max", 1, stride=3)
        file = network_bytes(maker.made())
        answer = driver.ask(bytes(file.data))
        found = (answer.status, (answer.layer, answer.offset))
        assert found == (Status.SHAPE, _place(file, 1, side))


@pytest.mark.parametrize("layers", [1024, 1025])
def test_the_number_of_layers(driver: Driver, layers: int) -> None:
    maker = ChainMaker(Shape(2, 2, 1))
    for _ in range(layers - 1):
        maker.relu()
    pixels = np.full((2, 2, 1), 140, np.uint8)
    answer = driver.ask(bytes(network_bytes(maker.made()).data), pixels)
    if layers > 1024:
        assert (answer.status, answer.layer, answer.offset) == (Status.LAYERS, 0, 4)
    else:
        assert (answer.run_status, answer.stages) == (Status.OK, 1024)
        assert answer.tensors[-1] == bytes([20] * 4)


@pytest.mark.parametrize("dialect", [CORRECT, OPENMV])
def test_the_arena(driver: Driver, dialect: int) -> None:
    maker = ChainMaker(_SMALL).conv(4, 3, pad=1).relu().pool("max", 3).ip(5)
    data, pixels = bytes(network_bytes(maker.made()).data), np.zeros(_SMALL, np.uint8)
    needed = driver.ask(data, dialect=dialect).arena_bytes
    table, largest = 4 * 40, 128 + 168 + 3 * 9 * 4 + 4
    assert needed <= table + largest + 8
    for size, status in ((needed, Status.OK), (needed - 1, Status.ARENA), (1, Status.ARENA)):
        answer = driver.ask(data, pixels, dialect=dialect, arena_bytes=size)
        assert answer.status == status
        assert answer.arena_bytes == needed
    answer = driver.ask(data, pixels, dialect=dialect, arena_bytes=MISPLACED + needed)
    assert answer.status == Status.ARENA


@pytest.mark.parametrize("dialect", [2, 0x8000_0000, 0xFFFF_FFFF])
def test_a_dialect_there_is_not(driver: Driver, dialect: int) -> None:
    assert driver.ask(bytes(_every_type().data), dialect=dialect).status == Status.DIALECT


def test_kernels_with_other_results_have_no_openmv() -> None:
    semantics = Semantics("c", "5.4", truncate=True)
    with Driver(driver_program("portable", semantics.definitions)) as driver:
        for seed in range(20):
            network = random_chain(seed)
            file = bytes(network_bytes(network).data)
            pixels = np.random.default_rng(seed).integers(
                0, 256, network.input.shape, dtype=np.uint8
            )
            assert driver.ask(file, pixels, dialect=OPENMV).status == Status.DIALECT
            answer = driver.ask(file, pixels)
            expected = run_reference(network, pixels, semantics).tensors
            assert list(answer.tensors[:-1]) == [tensor.tobytes() for tensor in expected]


def test_every_status_has_a_text_of_its_own() -> None:
    count = len(Status)
    command = [str(driver_program()), str(count + 1)]
    lines = subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=60
    ).stdout.splitlines()
    assert len(set(lines)) == count + 1
    assert lines[-1] == "no status"
    assert all(line.isascii() and 3 < len(line) < 80 for line in lines)
