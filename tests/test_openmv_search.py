"""Windows over an image, what is found in them, and how that is merged."""

import math
from collections.abc import Sequence

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from property_runs import tried
from qrig.errors import InputError
from qrig.reference.detections import Detection, merged, surest
from qrig.reference.image_transform import Image, Roi
from qrig.reference.search import CENTERED, contrast, search
from test_openmv_images import FORMATS, image_of


def noise(width: int, height: int) -> Image:
    return image_of("gray", width, height)


def windows(image: Image, roi: Roi, **options: float) -> list[Roi]:
    """Return the windows that a search looks at, in order."""
    seen: list[Roi] = []

    def forward(window: Roi) -> Sequence[float]:
        seen.append(window)
        return (0.0,)

    assert search(image, roi, forward, contrast_threshold=0, **options) == ()
    return seen


def test_one_window_is_the_region() -> None:
    assert windows(noise(20, 10), Roi(2, 3, 9, 7)) == [Roi(2, 3, 9, 7)]
    assert windows(noise(20, 10), Roi(-5, -5, 100, 100)) == [Roi(0, 0, 20, 10)]


def test_windows_shrink_and_fill_the_region_row_by_row() -> None:
    found = windows(noise(10, 8), Roi(0, 0, 10, 8), min_scale=0.5)
    halves = [Roi(x, y, 5, 4) for y in (0, 4) for x in (0, 5)]
    assert found == [Roi(0, 0, 10, 8), *halves]
    assert len(windows(noise(16, 16), Roi(0, 0, 16, 16), min_scale=0.25)) == 1 + 4 + 16


def test_what_is_left_over_is_divided_between_both_ends() -> None:
    found = windows(noise(100, 100), Roi(10, 0, 50, 50), min_scale=0.4, scale_mul=0.4)
    assert found[0] == Roi(10, 0, 50, 50)
    assert found[1:] == [Roi(10 + x, y, 20, 20) for y in (5, 25) for x in (5, 25)]


def test_overlapping_windows_share_a_part() -> None:
    found = windows(noise(40, 20), Roi(0, 0, 40, 20), min_scale=0.5, x_overlap=0.5, y_overlap=0.9)
    assert found[1:] == [Roi(x, y, 20, 10) for y in range(11) for x in (0, 10, 20)]


def test_steps_are_cut_to_whole_pixels() -> None:
    found = windows(
        noise(9, 9), Roi(0, 0, 9, 1 << 15), min_scale=0.5, y_overlap=-1, x_overlap=2 / 3
    )
    assert [window.x for window in found[1:]] == [0, 1, 2, 3, 4]
    assert {(window.y, window.w, window.h) for window in found[1:]} == {(2, 4, 4)}


def test_centred_windows_stay_in_the_middle() -> None:
    found = windows(noise(40, 20), Roi(0, 0, 40, 20), min_scale=0.25, x_overlap=-1, y_overlap=-1)
    assert found == [Roi(0, 0, 40, 20), Roi(10, 5, 20, 10), Roi(15, 7, 10, 5)]
    assert CENTERED == -1


@tried(100)
@given(
    size=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    min_scale=st.floats(0.05, 1),
    scale_mul=st.floats(0, 0.9),
    overlaps=st.tuples(*[st.one_of(st.just(-1.0), st.floats(0, 0.95))] * 2),
)
def test_every_window_lies_in_the_region(
    size: tuple[int, int], min_scale: float, scale_mul: float, overlaps: tuple[float, float]
) -> None:
    roi = Roi(3, 2, *size)
    options = {"min_scale": min_scale, "scale_mul": scale_mul}
    options |= {"x_overlap": overlaps[0], "y_overlap": overlaps[1]}
    message, found = "", []
    try:
        found = windows(noise(70, 70), roi, **options)
    except InputError as error:
        message = str(error)
    if message:
        assert "step of" in message or "at least a pixel" in message
        return
    assert found[0] == roi
    for window in found:
        assert min(window.w, window.h) >= 1
        assert roi.x <= window.x <= window.x + window.w <= roi.x + roi.w
        assert roi.y <= window.y <= window.y + window.h <= roi.y + roi.h


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"threshold": 1.1}, "a threshold of 0 to 1, found 1.1"),
        ({"threshold": -0.1}, "a threshold of 0 to 1"),
        ({"threshold": math.nan}, "a threshold of 0 to 1"),
        ({"min_scale": 0.0}, "a min_scale of above 0"),
        ({"min_scale": 1.5}, "a min_scale of above 0"),
        ({"scale_mul": 1.0}, "a scale_mul of 0 up to, but not 1"),
        ({"scale_mul": -0.5}, "a scale_mul of 0 up to"),
        ({"x_overlap": 1.0}, "an? x_overlap of 0 up to"),
        ({"y_overlap": -0.5}, "an? y_overlap of 0 up to, but not 1, or -1"),
        ({"x_overlap": 0.95}, "found a step of 0.5"),
        ({"min_scale": 0.1, "y_overlap": 0.5}, "found a step of 0.625 .windows of 1.25"),
        ({"min_scale": 0.01}, "at least a pixel, found one of 0.625x0.625"),
        ({"min_scale": 0.5, "scale_mul": 0.999999}, "at most 65,536 windows"),
    ],
)
def test_what_would_never_end_is_refused(options: dict[str, float], expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        windows(noise(10, 10), Roi(0, 0, 10, 10), **options)


def test_a_region_beside_the_image_is_refused() -> None:
    with pytest.raises(InputError, match="within the image of 10x10"):
        windows(noise(10, 10), Roi(10, 0, 5, 5))


def test_the_best_class_counts_if_it_is_sure_enough() -> None:
    image, roi = noise(8, 8), Roi(0, 0, 8, 8)
    values = (0.2, 0.7, 0.7, 0.1)
    found = search(image, roi, lambda window: values, threshold=0.7)
    assert found == (Detection(0, 0, 8, 8, 1, 0.7),)
    assert found[0].rect == roi
    assert search(image, roi, lambda window: np.array(values), threshold=0.71) == ()


def test_flat_windows_are_left_out() -> None:
    pixels = np.full((8, 16), 90, np.uint8)
    pixels[:, 8:] = noise(8, 8).pixels
    image = Image(pixels, "gray")
    seen = []

    def forward(window: Roi) -> Sequence[float]:
        seen.append(window.x)
        return (1.0,)

    options = {"min_scale": 0.5, "threshold": 0.5, "y_overlap": -1.0}
    found = search(image, Roi(0, 0, 16, 8), forward, contrast_threshold=30, **options)
    assert [one.index for one in found] == [0]
    search(image, Roi(0, 0, 16, 8), forward, contrast_threshold=1000, **options)
    assert len(seen) < 4


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(("width", "height"), [(1, 1), (3, 8), (16, 9), (30, 25)])
def test_contrast_is_of_some_pixels_by_the_whole_area(kind: str, width: int, height: int) -> None:
    image = image_of(kind, 40, 30, seed=3)
    total = squares = 0
    for y in range(2, 2 + height, int(height**0.5)):
        for x in range(4, 4 + width, int(width**0.5)):
            value = _gray(image, x, y)
            total, squares = total + value, squares + value * value
    area = width * height
    expected = max(squares / area - (total / area) ** 2, 0.0) ** 0.5
    assert contrast(image, Roi(4, 2, width, height)) == pytest.approx(expected)


def _gray(image: Image, x: int, y: int) -> int:
    if image.format == "gray":
        return int(image.pixels[y, x])
    if image.format == "rgb888":
        red, green, blue = map(int, image.pixels[y, x])
    else:
        high, low = image.pixels[y, x].tobytes()
        word = high * 256 + low
        red, blue = round((word >> 11) * 255 / 31), round((word & 31) * 255 / 31)
        green = round((word >> 5 & 63) * 255 / 63)
    return (9770 * red + 19182 * green + 3736 * blue) >> 15


def _merge(*made: Detection) -> tuple[Detection, ...]:
    return tuple(surest(merged(made)))


def test_what_is_found_is_merged() -> None:
    """Windows of 10 pixels at 0, 5 and 10: one class in the first two, another, less sure."""
    values = {0: (0.8, 0.0), 5: (0.6, 0.0), 10: (0.0, 0.55)}
    found = search(
        noise(20, 10), Roi(0, 0, 20, 10), lambda window: values.get(window.x, (0.0, 0.0)),
        threshold=0.5, min_scale=0.5, scale_mul=0.5, x_overlap=0.5, y_overlap=CENTERED,
        contrast_threshold=0,
    )  # fmt: skip
    # The whole region is the first window; it begins at 0 as well.
    assert [attrs.evolve(one, value=0) for one in found] == [Detection(1, 1, 13, 6, 0, 0)]
    assert found[0].value == pytest.approx(2.2 / 3)


def test_detections_apart_stay_apart() -> None:
    made = [Detection(x, 0, 10, 10, 1, 0.9) for x in (0, 10, 20)]
    assert _merge(*made) == tuple(made)


def test_detections_of_a_class_are_averaged_as_they_come() -> None:
    made = [Detection(x, 0, 10, 10, 1, value) for x, value in ((0, 0.6), (5, 0.9), (7, 0.75))]
    (found,) = _merge(*made)
    # (0 + 5) / 2 is 2 whole pixels, (2 * 2 + 7) / 3 is 3.
    assert attrs.astuple(found)[:5] == (3, 0, 10, 10, 1)
    assert found.value == pytest.approx(0.75)


def test_merging_goes_on_until_nothing_overlaps() -> None:
    """The first and the last reach the second only when they have been merged."""
    made = [Detection(0, 0, 10, 10, 1, 0.6), Detection(13, 0, 10, 10, 1, 0.6)]
    made.append(Detection(9, 0, 10, 10, 1, 0.9))
    (found,) = _merge(*made)
    assert attrs.astuple(found)[:5] == (8, 0, 10, 10, 1)
    assert found.value == pytest.approx(0.675)


def test_the_surest_of_overlapping_classes_is_kept() -> None:
    sure, other = Detection(0, 0, 10, 10, 1, 0.9), Detection(9, 9, 5, 5, 2, 0.8)
    assert _merge(sure, other) == (sure,)
    assert _merge(other, sure) == (sure,)
    beside = attrs.evolve(other, x=10)
    assert _merge(sure, beside) == (sure, beside)
    equal = attrs.evolve(other, value=0.9)
    assert _merge(sure, equal) == (sure,)
    assert _merge(equal, sure) == (equal,)
