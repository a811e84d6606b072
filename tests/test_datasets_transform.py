"""Caffe's transform against a slow one written from its definition."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from image_files import some_images
from qrig.datasets.transform import Transform
from qrig.errors import UsageError
from qrig.networks.graph import Shape

IMAGES = some_images(9, 8, 7)
Floats = npt.NDArray[np.float32]


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def slow(
    image: npt.NDArray[np.uint8], transform: Transform, top: int, left: int, mirrored: bool
) -> npt.NDArray[np.float64]:
    """Transform one image, one number at a time, for a crop at a place."""
    height, width, channels = image.shape
    side_y = transform.crop_size or height
    side_x = transform.crop_size or width
    out = np.zeros((side_y, side_x, channels))
    for y, x, c in np.ndindex(out.shape):
        value = float(image[top + y, left + x, c])
        if transform.mean is not None:
            mean = transform.mean
            if mean.ndim == 3:
                value -= float(mean[top + y, left + x, c])
            else:
                value -= float(mean[c if len(mean) > 1 else 0])
        out[y, side_x - 1 - x if mirrored else x, c] = value * transform.scale
    return out


MEANS: dict[str, Floats | None] = {
    "none": None,
    "one": np.array([117.5], dtype=np.float32),
    "channels": np.array([100, 110.25, 90], dtype=np.float32),
    "image": some_images(1, 8, 7)[0].astype(np.float32) + np.float32(0.5),
}


@pytest.mark.parametrize("mean", MEANS)
@pytest.mark.parametrize("crop", [0, 5, 7])
@pytest.mark.parametrize("scale", [1.0, 0.00390625, -2.0])
def test_the_test_phase_crops_the_middle(mean: str, crop: int, scale: float) -> None:
    transform = Transform(MEANS[mean], scale, crop)
    found = transform.apply(IMAGES, phase="test", rng=generator())
    assert found.dtype == np.float32
    assert found.shape == (9, *transform.output_shape(Shape(8, 7, 3)))
    top, left = ((8 - crop) // 2, (7 - crop) // 2) if crop else (0, 0)
    for image, one in zip(IMAGES, found, strict=True):
        assert np.allclose(one, slow(image, transform, top, left, False), atol=1e-4)


@pytest.mark.parametrize("mean", MEANS)
def test_the_training_phase_crops_and_mirrors_by_chance(mean: str) -> None:
    transform = Transform(MEANS[mean], 0.5, crop_size=5, mirror=True)
    image = IMAGES[4]
    many = np.repeat(image[np.newaxis], 400, axis=0)
    found = transform.apply(many, phase="train", rng=generator(1))
    variants = {
        (top, left, mirrored): slow(image, transform, top, left, mirrored)
        for top in range(4)
        for left in range(3)
        for mirrored in (False, True)
    }
    seen: dict[Any, int] = dict.fromkeys(variants, 0)
    for one in found:
        (key,) = [key for key, value in variants.items() if np.allclose(one, value, atol=1e-4)]
        seen[key] += 1
    assert min(seen.values()) >= 4
    assert max(seen.values()) <= 40


def test_mirroring_is_for_both_phases_and_half_of_the_images() -> None:
    many = np.repeat(IMAGES[:1], 1000, axis=0)
    for phase in ("train", "test"):
        found = Transform(mirror=True).apply(many, phase=phase, rng=generator(2))
        mirrored = [bool((one == IMAGES[0, :, ::-1]).all()) for one in found]
        assert 430 <= sum(mirrored) <= 570
        assert all(
            flip or (one == IMAGES[0]).all() for flip, one in zip(mirrored, found, strict=True)
        )


def test_the_generator_alone_decides() -> None:
    transform = Transform(crop_size=5, mirror=True)
    first, again, other = (
        transform.apply(IMAGES, phase="train", rng=generator(seed)) for seed in (5, 5, 6)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_images_stay_as_they_are() -> None:
    before = IMAGES.copy()
    plain = Transform().apply(IMAGES, phase="train", rng=generator())
    Transform(mirror=True, crop_size=4, mean=MEANS["image"]).apply(
        IMAGES, phase="train", rng=generator()
    )
    plain[:] = 0
    assert np.array_equal(IMAGES, before)


@pytest.mark.parametrize(
    ("transform", "phase", "words"),
    [
        (Transform(crop_size=8), "train", "at least 8x8 for the crop, found 8x7x3"),
        (Transform(np.zeros(2, dtype=np.float32)), "test", "of 3 for the channels.*found 2"),
        (Transform(np.zeros((5, 5, 3), dtype=np.float32), 1.0, 5), "test", "of 8x7x3.*found 5x5x3"),
        (Transform(np.array(3, dtype=np.float32)), "test", "found one number"),
        (Transform(), "valid", "'train' or 'test', found 'valid'"),
    ],
)
def test_what_does_not_fit_is_refused(transform: Transform, phase: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        transform.apply(IMAGES, phase=phase, rng=generator())
