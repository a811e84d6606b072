"""Column kernels, instruction by instruction on a machine of the tests: results and accesses."""

import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fast_layers import assemble, convolution, lane_words, lanes_of
from property_runs import tried
from qrig.codegen.fast.columns import PIXELS, ColumnConvolution
from qrig.codegen.fast.columns_assembly import column_kernel
from qrig.codegen.fast.sliding import SLACK_WORDS
from qrig.networks.graph import Pair, Shape
from thumb_machine import Machine, Memory

CORES = ("cortex-m4", "cortex-m7")
COLUMNS, WEIGHTS, OUTPUT = 0x2000_0000, 0x1000_0000, 0x3000_0000


def columns(
    kernel: Pair, in_channels: int, out_channels: int, shifts: tuple[int, int], seed: int
) -> ColumnConvolution:
    numbers = np.random.default_rng(seed)
    layer = convolution(
        Shape(*kernel, in_channels),
        out_channels,
        kernel,
        weights=numbers.integers(-128, 128, (out_channels, *kernel, in_channels)),
        bias=numbers.integers(-128, 128, out_channels),
        shifts=shifts,
    )
    return ColumnConvolution(layer, relu=False)


def check(made: ColumnConvolution, seed: int, *, relu: bool) -> None:
    numbers = np.random.default_rng(seed)
    out = made.layer.out_shape.c
    low, high = numbers.integers(-128, 128, (2, made.words, PIXELS))
    packed = made.packed_weights().reshape(out // 2, made.words + 1, 2)
    sums = packed[:, 0].reshape(out, 1).astype(np.int64)
    for lanes, values in zip(lanes_of(packed[:, 1:]), (low, high), strict=True):
        sums = sums + np.einsum("bwc,wp->bcp", lanes, values).reshape(out, PIXELS)
    shifted = sums.astype(np.uint32).view(np.int32) >> made.layer.output_shift
    wanted = np.clip(shifted, 0 if relu else -128, 127).T
    for core in CORES:
        memories = [
            Memory(COLUMNS, lane_words(low, high), slack=SLACK_WORDS),
            Memory(WEIGHTS, packed.ravel().tolist(), slack=SLACK_WORDS),
            Memory(OUTPUT, [0] * -(-PIXELS * out // 4), writable=True),
        ]
        lines = column_kernel("k", made, core, relu=relu)
        Machine(list(memories)).run(lines, COLUMNS, WEIGHTS, OUTPUT)
        stored = np.array(memories[2].words, np.uint32).view(np.int8)[: PIXELS * out]
        np.testing.assert_array_equal(stored.reshape(PIXELS, out), wanted, core)


@tried(40)
@given(
    kernel=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    in_channels=st.sampled_from([1, 2, 3, 4, 5, 8, 12, 16]),
    out_channels=st.sampled_from([2, 4, 6, 12]),
    shifts=st.tuples(st.sampled_from([0, 3, 24, 31]), st.sampled_from([0, 1, 7, 30, 31])),
    relu=st.booleans(),
    seed=st.integers(0, 99),
)
def test_outputs(
    kernel: tuple[int, int],
    in_channels: int,
    out_channels: int,
    shifts: tuple[int, int],
    relu: bool,
    seed: int,
) -> None:
    check(columns(Pair(*kernel), in_channels, out_channels, shifts, seed), seed, relu=relu)


@pytest.mark.parametrize("out_channels", [2, 2046, 2048, 4094, 4096, 4098, 8190])
def test_any_number_of_outputs(out_channels: int) -> None:
    made = columns(Pair(1, 1), 4, out_channels, (0, 7), 0)
    check(made, 0, relu=False)
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("arm-none-eabi-gcc is not installed: apt-get install gcc-arm-none-eabi")
    for core in CORES:
        assert assemble(core, [column_kernel("k", made, core, relu=True)]) == ""


@pytest.mark.parametrize("core", CORES)
def test_kernels_assemble(core: str) -> None:
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("arm-none-eabi-gcc is not installed: apt-get install gcc-arm-none-eabi")
    made = [
        columns(Pair(y, x), channels, 2, (0, shift), 0)
        for y, x, channels in ((1, 1, 1), (1, 1, 512), (3, 3, 3), (5, 5, 16), (11, 11, 3))
        for shift in (0, 9)
    ]
    functions = [column_kernel(f"k{i}", each, core, relu=i % 2 > 0) for i, each in enumerate(made)]
    assert assemble(core, functions) == ""
