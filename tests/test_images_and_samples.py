"""Images and sample sets: every form that is read, and what is said of the others."""

import gzip
import io
import struct
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from qrig.datasets import read_image, read_samples
from qrig.datasets.idx import read_idx, write_idx
from qrig.errors import FileFormatError
from qrig.networks.description import NetworkDescription
from qrig.networks.graph import Shape
from qrig.runs.networks import in_channel_order, load_description
from tiny_network import FORMATS, png_bytes, tiny_pixels, write_tiny_network

RGB = Shape(8, 8, 3)
GREY = Shape(8, 8, 1)
PIXELS = tiny_pixels()


def encoded(image: Image.Image, kind: str) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


def saved(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def grey_of(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return np.asarray(Image.fromarray(pixels).convert("L"))[:, :, np.newaxis]


@pytest.mark.parametrize("kind", ["PNG", "PPM", "BMP"])
def test_colour_arrives_as_it_is_and_grey_where_wanted(tmp_path: Path, kind: str) -> None:
    path = saved(tmp_path / "image", encoded(Image.fromarray(PIXELS), kind))
    assert np.array_equal(read_image(path, RGB), PIXELS)
    assert np.array_equal(read_image(path, GREY), grey_of(PIXELS))


@pytest.mark.parametrize("kind", ["PNG", "PPM", "BMP"])
def test_grey_arrives_as_one_channel_or_three_equal_ones(tmp_path: Path, kind: str) -> None:
    grey = PIXELS[:, :, 0]
    data = encoded(Image.fromarray(grey), kind)
    assert kind != "PPM" or data.startswith(b"P5")
    path = saved(tmp_path / "image", data)
    assert np.array_equal(read_image(path, GREY)[:, :, 0], grey)
    assert np.array_equal(read_image(path, RGB), np.repeat(grey[:, :, np.newaxis], 3, axis=2))


@pytest.mark.parametrize("mode", ["P", "RGBA", "LA", "1"])
def test_other_png_modes_are_converted(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(PIXELS).convert(mode)
    pixels = read_image(saved(tmp_path / "a.png", encoded(image, "PNG")), RGB)
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous
    assert np.array_equal(pixels, np.asarray(image.convert("RGB")))


def test_sixteen_bit_grey_is_refused(tmp_path: Path) -> None:
    deep = Image.fromarray(np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000)
    path = saved(tmp_path / "a.png", encoded(deep, "PNG"))
    with pytest.raises(FileFormatError, match="8-bit grey or colour, found mode I;16"):
        read_image(path, GREY)


def test_raw_bytes_are_hwc(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.raw", PIXELS.tobytes())
    assert np.array_equal(read_image(path, RGB), PIXELS)
    # What begins like an image and is called .raw is raw all the same.
    path.write_bytes(b"BM" + PIXELS.tobytes()[2:])
    assert read_image(path, RGB)[0, 0].tolist() == [*b"BM", PIXELS[0, 0, 2]]


@pytest.mark.parametrize("length", [1, 191, 193, 64])
def test_raw_bytes_of_another_length_are_refused(tmp_path: Path, length: int) -> None:
    path = saved(tmp_path / "a.raw", bytes(length))
    with pytest.raises(FileFormatError, match=f"found {length} bytes .*raw would be 192 bytes"):
        read_image(path, RGB)


def test_npy_is_hwc_and_two_axes_are_grey(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.asfortranarray(PIXELS))
    assert np.array_equal(read_image(path, RGB), PIXELS)
    np.save(path, PIXELS[:, :, 0])
    assert np.array_equal(read_image(path, GREY), PIXELS[:, :, :1])


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.array([{"a": 1}, None], dtype=object), "allow_pickle=False"),
        (PIXELS.astype(np.int16), "uint8 pixels, found int16"),
        (PIXELS.astype(np.float32) / 255, "uint8 pixels, found float32"),
        (np.array("text"), "uint8 pixels, found <U4"),
        (PIXELS[:7], "found 7x8x3; resize"),
        (PIXELS.transpose(2, 0, 1), "found 3x8x8; resize"),
        (PIXELS[np.newaxis], "found 1x8x8x3; resize"),
        (np.uint8(3), "found one number; resize"),
    ],
)
def test_other_npy_arrays_are_refused(tmp_path: Path, array: Any, words: str) -> None:
    path = tmp_path / "a.npy"
    np.save(path, array, allow_pickle=True)
    with pytest.raises(FileFormatError, match=words):
        read_image(path, RGB)


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (-1,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (192,)}",
        "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': 'nonsense', 'fortran_order': False, 'shape': (1,)}",
        "__import__('os')",
        "(((",
        "[" * 9000,
    ],
)
def test_a_broken_npy_header_is_refused(tmp_path: Path, header: str) -> None:
    text = header.encode() + b"\n"
    data = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + b"1234"
    with pytest.raises(FileFormatError, match=r"numeric \.npy array"):
        read_image(saved(tmp_path / "a.npy", data), RGB)


@pytest.mark.parametrize("size", [(7, 8), (8, 9), (1, 1), (32, 32)])
def test_images_are_never_resized(tmp_path: Path, size: tuple[int, int]) -> None:
    image = Image.new("RGB", size)
    path = saved(tmp_path / "a.png", encoded(image, "PNG"))
    found = f"{size[1]}x{size[0]}"
    with pytest.raises(FileFormatError, match=rf"8x8x3 \(height .*found {found}; resize"):
        read_image(path, RGB)


def test_a_network_of_two_channels_takes_no_image(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", encoded(Image.fromarray(PIXELS), "PNG"))
    with pytest.raises(FileFormatError, match=r"8x8x2 .*found 8x8x3"):
        read_image(path, Shape(8, 8, 2))


@pytest.mark.parametrize("kind", ["PNG", "PPM", "BMP"])
def test_a_truncated_image_is_refused(tmp_path: Path, kind: str) -> None:
    data = encoded(Image.fromarray(PIXELS), kind)
    path = tmp_path / "image"
    for length in range(1, len(data) - 20, 3):
        path.write_bytes(data[:length])
        with pytest.raises(FileFormatError) as caught:
            read_image(path, RGB)
        assert "\n" not in str(caught.value)
        assert " at 0x" not in str(caught.value)


def test_a_declared_size_is_refused_before_anything_is_decoded(tmp_path: Path) -> None:
    began = time.monotonic()
    for side in (9, 8_000, 12_000, 60_000, 2**31 - 1):
        path = saved(tmp_path / "a.png", png_bytes(side, side))
        with pytest.raises(FileFormatError, match="found"):
            read_image(path, RGB)
    assert time.monotonic() - began < 20


def test_other_files_are_refused(tmp_path: Path) -> None:
    for name, data, words in (
        ("a.png", b"", "an empty file"),
        ("a.png", b"\x89PNG\r\n\x1a\n", "damaged"),
        ("a.gif", encoded(Image.fromarray(PIXELS), "GIF"), "that are none of these"),
        ("a.jpg", encoded(Image.fromarray(PIXELS), "JPEG"), "that are none of these"),
        ("a.png", b"P5 -1 -1 255\n", "damaged"),
        ("a.png", png_bytes(8, 8), "damaged"),
    ):
        with pytest.raises(FileFormatError, match=words):
            read_image(saved(tmp_path / name, data), RGB)
    with pytest.raises(FileFormatError, match="a directory"):
        read_image(tmp_path, RGB)
    with pytest.raises(FileFormatError, match="No such file"):
        read_image(tmp_path / "missing.png", RGB)


@pytest.mark.parametrize("shape", [(5,), (3, 4), (2, 8, 8), (2, 8, 8, 3)])
def test_idx_reads_back_what_was_written(tmp_path: Path, shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    write_idx(tmp_path / "a.gz", array)
    data = (tmp_path / "a.gz").read_bytes()
    plain = saved(tmp_path / "plain", gzip.decompress(data))
    assert np.array_equal(read_idx(tmp_path / "a.gz"), array)
    assert np.array_equal(read_idx(plain), array)
    write_idx(tmp_path / "again.gz", array)
    assert (tmp_path / "again.gz").read_bytes() == data


def test_a_truncated_or_damaged_idx_file_is_refused(tmp_path: Path) -> None:
    write_idx(tmp_path / "good.gz", PIXELS)
    packed = (tmp_path / "good.gz").read_bytes()
    plain = gzip.decompress(packed)
    path = tmp_path / "a"
    for data in (packed, plain):
        for length in range(0, len(data), 3):
            path.write_bytes(data[:length])
            with pytest.raises(FileFormatError):
                read_idx(path)
    for position in range(10, len(packed), 3):
        damaged = bytearray(packed)
        damaged[position] ^= 0xFF
        with pytest.raises(FileFormatError):
            read_idx(saved(path, bytes(damaged)))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\0\0\x09\x01\0\0\0\x01a", "begin with 00000901"),
        (b"\0\0\x08\x00", "begin with 00000800"),
        (b"\0\0\x08\x05" + bytes(20), "begin with"),
        (b"\x01\0\x08\x01\0\0\0\x01a", "begin with 01000801"),
        (b"\0\0\x08\x03\0\0\0\x01", "cut short"),
        (b"\0\0\x08\x02" + b"\xff" * 8 + b"a", "expected 18446744065119617025 values"),
        (b"\0\0\x08\x01\0\0\0\x01ab", r"expected 1 values for shape \(1,\), found 2"),
        (gzip.compress(b"text", mtime=0), "begin with 74657874"),
    ],
)
def test_what_is_no_idx_file_is_refused(tmp_path: Path, data: bytes, words: str) -> None:
    with pytest.raises(FileFormatError, match=words):
        read_idx(saved(tmp_path / "a", data))


def write_folder(folder: Path, names: tuple[str, ...]) -> Path:
    for name in names:
        Image.fromarray(PIXELS).save(folder / name)
    return folder


def test_a_folder_gives_labels_from_names(tmp_path: Path) -> None:
    write_folder(tmp_path, ("img_00_7.png", "b-12.png", "10cats.PNG", "none.bmp"))
    (tmp_path / "notes_5.txt").write_text("not an image")
    samples = read_samples(tmp_path, None, RGB)
    assert [(sample.name, sample.label) for sample in samples] == [
        ("10cats.PNG", 10),
        ("b-12.png", 12),
        ("img_00_7.png", 7),
        ("none.bmp", None),
    ]
    assert all(np.array_equal(sample.pixels, PIXELS) for sample in samples)


def test_a_labels_file_wins_over_names(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    write_folder(folder, ("a_1.png", "b_2.png"))
    write_idx(tmp_path / "labels.gz", np.array([8, 9], dtype=np.uint8))
    samples = read_samples(folder, tmp_path / "labels.gz", RGB)
    assert [sample.label for sample in samples] == [8, 9]
    write_idx(tmp_path / "labels.gz", np.array([8], dtype=np.uint8))
    with pytest.raises(FileFormatError, match="found 1 labels and 2 images"):
        read_samples(folder, tmp_path / "labels.gz", RGB)


def test_idx_samples_are_numbered(tmp_path: Path) -> None:
    images = np.random.default_rng(2).integers(0, 256, (3, 8, 8), dtype=np.uint8)
    write_idx(tmp_path / "images.gz", images)
    write_idx(tmp_path / "labels.gz", np.array([1, 2, 3], dtype=np.uint8))
    samples = read_samples(tmp_path / "images.gz", tmp_path / "labels.gz", GREY)
    assert [(sample.name, sample.label) for sample in samples] == [
        ("00000", 1),
        ("00001", 2),
        ("00002", 3),
    ]
    assert np.array_equal(samples[2].pixels[:, :, 0], images[2])
    assert [s.label for s in read_samples(tmp_path / "images.gz", None, GREY)] == [None] * 3


@pytest.mark.parametrize("shape", [(3, 7, 8), (8, 8), (64,), (3, 8, 8, 3), (0, 8, 8)])
def test_idx_samples_of_another_network_are_told(tmp_path: Path, shape: tuple[int, ...]) -> None:
    write_idx(tmp_path / "images.gz", np.zeros(shape, dtype=np.uint8))
    with pytest.raises(FileFormatError, match=r"images\.gz: expected"):
        read_samples(tmp_path / "images.gz", None, GREY)


def test_grey_idx_samples_do_not_fit_a_colour_network(tmp_path: Path) -> None:
    write_idx(tmp_path / "images.gz", np.zeros((2, 8, 8), dtype=np.uint8))
    with pytest.raises(FileFormatError, match="images of 8x8x3, found an array of"):
        read_samples(tmp_path / "images.gz", None, RGB)


def test_an_empty_labels_file_does_not_count_as_none(tmp_path: Path) -> None:
    write_idx(tmp_path / "labels.gz", np.zeros(0, dtype=np.uint8))
    write_idx(tmp_path / "images.gz", np.zeros((2, 8, 8), dtype=np.uint8))
    folder = write_folder(tmp_path, ("a_1.png",))
    for images, shape in ((folder, RGB), (tmp_path / "images.gz", GREY)):
        with pytest.raises(FileFormatError, match="found 0 labels"):
            read_samples(images, tmp_path / "labels.gz", shape)


def test_empty_missing_and_mixed_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="at least one, found 0"):
        read_samples(tmp_path, None, RGB)
    with pytest.raises(FileFormatError, match="No such file"):
        read_samples(tmp_path / "missing", None, RGB)
    write_folder(tmp_path, ("a_1.png",))
    (tmp_path / "b_2.png").mkdir()
    with pytest.raises(FileFormatError, match=r"b_2\.png: .*a directory"):
        read_samples(tmp_path, None, RGB)


def test_channel_order_is_the_networks(tmp_path: Path) -> None:
    files = write_tiny_network(tmp_path)
    folder = tmp_path / "samples"
    folder.mkdir()
    write_folder(folder, ("a_1.png",))
    for order, expected in (("rgb", PIXELS), ("bgr", PIXELS[:, :, ::-1])):
        description = NetworkDescription(
            "tiny", files.model, files.weights, files.formats, samples=folder, channel_order=order
        )
        loaded = load_description(description)
        assert np.array_equal(loaded.samples[0].pixels, expected)
        ordered = in_channel_order(read_image(files.image, RGB), loaded.quantized)
        assert ordered.flags.c_contiguous
        assert np.array_equal(ordered, expected)
        # The mean is of the network's channels, in the network's order.
        assert loaded.quantized.input.mean.tolist() == FORMATS["input"]["mean"]
