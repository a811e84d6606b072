"""Some of the images of a source: spread evenly over it, whatever kind of source it is."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from datum_records import write_raw
from image_files import write_images
from qrig.datasets import ImageSet, read_image_set
from qrig.datasets.idx import write_idx
from qrig.datasets.spread import spread
from qrig.errors import FileFormatError

COUNT, CLASSES = 40, 4
IMAGES = np.random.default_rng(7).integers(0, 256, (COUNT, 6, 5, 3), np.uint8)
LABELS = np.repeat(np.arange(CLASSES), COUNT // CLASSES)
"""Sorted by class, as many sets are."""

PLACES = [0, 5, 11, 16, 22, 27, 33, 39]
"""Eight of 40: place * 39 // 7."""


def as_npy(folder: Path) -> Path:
    np.save(folder / "a.npy", IMAGES)
    return folder / "a.npy"


def as_floats(folder: Path) -> Path:
    np.save(folder / "a.npy", (IMAGES / 255).astype(np.float32))
    return folder / "a.npy"


def as_npz(folder: Path) -> Path:
    np.savez(folder / "a.npz", data=IMAGES, label=LABELS)
    return folder / "a.npz"


def as_idx(folder: Path) -> Path:
    write_idx(folder / "images", IMAGES)
    write_idx(folder / "labels", LABELS.astype(np.uint8))
    return folder / "images"


def as_hdf5(folder: Path, name: str = "a.h5", part: slice = slice(None)) -> Path:
    with h5py.File(folder / name, "w") as file:
        file["data"] = IMAGES[part].transpose(0, 3, 1, 2)
        file["label"] = LABELS[part]
    return folder / name


def as_hdf5_list(folder: Path) -> Path:
    for name, part in (("a", slice(0, 3)), ("b", slice(3, 5)), ("c", slice(5, 40))):
        as_hdf5(folder, f"{name}.h5", part)
    (folder / "list.txt").write_text("a.h5\nb.h5\nc.h5\n")
    return folder / "list.txt"


def as_lmdb(folder: Path) -> Path:
    return write_raw(folder / "lmdb", IMAGES, LABELS.tolist())


def as_class_folders(folder: Path) -> Path:
    names = [f"{label}/{place:02d}.png" for place, label in enumerate(LABELS)]
    write_images(folder / "classes", names, IMAGES)
    return folder / "classes"


def as_list(folder: Path) -> Path:
    names = [f"{place:02d}.png" for place in range(COUNT)]
    write_images(folder, names, IMAGES)
    lines = (f"{name} {label}\n" for name, label in zip(names, LABELS, strict=True))
    (folder / "list.txt").write_text("".join(lines))
    return folder / "list.txt"


LABELLED = [as_npz, as_idx, as_hdf5, as_hdf5_list, as_lmdb, as_class_folders, as_list]
SOURCES = [*LABELLED, as_npy, as_floats]


@pytest.mark.parametrize("make", SOURCES)
def test_some_images_are_spread_over_any_source(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    source = make(tmp_path)
    some = read_image_set(source, limit=8)
    assert np.array_equal(some.images, IMAGES[PLACES])
    assert some.images.flags.c_contiguous
    if make in LABELLED:
        assert some.labels is not None
        assert some.labels.tolist() == LABELS[PLACES].tolist()
        assert np.bincount(some.labels).tolist() == [2] * CLASSES
    assert [some.record(index).split()[1] for index in range(8)] == [str(one) for one in PLACES]
    assert some.source_count == COUNT
    for limit in (COUNT, COUNT + 1, None):
        every = read_image_set(source, limit=limit)
        assert np.array_equal(every.images, IMAGES)
        assert every.source_count is None


@pytest.mark.parametrize("make", SOURCES)
def test_labels_of_another_file_are_those_of_the_images_taken(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    source, labels = make(tmp_path), tmp_path / "other.npy"
    np.save(labels, np.arange(COUNT))
    some = read_image_set(source, labels=labels, limit=8)
    assert some.labels is not None
    assert some.labels.tolist() == PLACES
    np.save(labels, np.arange(8))  # as many as are taken: of which images nobody knows
    with pytest.raises(FileFormatError, match="expected 40 labels, one for each image of"):
        read_image_set(source, labels=labels, limit=8)


def test_what_is_taken_from_a_part_counts_from_its_own_beginning(tmp_path: Path) -> None:
    some = read_image_set(as_npz(tmp_path), limit=8)
    assert some.record(2) == "image 11"
    part: ImageSet = some.take([2, 3])
    assert part.source_count is None
    assert part.record(0) == "image 0"


def test_a_wrong_label_is_named_by_its_place_in_the_source(tmp_path: Path) -> None:
    labels = LABELS.astype(np.int64)
    labels[16] = -1
    with h5py.File(as_hdf5(tmp_path), "r+") as file:
        file["label"][...] = labels
    with pytest.raises(FileFormatError, match="image 16: expected a label"):
        read_image_set(tmp_path / "a.h5", limit=8)
    assert len(read_image_set(tmp_path / "a.h5", limit=7)) == 7  # without that one


def test_a_repeated_row_of_classes_is_walked_through() -> None:
    classes = np.arange(1000) % 10
    for wanted in (10, 20, 50, 100, 200, 250):
        taken = np.bincount(classes[spread(1000, wanted)], minlength=10)
        assert np.count_nonzero(taken) >= 9, wanted  # found / wanted would meet one class alone


@pytest.mark.parametrize(("found", "wanted"), [(1, 1), (7, 1), (7, 3), (7, 7), (7, 9), (10**12, 5)])
def test_places_rise_from_the_first_to_the_last(found: int, wanted: int) -> None:
    places = spread(found, wanted)
    assert len(places) == min(found, wanted)
    assert places[0] == 0
    assert places[-1] == (found - 1 if wanted > 1 else 0)
    assert (np.diff(places) >= 1).all()
    assert len(places) < 3 or np.ptp(np.diff(places)) <= 1
