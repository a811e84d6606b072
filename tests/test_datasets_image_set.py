"""What can be asked of an image set."""

import numpy as np
import pytest

from image_files import some_images
from qrig.datasets import ImageSet
from qrig.errors import FileFormatError, UsageError
from qrig.networks.graph import Shape

IMAGES = some_images(20)
LABELS = np.arange(20, dtype=np.int64) % 7
NAMES = tuple("abcdefghijklmnopqrst")
SET = ImageSet("letters", IMAGES, LABELS, "rgb", records=NAMES)
BARE = ImageSet("bare", IMAGES[..., :1], None, "gray")


def test_a_set_knows_its_size() -> None:
    assert len(SET) == 20
    assert SET.shape == Shape(6, 5, 3)
    assert SET.record(3) == "image 3 (d)"
    assert BARE.record(3) == "image 3"
    assert SET.scale == 1.0


def test_taking_indices_keeps_what_belongs_together() -> None:
    for which in ([5, 0, 5], np.array([5, 0, 5]), (5, 0, 5)):
        taken = SET.take(which)
        assert np.array_equal(taken.images, IMAGES[[5, 0, 5]])
        assert taken.labels is not None
        assert taken.labels.tolist() == [5, 0, 5]
        assert taken.record(2) == "image 2 (f)"
    assert BARE.take([1]).labels is None


def test_taking_a_number_takes_the_first_or_draws_without_repetition() -> None:
    assert SET.take(4).records == NAMES[:4]
    assert len(SET.take(100)) == 20
    drawn = SET.take(8, seed=3)
    assert sorted(set(drawn.records)) == list(drawn.records)
    assert len(drawn) == 8
    assert list(SET.take(8, seed=3).records) == list(drawn.records)
    assert list(SET.take(8, seed=4).records) != list(drawn.records)
    assert len({name for seed in range(100) for name in SET.take(2, seed=seed).records}) == 20
    # The stream of RandomState is fixed for good: the same images in every release.
    assert list(SET.take(5, seed=0).records) == ["b", "i", "k", "s", "t"]


@pytest.mark.parametrize("which", [0, -1, [], [20], [-1], [0, 99]])
def test_images_that_are_not_there_cannot_be_taken(which: int | list[int]) -> None:
    with pytest.raises(UsageError, match="letters: expected at least one index from 0 to 19"):
        SET.take(which)


def test_channels_in_another_order() -> None:
    assert SET.in_order("rgb") is SET
    flipped = SET.in_order("bgr")
    assert flipped.channel_order == "bgr"
    assert flipped.images.flags.c_contiguous
    assert np.array_equal(flipped.images, IMAGES[..., ::-1])
    assert np.array_equal(flipped.in_order("rgb").images, IMAGES)
    assert BARE.in_order("bgr") is BARE


def test_labels_are_checked_against_the_classes() -> None:
    assert SET.check_labels(7) is SET.labels
    with pytest.raises(FileFormatError, match=r"letters: image 6 \(g\): .*from 0 to 5, found 6"):
        SET.check_labels(6)
    with pytest.raises(UsageError, match="bare: expected images with labels, found none"):
        BARE.check_labels(10)
