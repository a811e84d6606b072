"""The C kernels, built for the host, against ARM's golden vectors; and what they refuse."""

import ctypes
import json
import subprocess
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from qrig.resources import firmware_root
from real_models import MODELS, requires_models

_SIZE_MISMATCH = -3


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The portable kernels as a shared library."""
    library = tmp_path_factory.mktemp("kernels") / "kernels.so"
    sources = sorted(map(str, (firmware_root() / "kernels").glob("*.c")))
    flags = ["-std=c11", "-O1", "-fPIC", "-shared", "-fsanitize=undefined"]
    flags += ["-fno-sanitize-recover=all", "-Wall", "-Wextra", "-Wconversion", "-Werror"]
    subprocess.run(["gcc", *flags, *sources, "-o", str(library)], check=True)  # noqa: S607  # PATH
    return ctypes.CDLL(str(library))


class _Buffer:
    """int8 or int16 memory with a guard behind it."""

    _GUARD = 64

    def __init__(self, values: Any, dtype: type = np.int8) -> None:
        array: npt.NDArray[Any] = np.asarray(values).astype(dtype).ravel()
        self.size = array.size
        self.memory: npt.NDArray[Any] = np.full(array.size + self._GUARD, 0x55, dtype=dtype)
        self.memory[: array.size] = array

    @property
    def values(self) -> list[int]:
        assert (self.memory[self.size :] == 0x55).all(), "written past the end"
        return [int(value) for value in self.memory[: self.size]]

    def __call__(self) -> ctypes.c_void_p:
        return ctypes.c_void_p(self.memory.ctypes.data)


def _golden(key: str) -> list[dict[str, Any]]:
    if MODELS is None:
        return []
    vectors = json.loads((MODELS / "golden" / "cmsis_nn_q7_vectors.json").read_text())
    found: list[dict[str, Any]] = vectors[key]
    return found


@requires_models
def test_square_convolutions(kernels: ctypes.CDLL) -> None:
    vectors = _golden("conv_square")
    assert len(vectors) == 24
    for v in vectors:
        out = _Buffer(np.zeros(v["dim_out"] ** 2 * v["ch_out"]))
        columns = _Buffer(np.zeros(2 * v["ch_in"] * v["k"] ** 2), np.int16)
        x, w, b = _Buffer(v["x"]), _Buffer(v["w"]), _Buffer(v["b"])
        status = getattr(kernels, v["fn"])(
            x(), v["dim_in"], v["ch_in"], w(), v["ch_out"], v["k"], v["pad"], v["stride"], b(),
            v["bias_shift"], v["out_shift"], out(), v["dim_out"], columns(), None,
        )  # fmt: skip
        assert status == 0
        assert out.values == v["y"]
        assert len(columns.values) == columns.size


@requires_models
def test_nonsquare_convolutions(kernels: ctypes.CDLL) -> None:
    for v in _golden("conv_nonsquare"):
        out = _Buffer(np.zeros(v["dim_out_x"] * v["dim_out_y"] * v["ch_out"]))
        columns = _Buffer(np.zeros(2 * v["ch_in"] * v["kx"] * v["ky"]), np.int16)
        x, w, b = _Buffer(v["x"]), _Buffer(v["w"]), _Buffer(v["b"])
        status = kernels.arm_convolve_HWC_q7_basic_nonsquare(
            x(), v["dim_in_x"], v["dim_in_y"], v["ch_in"], w(), v["ch_out"], v["kx"], v["ky"],
            v["pad_x"], v["pad_y"], v["stride_x"], v["stride_y"], b(), v["bias_shift"],
            v["out_shift"], out(), v["dim_out_x"], v["dim_out_y"], columns(), None,
        )  # fmt: skip
        assert (status, out.values) == (0, v["y"])


@requires_models
def test_fully_connected(kernels: ctypes.CDLL) -> None:
    for v in _golden("fc"):
        out, scratch = _Buffer(np.zeros(v["rows"])), _Buffer(np.zeros(v["cols"]), np.int16)
        x, w, b = _Buffer(v["x"]), _Buffer(v["w"]), _Buffer(v["b"])
        status = kernels.arm_fully_connected_q7(
            x(), w(), v["cols"], v["rows"], v["bias_shift"], v["out_shift"], b(), out(), scratch()
        )
        assert (status, out.values) == (0, v["y"])


@requires_models
@pytest.mark.parametrize("kind", ["max", "ave"])
def test_pooling(kernels: ctypes.CDLL, kind: str) -> None:
    vectors = _golden("pool")
    assert vectors
    for v in vectors:
        x, out = _Buffer(v["x"]), _Buffer(np.zeros(v["dim_out"] ** 2 * v["ch"]))
        status = getattr(kernels, f"arm_{kind}pool_q7_HWC")(
            x(), v["dim_in"], v["ch"], v["k"], v["pad"], v["stride"], v["dim_out"], None, out()
        )
        assert (status, out.values) == (0, v[f"{kind}_dsp"])
        assert len(x.values) == x.size


@requires_models
def test_relu_and_softmax(kernels: ctypes.CDLL) -> None:
    for v in _golden("relu_q7"):
        data = _Buffer(v["x"])
        kernels.arm_relu_q7(data(), data.size)
        assert data.values == v["y"]
    for v in _golden("softmax_q7"):
        data = _Buffer(v["x"])
        kernels.arm_softmax_q7(data(), data.size, data())
        assert data.values == v["y_5_8_5_9"]


def test_relu_beyond_16_bits(kernels: ctypes.CDLL) -> None:
    data = _Buffer(np.full(131_073, -1))
    kernels.arm_relu_q7(data(), data.size)
    assert set(data.values) == {0}


def test_refused_arguments_write_nothing(kernels: ctypes.CDLL) -> None:
    def convolve(name: str, ch_in: int, ch_out: int, shift: int = 0, dim_out: int = 2) -> None:
        x, out = _Buffer(np.zeros(64)), _Buffer(np.full(64, 7))
        scratch = _Buffer(np.zeros(64), np.int16)
        status = getattr(kernels, f"arm_convolve_HWC_q7_{name}")(
            x(), 2, ch_in, x(), ch_out, 1, 0, 1, x(), shift, 0, out(), dim_out, scratch(), None
        )
        assert (status, set(out.values)) == (_SIZE_MISMATCH, {7})

    convolve("RGB", 4, 2)
    convolve("fast", 3, 2)
    convolve("fast", 4, 3)
    convolve("basic", 4, 3, shift=32)
    convolve("basic", 4, 3, dim_out=0)
    for k, pad, stride, out_dim in ((2, 2, 1, 3), (2, 0, 1, 5), (0, 0, 1, 4), (2, 0, 0, 2)):
        x, out = _Buffer(np.full(16, 3)), _Buffer(np.full(64, 7))
        status = kernels.arm_maxpool_q7_HWC(x(), 4, 1, k, pad, stride, out_dim, None, out())
        assert (status, set(out.values), set(x.values)) == (_SIZE_MISMATCH, {7}, {3})


def test_buffer_sizes(kernels: ctypes.CDLL) -> None:
    companion = kernels.arm_convolve_HWC_q7_fast_buffer_bytes
    companion.restype = ctypes.c_size_t
    assert companion(32, 5) == 4 * 32 * 25
    vector = kernels.arm_fully_connected_q7_buffer_bytes
    vector.restype = ctypes.c_size_t
    assert vector(1024) == 2048
