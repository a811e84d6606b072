"""Solver states: where a training stood, as `.solverstate` and `.solverstate.h5`.

Layout: the SolverState message, or the HDF5 file of Caffe's `SnapshotSolverStateToHDF5` (`iter`
and `current_step` int32 (1,), `learned_net` a null-terminated string, group `history` with a float
dataset "0", "1", ... per blob). The history is in the order of the learnable parameters; AdaDelta
and Adam have a second array of every parameter behind the first of all.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from attrs import field, frozen
from google.protobuf.message import DecodeError

from qrig.errors import FileFormatError
from qrig.networks.caffe.blobs import blob_array, finite
from qrig.networks.caffe.places import find_named
from qrig.networks.caffe.schema import message
from qrig.networks.files import read_bytes, write_file
from qrig.networks.graph import FloatArray
from qrig.networks.shapes import MAX_ELEMENTS

MAX_STATE_FILE_BYTES = 1 << 31
"""Largest solver state qrig reads."""

MAX_BLOBS = 1 << 14
"""Largest number of history blobs qrig reads."""

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_WHAT = "a solver state (.solverstate or .solverstate.h5)"
_ADVICE = "copy it again or use another snapshot"
_MAX_NAME = 4096


@frozen(eq=False)
class SolverState:
    """Where a training stood after `iteration` updates.

    `learned_net` names the weights that belong to it, `current_step` counts the steps a learning
    rate has taken, `history` is float32 in the order of the learnable parameters.
    """

    iteration: int
    learned_net: str
    current_step: int
    history: tuple[FloatArray, ...] = field(repr=False)


def read_solver_state(path: Path) -> SolverState:
    """Read a solver state; the content decides which of the two formats it is.

    Raises FileFormatError if it is neither, damaged, or holds numbers that are not finite.
    """
    data = read_bytes(path, what=_WHAT, limit_bytes=MAX_STATE_FILE_BYTES)
    state = _read_hdf5(path) if data.startswith(_SIGNATURE) else _read_binary(path, data)
    if state.iteration < 0 or state.current_step < 0:
        raise FileFormatError(
            f"{path}: expected an iteration and a step of 0 or more, found {state.iteration} and "
            f"{state.current_step}; {_ADVICE}"
        )
    return state


def learned_net(path: Path, state: SolverState) -> Path:
    """Return the weights that belong to `state`, read from `path`.

    They are looked for from the working directory, as Caffe does, then beside the state. Raises
    FileFormatError if they are nowhere.
    """
    found = find_named(state.learned_net, path)
    if found is None or not found.is_file():
        raise FileFormatError(
            f"{path}: expected the weights {state.learned_net!r} it names from the working "
            "directory or beside it, found no such file; copy them there"
        )
    return found


def write_solver_state(path: Path, state: SolverState) -> None:
    """Write `state` to `path`: HDF5 if the name ends in `.h5`, otherwise the binary message.

    The file is there whole or not at all. Raises UsageError if it cannot be written.
    """
    write = _write_hdf5 if path.suffix == ".h5" else _write_binary
    write_file(path, lambda temporary: write(temporary, state))


def _read_binary(path: Path, data: bytes) -> SolverState:
    found = message("SolverState")()
    try:
        found.ParseFromString(data)
    except (DecodeError, ValueError) as error:
        raise FileFormatError(
            f"{path}: expected {_WHAT}, found bytes that are neither; {_ADVICE}"
        ) from error
    if not found.HasField("iter") or len(found.history) > MAX_BLOBS:
        what = f"{len(found.history)} blobs" if found.HasField("iter") else "no iteration"
        raise FileFormatError(
            f"{path}: expected {_WHAT} with an iteration and at most {MAX_BLOBS:,} blobs, found "
            f"{what}; {_ADVICE}"
        )
    history = tuple(
        blob_array(blob, f"{path}: history {index}") for index, blob in enumerate(found.history)
    )
    return SolverState(found.iter, found.learned_net, found.current_step, history)


def _write_binary(path: Path, state: SolverState) -> None:
    made = message("SolverState")(
        iter=state.iteration, learned_net=state.learned_net, current_step=state.current_step
    )
    for array in state.history:
        blob = made.history.add()
        blob.shape.dim.extend(array.shape)
        blob.data.extend(array.astype(np.float32).ravel())
    path.write_bytes(made.SerializeToString())


def _read_hdf5(path: Path) -> SolverState:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            group = _member(h5py, file, "history", path) if "history" in file else {}
            if not isinstance(group, h5py.Group | dict) or len(group) > MAX_BLOBS:
                raise FileFormatError(
                    f"{path}: expected a group `history` of at most {MAX_BLOBS:,} blobs, found "
                    f"another; {_ADVICE}"
                )
            history = tuple(
                _floats(path, _member(h5py, group, str(index), path)) for index in range(len(group))
            )
            return SolverState(
                _whole(path, _member(h5py, file, "iter", path)),
                _text(path, _member(h5py, file, "learned_net", path)),
                _whole(path, _member(h5py, file, "current_step", path)),
                history,
            )
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise FileFormatError(
            f"{path}: expected {_WHAT}, found it damaged ({reason}); {_ADVICE}"
        ) from error


def _member(h5py: Any, group: Any, name: str, path: Path) -> Any:
    """Return a member of `group` that is kept in this file."""
    link = group.get(name, getlink=True)
    if not isinstance(link, h5py.HardLink):
        found = "nothing" if link is None else "a link"
        raise FileFormatError(
            f"{path}: expected {name!r} of a solver state in {group.name}, found {found}; {_ADVICE}"
        )
    member = group[name]
    if isinstance(member, h5py.Group):
        return member
    if not isinstance(member, h5py.Dataset) or member.external or member.is_virtual:
        raise FileFormatError(
            f"{path}: expected {member.name} to be numbers in this file, found none; {_ADVICE}"
        )
    return member


def _floats(path: Path, dataset: Any) -> FloatArray:
    kind = getattr(getattr(dataset, "dtype", None), "kind", "")
    if kind != "f" or dataset.size is None or dataset.size > MAX_ELEMENTS:
        raise FileFormatError(
            f"{path}: expected {dataset.name} to be at most {MAX_ELEMENTS:,} floating-point "
            f"numbers, found something else; {_ADVICE}"
        )
    return finite(np.asarray(dataset[()]), f"{path}: {dataset.name}")


def _whole(path: Path, dataset: Any) -> int:
    kind = getattr(getattr(dataset, "dtype", None), "kind", "")
    if kind not in ("i", "u") or dataset.size != 1:
        raise FileFormatError(
            f"{path}: expected {dataset.name} to be one whole number, found something else; "
            f"{_ADVICE}"
        )
    return int(np.asarray(dataset[()]).ravel()[0])


def _text(path: Path, dataset: Any) -> str:
    kind = getattr(getattr(dataset, "dtype", None), "kind", "")
    if kind not in ("S", "O") or dataset.size != 1 or dataset.dtype.itemsize > _MAX_NAME:
        raise FileFormatError(
            f"{path}: expected {dataset.name} to be a name, found something else; {_ADVICE}"
        )
    value = np.asarray(dataset[()]).ravel()[0]
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def _write_hdf5(path: Path, state: SolverState) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        for name, number in (("iter", state.iteration), ("current_step", state.current_step)):
            file.create_dataset(name, data=np.array([number], dtype=np.int32), track_times=False)
        _write_text(h5py, file, "learned_net", state.learned_net)
        group = file.create_group("history")
        for index, array in enumerate(state.history):
            group.create_dataset(str(index), data=array.astype(np.float32), track_times=False)


def _write_text(h5py: Any, file: Any, name: str, text: str) -> None:
    """Write a string with its final null, which Caffe relies on when it reads it."""
    data = text.encode("utf-8")
    kind = h5py.h5t.C_S1.copy()
    kind.set_size(len(data) + 1)
    kind.set_strpad(h5py.h5t.STR_NULLTERM)
    space = h5py.h5s.create(h5py.h5s.SCALAR)
    dataset = h5py.h5d.create(file.id, name.encode(), kind, space)
    value = np.array(data, dtype=f"S{len(data) + 1}")
    dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, value, mtype=kind)
