"""Damaged `.network` files: refused as such, or read as the network they still are."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from network_files import ChainMaker, Field, NetworkBytes, network_bytes
from openmv_models import PUBLISHED, published_path
from property_runs import tried
from qrig.errors import FileFormatError
from qrig.fixedpoint.network_file import (
    NetworkFile,
    file_from_network,
    network_from_file,
    parse_network_file,
    read_network_file,
)
from qrig.fixedpoint.quantized import QuantizedNetwork
from qrig.networks.graph import Shape
from real_models import requires_models
from test_mutated_files import Edit, edited, edits


def small() -> QuantizedNetwork:
    """Every type of layer, in a few hundred bytes."""
    maker = ChainMaker(Shape(6, 6, 3)).conv(4, 3, pad=1).relu().pool("max", 2)
    return maker.pool("average", 2).ip(5).relu().ip(3).made()


SMALL: NetworkBytes = network_bytes(small(), batch=7)
DATA = bytes(SMALL.data)
LARGE = (0, 1, 31, 32, 255, 1024, 65_535, 65_536, 1 << 26, 1 << 31, (1 << 32) - 64, (1 << 32) - 1)


def read(data: bytes) -> NetworkFile | None:
    """Return the file, None if it is refused; raises for anything between the two."""
    message = ""
    try:
        file = parse_network_file(data, "damaged")
    except FileFormatError as error:
        message = str(error)
    if message:
        assert "expected" in message
        assert "found" in message
        assert "\n" not in message
        assert len(message) < 400
        return None
    assert file.to_bytes() == data
    network = network_from_file(file, "damaged", dialect="openmv")
    assert len(network.stages) == len(file.records)
    assert file_from_network(network, batch=file.batch, dialect="openmv").to_bytes() == data
    return file


def test_the_whole_file_is_read() -> None:
    assert read(DATA) is not None


def test_every_truncation_is_refused() -> None:
    assert [length for length in range(len(DATA)) if read(DATA[:length]) is not None] == []


def test_bytes_behind_the_last_layer_are_refused() -> None:
    with pytest.raises(FileFormatError, match="found 1 bytes more"):
        parse_network_file(DATA + b"\0", "damaged")
    assert read(DATA + DATA) is None


_WORDS = [field for field in SMALL.fields if field.size_bytes == 4]


@pytest.mark.parametrize("field", _WORDS, ids=lambda field: f"{field.layer}-{field.name}")
def test_any_number_in_any_field_is_read_or_refused(field: Field) -> None:
    for value in LARGE:
        read(SMALL.with_word(field.layer, field.name, value))


def _text(layer: int, name: str, value: int) -> str:
    with pytest.raises(FileFormatError) as caught:
        parse_network_file(SMALL.with_word(layer, name, value), "damaged")
    return str(caught.value)


@pytest.mark.parametrize(
    ("layer", "name", "value", "expected"),
    [
        (0, "magic", 0, "expected a network, which begins with CAFE"),
        (0, "layers", 1, "2 to 1024 layers, the input among them, found 1"),
        (0, "layers", 1 << 31, "2 to 1024 layers"),
        (0, "layers", 9, "expected 20 bytes of the type and shape of layer 8"),
        (0, "layers", 7, "found 54 bytes more"),
        (0, "type", 2, "layer 1: expected a type of 0 to 4, found 120"),
        (2, "type", 5, "layer 2: expected a type of 0 to 4, found 5"),
        (0, "c", 2, "1 or 3 channels, found 2"),
        (0, "n", 0, "layer 0 (data): n: expected 1 to 65535, found 0"),
        (3, "n", 8, "layer 3 (pooling): n: expected 7, as before, found 8"),
        (0, "h", 65_536, "sides of 1 to 65,535"),
        (0, "w", 0, "sides of 1 to 65,535"),
        (0, "mean 1", 1024, "mean: expected -1023 to 1023, found 1024"),
        (0, "mean 2", -1024, "found -1024"),
        (0, "scale", 0, "scale: expected 1 to 31, found 0"),
        (0, "scale", -1, "scale: expected 1 to 31, found -1"),
        (0, "scale", 32, "found 32"),
        (1, "l_shift", 32, "l_shift: expected 0 to 31, found 32"),
        (1, "r_shift", -1, "r_shift: expected 0 to 31, found 4294967295"),
        (5, "r_shift", 32, "r_shift: expected 0 to 31, found 32"),
        (1, "h", 7, "shape: expected 6x6x4, which follows from 6x6x3, found 7x6x4"),
        (1, "k", 0, "k: expected 1 to 65535, found 0"),
        (1, "k", 9, "k: expected a window that fits into 6x6x3"),
        (1, "stride", 0, "stride: expected 1 to 65535"),
        (1, "pad", 1 << 20, "pad: expected 0 to 65535"),
        (1, "weights count", 107, "expected"),
        (1, "weights count", (1 << 32) - 1, "expected 4294967295 bytes of weights"),
        (1, "c", 5, "expected 135 weights, found 108"),
        (2, "c", 5, "shape: expected 6x6x4, which follows from 6x6x4, found 6x6x5"),
        (3, "method", 2, "method: expected 0 (max) or 1 (average), found 2"),
        (3, "pad", 2, "pad: expected less than window and stride, found 2"),
        (3, "h", 2, "shape: expected 3x3x4, which follows from 6x6x4, found 2x3x4"),
        (4, "stride", 7, "windows that begin inside 3x3x4, found 2x2x4"),
        (5, "h", 2, "shape: expected 1x1x5"),
        (5, "biases count", 4, "expected"),
    ],
)
def test_what_is_wrong_is_said(layer: int, name: str, value: int, expected: str) -> None:
    assert expected in _text(layer, name, value)


def test_an_input_is_first_and_nowhere_else() -> None:
    head = DATA[8:44]
    twice = DATA[:44] + head + DATA[44:]
    with pytest.raises(FileFormatError, match="the input first, and nowhere else, found data"):
        parse_network_file(twice[:4] + b"\x09\0\0\0" + twice[8:], "damaged")
    relu = DATA[:8] + b"\x02\0\0\0" + DATA[12:28] + DATA[44:]
    with pytest.raises(FileFormatError, match="the input first, and nowhere else, found relu"):
        parse_network_file(relu, "damaged")


def test_too_many_inputs_of_a_fully_connected_layer_are_refused() -> None:
    file = network_bytes(ChainMaker(Shape(148, 148, 3)).relu().ip(1).made())
    with pytest.raises(FileFormatError, match="inputs: expected at most 65535, found 65712"):
        parse_network_file(bytes(file.data), "wide")


def pooled(side: int, k: int, stride: int, *, up: bool = True) -> bytes:
    maker = ChainMaker(Shape(side, side, 1)).pool("max", k, stride=stride, up=up)
    return bytes(network_bytes(maker.made()).data)


def test_a_pooling_may_be_rounded_down_but_not_begin_outside() -> None:
    up, down = (pooled(6, 3, 2, up=up) for up in (True, False))
    assert up != down
    for data in (up, down, pooled(4, 1, 3)):
        assert read(data) is not None
    with pytest.raises(FileFormatError, match="windows that begin inside 5x5x1, found 3x3x1"):
        parse_network_file(pooled(5, 1, 3), "outside")


@tried(200)
@given(edits)
def test_edited_files_are_read_or_refused(changes: list[Edit]) -> None:
    read(edited(DATA, changes))


@tried(200)
@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    assert read(data) is None
    read(b"CAFE" + data)
    read(DATA[:8] + data)
    read(DATA[:44] + data)


_NUMBER = st.one_of(st.sampled_from(LARGE), st.integers(0, 8), st.integers(0, (1 << 32) - 1))


@tried(300)
@given(st.lists(st.tuples(st.sampled_from(_WORDS), _NUMBER), min_size=1, max_size=3))
def test_other_numbers_are_read_or_refused(changes: list[tuple[Field, int]]) -> None:
    data = bytearray(DATA)
    for field, value in changes:
        data[field.offset : field.offset + 4] = value.to_bytes(4, "little")
    read(bytes(data))


@requires_models
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_files_that_are_cut_are_refused(name: str) -> None:
    data = published_path(name).read_bytes()
    offsets = [length for length in range(len(data)) if length % 997 == 0 or length < 64]
    assert all(read(data[:length]) is None for length in offsets)


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty.network"
    empty.write_bytes(b"")
    for path in (empty, tmp_path, tmp_path / "absent.network", Path("/dev/zero"), Path("a\0b")):
        with pytest.raises(FileFormatError, match=r"a network \(\.network\)"):
            read_network_file(path)
    large = tmp_path / "large.network"
    with large.open("wb") as stream:
        stream.truncate((1 << 26) + 1)
    with pytest.raises(FileFormatError, match="at most 67,108,864 bytes"):
        read_network_file(large)
