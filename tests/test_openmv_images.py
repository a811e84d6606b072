"""Images of any size into a network's input: the reference against the scalar oracle."""

import attrs
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle_openmv import transformed
from property_runs import tried
from qrig.errors import InputError
from qrig.fixedpoint.network_file.input_scale import read_scale
from qrig.fixedpoint.quantized import QuantizedInput
from qrig.networks.graph import Shape
from qrig.reference.image_transform import (
    Image,
    Roi,
    clipped,
    expanded,
    gray,
    to_rgb565,
    transform,
)

FORMATS = ("rgb888", "rgb565", "gray")


def image_of(kind: str, width: int, height: int, seed: int = 0) -> Image:
    numbers = np.random.default_rng(seed)
    if kind == "rgb888":
        return Image(numbers.integers(0, 256, (height, width, 3), dtype=np.uint8), kind)
    if kind == "gray":
        return Image(numbers.integers(0, 256, (height, width), dtype=np.uint8), kind)
    return Image(numbers.integers(0, 65_536, (height, width), dtype=np.uint16), kind)


def source_of(shape: Shape, means: tuple[int, int, int], scale: int) -> QuantizedInput:
    factor = read_scale(scale, "x", dialect="openmv").factor
    order = "gray" if shape.c == 1 else "rgb"
    return QuantizedInput("data", shape, order, np.array(means[: shape.c], np.int16), *factor, 0)


_SIDES = st.integers(1, 40)
_MEANS = st.tuples(*[st.integers(-1023, 1023)] * 3)


@tried(150)
@given(
    kind=st.sampled_from(FORMATS),
    size=st.tuples(_SIDES, _SIDES),
    corner=st.tuples(_SIDES, _SIDES),
    extent=st.tuples(_SIDES, _SIDES),
    shape=st.tuples(_SIDES, _SIDES, st.sampled_from((1, 3))),
    means=st.one_of(_MEANS, st.tuples(*[st.integers(90, 140)] * 3)),
    scale=st.integers(1, 31),
)
def test_a_region_of_an_image_equals_the_oracles(
    kind: str,
    size: tuple[int, int],
    corner: tuple[int, int],
    extent: tuple[int, int],
    shape: tuple[int, int, int],
    means: tuple[int, int, int],
    scale: int,
) -> None:
    image = image_of(kind, *size)
    x, y = corner[0] % size[0], corner[1] % size[1]
    roi = clipped(Roi(x, y, *extent), image)
    found = transform(image, Roi(x, y, *extent), source_of(Shape(*shape), means, scale))
    expected = transformed(image.pixels.tobytes(), kind, size, roi, shape, means, scale)
    assert found.shape == shape
    assert found.ravel().tolist() == expected


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("width", [400, 1000, 4000])
def test_a_pixel_spread_over_many_stays_in_the_region(kind: str, width: int) -> None:
    """Steps are rounded up by up to 1/65536 of a pixel; over 256 that adds up to one."""
    shape, means = Shape(1, width, 3), (10, 120, 200)
    image = image_of(kind, 3, 2)
    found = transform(image, Roi(1, 1, 1, 1), source_of(shape, means, 7))
    assert (found == found[0, 0]).all()
    expected = transformed(image.pixels.tobytes(), kind, (3, 2), (1, 1, 1, 1), shape, means, 7)
    assert found.ravel().tolist() == expected


def test_an_image_of_the_networks_size_is_taken_as_it_is() -> None:
    image = image_of("rgb888", 12, 9)
    shape = Shape(9, 12, 3)
    found = transform(image, image.whole, source_of(shape, (0, 0, 0), 8))
    assert np.array_equal(found, np.minimum((image.pixels.astype(int) + 1) >> 1, 127))
    backward = attrs.evolve(source_of(shape, (0, 0, 0), 8), channel_order="bgr")
    assert np.array_equal(transform(image, image.whole, backward), found[:, :, ::-1])


def test_the_mean_of_gray_images_is_the_gray_of_the_means() -> None:
    image = Image(np.full((1, 1), 121, np.uint8), "gray")
    for means, expected in (((121, 121, 121), 0), ((125, 123, 114), -1), ((-99, 0, 0), 127)):
        found = transform(image, image.whole, source_of(Shape(1, 1, 3), means, 7))
        assert found.ravel().tolist() == [expected] * 3
    for means, expected in (
        ((0, 0, 0), 121),
        ((3, 0, 0), 121),
        ((4, 0, 0), 120),
        ((-7, 0, 0), 123),
    ):
        found = transform(image, image.whole, source_of(Shape(1, 1, 3), means, 7))
        assert found.ravel().tolist() == [expected] * 3


def words(values: list[int]) -> npt.NDArray[np.uint16]:
    return np.frombuffer(b"".join(value.to_bytes(2, "big") for value in values), np.uint16)


def test_words_have_their_high_byte_first() -> None:
    red, green, blue = 0b11111_000000_00000, 0b00000_111111_00000, 0b00000_000000_11111
    found = expanded(words([red, green, blue, 0x0821])[np.newaxis])
    assert found.tolist() == [[[255, 0, 0], [0, 255, 0], [0, 0, 255], [8, 4, 8]]]


def test_colours_survive_rgb565_where_it_has_them() -> None:
    every = words(list(range(65_536)))[np.newaxis]
    colours = expanded(every)
    assert np.array_equal(to_rgb565(colours.astype(np.uint8)), every)
    expected = [round(x * 255 / 31) for x in range(32)]
    assert colours[0, :32, 2].tolist() == expected
    near = np.arange(256, dtype=np.uint8).reshape(1, 256, 1).repeat(3, axis=2)
    back = expanded(to_rgb565(near)).astype(int)
    assert np.abs(back - near.astype(int)).max(axis=(0, 1)).tolist() == [4, 2, 4]


def test_white_is_white_in_gray() -> None:
    assert gray(np.array([[[255, 255, 255], [0, 0, 0]]])).tolist() == [[254, 0]]


@pytest.mark.parametrize(
    "roi",
    [Roi(0, 0, 0, 3), Roi(0, 0, 3, -1), Roi(5, 0, 2, 2), Roi(0, 4, 2, 2), Roi(-3, 0, 3, 2)],
)
def test_a_region_beside_the_image_is_refused(roi: Roi) -> None:
    image = image_of("gray", 5, 4)
    with pytest.raises(InputError, match="within the image of 5x4"):
        transform(image, roi, source_of(Shape(2, 2, 1), (0, 0, 0), 7))


def test_a_region_is_clipped_to_the_image() -> None:
    image = image_of("gray", 5, 4)
    assert clipped(Roi(-2, -1, 4, 3), image) == Roi(0, 0, 2, 2)
    assert clipped(Roi(3, 3, 9, 9), image) == Roi(3, 3, 2, 1)


@pytest.mark.parametrize(
    ("pixels", "kind", "expected"),
    [
        (np.zeros((4, 5), np.uint8), "rgb888", "uint8 of shape .h, w, 3."),
        (np.zeros((4, 5, 4), np.uint8), "rgb888", "uint8 of shape .h, w, 3."),
        (np.zeros((4, 5, 1), np.uint8), "gray", "uint8 of shape .h, w."),
        (np.zeros((4, 5), np.int8), "gray", "found int8"),
        (np.zeros((4, 5), np.uint8), "rgb565", "expected rgb565 pixels, uint16"),
        (np.zeros((4, 5), np.uint8), "yuv", "rgb888, rgb565, gray, found 'yuv'"),
        (np.zeros((0, 5), np.uint8), "gray", "1x1 to 65535x65535"),
        (np.zeros((1, 65_536), np.uint8), "gray", "1x1 to 65535x65535"),
    ],
)
def test_what_is_no_image_is_refused(
    pixels: npt.NDArray[np.uint8], kind: str, expected: str
) -> None:
    with pytest.raises(InputError, match=expected):
        Image(pixels, kind)


def test_a_network_of_other_channels_is_refused() -> None:
    image = image_of("gray", 5, 4)
    source = attrs.evolve(source_of(Shape(2, 2, 3), (0, 0, 0), 7), shape=Shape(2, 2, 2))
    with pytest.raises(InputError, match="1 or 3 channels, found 2x2x2"):
        transform(image, image.whole, source)
