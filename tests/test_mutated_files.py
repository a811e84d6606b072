"""Valid files with a few bytes changed are read, or refused as bad input, and nothing else."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qrig.boards.board import read_board
from qrig.datasets import read_image
from qrig.datasets.idx import read_idx
from qrig.errors import QrigError
from qrig.fixedpoint import read_formats
from qrig.networks.description import NetworkDescription, read_description
from qrig.networks.graph import Shape
from qrig.runs.networks import load_description
from real_models import MODELS
from test_boards_files import BOARD
from test_formats_pickle import ATTRIBUTES, pickled
from tiny_network import (
    TinyNetwork,
    caffemodel_bytes,
    mean_bytes,
    tiny_blobs,
    tiny_pixels,
    write_tiny_network,
)

EXAMPLES = 50
TOKENS = (
    b"\0",
    b"\xff" * 4,
    b"\x7f\xff\xff\xff",
    b"-1",
    b"9" * 20,
    b"nan",
    b"1e400",
    b'"',
    b"{",
    b"}",
)

Edit = tuple[str, int, bytes]
Reader = Callable[[TinyNetwork, Path], object]


def network_of(files: TinyNetwork, **changed: Path) -> object:
    chosen = {"model": files.model, "weights": files.weights, "formats": files.formats, **changed}
    return load_description(
        NetworkDescription("tiny", chosen["model"], chosen["weights"], chosen["formats"])
    )


def network_with_mean(files: TinyNetwork, path: Path) -> object:
    return load_description(
        NetworkDescription("tiny", files.model, files.weights, files.formats, mean=str(path))
    )


def arms_pickle() -> bytes:
    if MODELS is None:
        return pickled(ATTRIBUTES, 0)
    return (MODELS / "arm_cifar10" / "cifar10_m4.pkl").read_bytes()


def refusal(read: Callable[[], object]) -> QrigError | None:
    """Return what `read` raises; None if it reads; anything but bad input comes through."""
    try:
        read()
    except QrigError as error:
        return error
    return None


IDX = b"\0\0\x08\x03\0\0\0\x08\0\0\0\x08\0\0\0\x03" + tiny_pixels().tobytes()

NETWORK_TOML = b"""\
schema = "qrig-network/1"
name = "tiny"
model = "tiny.prototxt"
weights = "tiny.caffemodel.h5"
formats = "formats.json"
mean = [1, 2, 3]
labels = ["a", "b"]
input_shape = [8, 8, 3]
channel_order = "rgb"
samples = { images = "samples", labels = "labels" }
"""

SUBJECTS: dict[str, tuple[str, Callable[[TinyNetwork], bytes], Reader]] = {
    "prototxt": (
        "net.prototxt",
        lambda files: files.model.read_bytes(),
        lambda files, path: network_of(files, model=path),
    ),
    "caffemodel": (
        "net.caffemodel",
        lambda files: caffemodel_bytes(tiny_blobs()),
        lambda files, path: network_of(files, weights=path),
    ),
    "h5": (
        "net.h5",
        lambda files: files.weights.read_bytes(),
        lambda files, path: network_of(files, weights=path),
    ),
    "formats.json": (
        "formats.json",
        lambda files: files.formats.read_bytes(),
        lambda files, path: network_of(files, formats=path),
    ),
    "pickle": ("arm.pkl", lambda files: arms_pickle(), lambda files, path: read_formats(path)),
    "pickle 4": (
        "arm.pkl",
        lambda files: pickled(ATTRIBUTES, 4),
        lambda files, path: read_formats(path),
    ),
    "png": (
        "image.png",
        lambda files: files.image.read_bytes(),
        lambda files, path: read_image(path, Shape(8, 8, 3)),
    ),
    "mean.npy": ("mean.npy", lambda files: files.mean.read_bytes(), network_with_mean),
    "mean.binaryproto": (
        "mean.binaryproto",
        lambda files: mean_bytes(np.full((3, 8, 8), 99, dtype=np.float32)),
        network_with_mean,
    ),
    "idx": (
        "images.idx",
        lambda files: gzip.compress(IDX),
        lambda files, path: read_idx(path),
    ),
    "board.toml": (
        "toy/board.toml",
        lambda files: BOARD.encode(),
        lambda files, path: read_board(path),
    ),
    "network.toml": (
        "toy/network.toml",
        lambda files: NETWORK_TOML,
        lambda files, path: read_description(path.parent),
    ),
}


def edited(data: bytes, edits: list[Edit]) -> bytes:
    """Return `data` after every edit: (what, where, with which bytes)."""
    for what, place, piece in edits:
        start = place % (len(data) + 1)
        end = start
        if what == "replace":
            end = start + len(piece)
        elif what == "delete":
            piece, end = b"", start + 1 + len(piece)
        elif what == "repeat":
            piece = data[start : start + 1 + 8 * len(piece)]
        elif what == "cut":
            piece, end = b"", len(data)
        data = data[:start] + piece + data[end:]
    return data


edits = st.lists(
    st.tuples(
        st.sampled_from(("replace", "replace", "insert", "delete", "repeat", "cut")),
        st.integers(0, 1 << 20),
        st.one_of(st.binary(min_size=1, max_size=4), st.sampled_from(TOKENS)),
    ),
    min_size=1,
    max_size=4,
)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> TinyNetwork:
    return write_tiny_network(tmp_path_factory.mktemp("tiny"))


@pytest.mark.parametrize("subject", SUBJECTS)
def test_mutated_files_are_read_or_refused(files: TinyNetwork, subject: str) -> None:
    name, original, reader = SUBJECTS[subject]
    path = files.folder / "mutated" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    data = original(files)
    path.write_bytes(data)
    assert reader(files, path) is not None

    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
    @given(edits)
    def check(changes: list[Edit]) -> None:
        path.write_bytes(edited(data, changes))
        error = refusal(lambda: reader(files, path))
        assert error is None or error.exit_code == 2
        assert "\n" not in str(error)

    check()


_NUMBERS = [
    0, -1, 65536, 1 << 31, 10**30, -(10**400), 0.5, 1e308, float("nan"), float("inf"), True, None,
    "", "data", [], [1], {}, {"a": 1},
]  # fmt: skip


@settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
@given(st.sampled_from([*range(22)]), st.sampled_from(_NUMBERS))
def test_any_value_anywhere_in_formats_is_read_or_refused(
    files: TinyNetwork, place: int, value: object
) -> None:
    document = json.loads(files.formats.read_bytes())
    places = [(document, key) for key in document]
    for table, key in places:  # grows while it is walked: every table within is walked as well
        if isinstance(table[key], dict):
            places += [(table[key], inner) for inner in table[key]]
    table, key = places[place % len(places)]
    table[key] = value
    path = files.folder / "edited.json"
    path.write_text(json.dumps(document))
    error = refusal(lambda: network_of(files, formats=path))
    assert error is None or error.exit_code == 2
    assert len(str(error)) < 1000
