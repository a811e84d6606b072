"""Row kernels, instruction by instruction on a machine of the tests: results and every access."""

import shutil
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fast_layers import Integers, assemble, convolution, lane_words
from property_runs import tried
from qrig.codegen.fast.assembly import row_kernel, words_ahead
from qrig.codegen.fast.sliding import MAX_HEIGHT_AND_TAPS, MAX_KERNEL_HEIGHT, make_sliding
from qrig.codegen.fast.sliding import SlidingConvolution as Sliding
from qrig.codegen.fast.windows import RowKernel
from qrig.networks.graph import Pair, Shape
from thumb_machine import Machine, Memory

CORES = ("cortex-m4", "cortex-m7")
DATA, WEIGHTS, PRODUCTS, PRODUCTS_BYTES = 0x2000_0000, 0x1000_0000, 0x3000_0000, 256
WORD = (1 << 32) - 1


def sliding(height: int, channels: int, taps: int, pad: int, width: int, outputs: int) -> Sliding:
    """Return a convolution of a map of 16 columns, with F(outputs, width)."""
    layer = convolution(Shape(height, 16, channels), 2, Pair(taps, width), pad=Pair(pad, 0))
    made = make_sliding(layer, outputs, positive=False)
    assert isinstance(made, Sliding), made
    return made


@st.composite
def geometries(draw: st.DrawFn) -> Sliding:
    """Return convolutions of any height, channels and padding, all of whose kernels exist."""
    outputs, width = draw(st.sampled_from([(1, 1), (1, 2), (4, 3), (6, 3), (4, 5), (2, 7), (8, 1)]))
    taps = draw(st.sampled_from([1, 1, 2, 3, 3, 4, 5, 5, 7, 11]) | st.integers(1, 40))
    pad = draw(st.integers(0, taps - 1))
    least = max(1, taps - 2 * pad)
    height = draw(st.integers(least, least + 12) | st.integers(least, least + 300))
    most = max(1, min(64, 4000 // height))
    channels = draw(st.sampled_from([1, 1, 2, 3]) | st.integers(1, most))
    return sliding(height, channels, taps, pad, width, outputs)


def last_rows(made: Sliding) -> Iterator[tuple[RowKernel, int]]:
    """Yield every kernel with the image row at which its last block begins."""
    for block in made.blocks():
        yield block.kernel, block.data_row + (block.count - 1) * block.kernel.rows


def run(kernel: RowKernel, core: str, x: Integers, u: Integers) -> tuple[list[int], int, int]:
    """Return the products of x (point, channel, row) with u (point, channel, tap), words ahead."""
    data, weights = [], []
    for point in range(kernel.points):
        for c in range(0, 2 * kernel.pairs, 2):
            data += lane_words(x[point, c], x[point, c + 1])
            weights += lane_words(u[point, c], u[point, c + 1])
        if kernel.odd:
            column = np.concatenate([[0], x[point, -1], [0]])
            data += lane_words(column[:-1], column[1:])
            taps = np.append(u[point, -1], np.zeros(kernel.taps % 2, np.int64))
            weights += lane_words(taps[::2], taps[1::2])
    row = max(0, kernel.start)
    ahead = words_ahead(kernel)
    memories = [
        Memory(DATA, data, slack=row + ahead[0]),
        Memory(WEIGHTS, weights, slack=ahead[1]),
        Memory(PRODUCTS, [0] * (PRODUCTS_BYTES // 4), writable=True),
    ]
    count = kernel.points * kernel.rows
    begin = PRODUCTS + PRODUCTS_BYTES - 4 * count
    Machine(list(memories)).run(row_kernel("k", kernel, core), DATA + 4 * row, WEIGHTS, begin)
    return memories[2].words[-count:], memories[0].beyond - row, memories[1].beyond


def plain(kernel: RowKernel, x: Integers, u: Integers) -> list[int]:
    """Return the same products by their definition."""
    below, beyond = kernel.below, kernel.beyond
    padded = np.pad(x, ((0, 0), (0, 0), (below, beyond)))
    first = kernel.start + below
    products = [
        (padded[t, :, first + p : first + p + kernel.taps] * u[t]).sum()
        for t in range(kernel.points)
        for p in range(kernel.rows)
    ]
    return [int(product) & WORD for product in products]


def check(made: Sliding, seed: int) -> None:
    numbers = np.random.default_rng(seed)
    for kernel, _ in last_rows(made):
        channels = 2 * kernel.pairs + kernel.odd
        x = numbers.integers(-32768, 32768, (kernel.points, channels, kernel.height))
        u = numbers.integers(-32768, 32768, (kernel.points, channels, kernel.taps))
        wanted = plain(kernel, x, u)
        for core in CORES:
            found, data_ahead, weights_ahead = run(kernel, core, x, u)
            assert found == wanted, (core, kernel)
            ahead = words_ahead(kernel) if core == "cortex-m7" else (0, 0)
            assert (max(0, data_ahead), weights_ahead) == ahead, (core, kernel)
    assert made.data_words_ahead >= max(row + words_ahead(k)[0] for k, row in last_rows(made))
    assert made.slack_words >= max(words_ahead(kernel)[1] for kernel, _ in last_rows(made))


@tried(40)
@given(geometries(), st.integers(0, 99))
def test_products_and_accesses(made: Sliding, seed: int) -> None:
    check(made, seed)


EDGES = {
    "one row, many pairs": (1, 64, 3, 1, 3, 4),
    "a row left over, 20 channels, 97 rows": (97, 20, 1, 0, 1, 8),
    "one channel, more rows than LDRD reaches": (291, 1, 5, 0, 5, 4),
    "one channel, the tallest map": (MAX_HEIGHT_AND_TAPS - 3, 1, 3, 2, 3, 4),
    "many channels, the tallest map": (MAX_HEIGHT_AND_TAPS - 1, 4, 1, 0, 1, 2),
    "the tallest kernel": (MAX_KERNEL_HEIGHT, 3, MAX_KERNEL_HEIGHT, 5, 1, 2),
    "the tallest kernel, mostly padding": (3, 40, MAX_KERNEL_HEIGHT, MAX_KERNEL_HEIGHT - 1, 1, 1),
    "512 channels": (7, 512, 3, 1, 3, 2),
    "11 rows, padding 10": (2, 5, 11, 10, 3, 6),
    "height 200": (200, 24, 5, 2, 5, 4),
}
edges = pytest.mark.parametrize("geometry", EDGES.values(), ids=EDGES.keys())


@edges
def test_products_of_edge_cases(geometry: tuple[int, ...]) -> None:
    check(sliding(*geometry), 0)


@edges
@pytest.mark.parametrize("core", CORES)
def test_edge_cases_assemble(geometry: tuple[int, ...], core: str) -> None:
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("arm-none-eabi-gcc is not installed: apt-get install gcc-arm-none-eabi")
    kernels = [kernel for kernel, _ in last_rows(sliding(*geometry))]
    functions = [row_kernel(f"k{number}", kernel, core) for number, kernel in enumerate(kernels)]
    assert assemble(core, functions) == ""


@pytest.mark.parametrize("core", CORES)
def test_kernels_assemble(core: str) -> None:
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("arm-none-eabi-gcc is not installed: apt-get install gcc-arm-none-eabi")
    functions = []
    for height, channels, taps in ((h, c, t) for h in (1, 9, 33, 97) for c in (1, 3, 20) for t in
                                   (1, 2, 5, 8, 13)):  # fmt: skip
        made = sliding(height, channels, taps, taps - 1, 3, 4)
        functions += [row_kernel(f"k{height}_{channels}_{taps}_{number}", kernel, core)
                      for number, (kernel, _) in enumerate(last_rows(made))]  # fmt: skip
    assert assemble(core, functions) == ""


@pytest.mark.parametrize(
    ("height", "taps"), [(MAX_HEIGHT_AND_TAPS - 2, 3), (500, MAX_KERNEL_HEIGHT + 1)]
)
def test_taller_maps_and_kernels_are_refused(height: int, taps: int) -> None:
    layer = convolution(Shape(height, 8, 2), 2, Pair(taps, 3))
    assert "too tall" in str(make_sliding(layer, 4, positive=False))
