"""The scalar oracle against ARM's golden vectors and against sums done by hand."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from oracle import (
    PoolForm,
    avg_pool,
    conv,
    fully_connected,
    interleave_x4,
    max_pool,
    preprocess,
    relu,
    sat8,
    softmax,
    wrap32,
)
from oracle_depthwise import depthwise_conv
from real_models import MODELS, requires_models

Vector = dict[str, Any]
Pool = Callable[..., list[int]]

BOTH_FORMS: tuple[PoolForm, ...] = ("dsp", "c")


def golden(kind: str, expected_count: int) -> list[Any]:
    """One pytest parameter per golden vector of a kind; one skipped parameter without the file."""
    if MODELS is None:
        return [pytest.param({}, marks=requires_models, id="absent")]
    vectors = json.loads((MODELS / "golden" / "cmsis_nn_q7_vectors.json").read_text())[kind]
    if len(vectors) != expected_count:
        raise ValueError(f"{kind}: expected {expected_count} golden vectors, found {len(vectors)}")
    return [pytest.param(vector, id=f"{kind}{i}") for i, vector in enumerate(vectors)]


@pytest.mark.parametrize("v", golden("conv_square", 24))
def test_square_convolutions_equal_arms(v: Vector) -> None:
    dim, k, pad, stride = v["dim_in"], v["k"], v["pad"], v["stride"]
    shape = (dim, dim, v["ch_in"], v["w"], v["b"], v["ch_out"], k, k, pad, pad, stride, stride)
    result = conv(v["x"], *shape, v["bias_shift"], v["out_shift"])
    assert result == (v["y"], v["dim_out"], v["dim_out"])


@pytest.mark.parametrize("v", golden("conv_nonsquare", 3))
def test_nonsquare_convolutions_equal_arms(v: Vector) -> None:
    shape = (v["dim_in_y"], v["dim_in_x"], v["ch_in"], v["w"], v["b"], v["ch_out"])
    window = (v["ky"], v["kx"], v["pad_y"], v["pad_x"], v["stride_y"], v["stride_x"])
    result = conv(v["x"], *shape, *window, v["bias_shift"], v["out_shift"])
    assert result == (v["y"], v["dim_out_y"], v["dim_out_x"])


@pytest.mark.parametrize("v", golden("depthwise", 2))
def test_depthwise_convolutions_equal_arms(v: Vector) -> None:
    dim, k, pad, stride = v["dim_in"], v["k"], v["pad"], v["stride"]
    shape = (dim, dim, v["ch"], v["w"], v["b"], k, k, pad, pad, stride, stride)
    result = depthwise_conv(v["x"], *shape, v["bias_shift"], v["out_shift"])
    assert result == (v["y"], v["dim_out"], v["dim_out"])


def test_depthwise_convolution_keeps_channels_apart_and_innermost() -> None:
    # Two channels, 1 x 3; channel 0 is 1 2 3, channel 1 is 10 20 30.
    image, weights, bias = [1, 10, 2, 20, 3, 30], [1, 0, 0, 1], [0, 5]
    window = (1, 2, 0, 0, 1, 1)
    result = depthwise_conv(image, 1, 3, 2, weights, bias, *window, 0, 0)
    assert result == ([1, 25, 2, 35], 1, 2)
    with pytest.raises(ValueError, match="2 channels"):
        depthwise_conv(image, 1, 3, 2, weights[:3], bias, *window, 0, 0)


@pytest.mark.parametrize("v", golden("fc", 4))
def test_fully_connected_layers_equal_arms(v: Vector) -> None:
    assert fully_connected(v["x"], v["w"], v["b"], v["bias_shift"], v["out_shift"]) == v["y"]


@pytest.mark.parametrize("v", golden("fc", 4))
def test_interleaved_weights_equal_arms(v: Vector) -> None:
    assert interleave_x4(v["w"], v["rows"], v["cols"]) == v["w_x4"]


@pytest.mark.parametrize("form", BOTH_FORMS)
@pytest.mark.parametrize("v", golden("pool", 4))
def test_pools_equal_arms(v: Vector, form: PoolForm) -> None:
    dim, k, pad, stride, out = v["dim_in"], v["k"], v["pad"], v["stride"], v["dim_out"]
    shape = (dim, dim, v["ch"], k, k, pad, pad, stride, stride, out, out)
    suffix = {"dsp": "dsp", "c": "plain_c"}[form]
    assert max_pool(v["x"], *shape, form) == v[f"max_{suffix}"]
    assert avg_pool(v["x"], *shape, form) == v[f"ave_{suffix}"]


@pytest.mark.parametrize("v", golden("softmax_q7", 5))
def test_both_softmax_generations_equal_arms(v: Vector) -> None:
    assert softmax(v["x"], "5.9") == v["y_5_8_5_9"]
    assert softmax(v["x"], "5.4") == v["y_5_4_to_5_6"]


@pytest.mark.parametrize("v", golden("relu_q7", 1))
def test_relu_equals_arms(v: Vector) -> None:
    assert relu(v["x"]) == v["y"]


def test_wrap32_is_a_32_bit_register() -> None:
    assert [wrap32(x) for x in (0, -1, 2**31 - 1, -(2**31))] == [0, -1, 2**31 - 1, -(2**31)]
    assert [wrap32(x) for x in (2**31, -(2**31) - 1, 2**32 + 5)] == [-(2**31), 2**31 - 1, 5]


def test_sat8_clamps() -> None:
    assert [sat8(x) for x in (-129, -128, 0, 127, 128)] == [-128, -128, 0, 127, 127]


def one_tap(x: int, w: int, bias: int, bias_shift: int, out_shift: int, truncate: bool) -> int:
    """One pixel, one tap; the fully connected layer of one input must agree."""
    y, h, w_out = conv(
        [x], 1, 1, 1, [w], [bias], 1, 1, 1, 0, 0, 1, 1, bias_shift, out_shift, truncate
    )
    assert fully_connected([x], [w], [bias], bias_shift, out_shift, truncate) == y
    assert (h, w_out) == (1, 1)
    return y[0]


@pytest.mark.parametrize(
    ("x", "w", "bias", "bias_shift", "out_shift", "rounded", "truncated"),
    [
        (10, 3, 1, 2, 2, 9, 8),  # acc 34: 36 >> 2, 34 >> 2
        (-10, 3, 0, 0, 2, -7, -8),  # acc -30: -28 >> 2, -30 >> 2; both floors
        (-5, 1, 0, 0, 1, -2, -3),  # -2.5 rounds up
        (10, 3, 1, 2, 0, 34, 34),  # no rounding without a shift
        (100, 2, 0, 0, 0, 127, 127),
        (-100, 2, 0, 0, 0, -128, -128),
        (0, 0, 127, 25, 20, -32, -32),  # 127 << 25 wraps to -(1 << 25)
    ],
)
def test_scaling_of_one_accumulator(
    x: int, w: int, bias: int, bias_shift: int, out_shift: int, rounded: int, truncated: int
) -> None:
    assert one_tap(x, w, bias, bias_shift, out_shift, truncate=False) == rounded
    assert one_tap(x, w, bias, bias_shift, out_shift, truncate=True) == truncated


def test_convolution_of_a_nonsquare_image_with_padding_along_x_only() -> None:
    image = [1, 2, 3, 4, 5, 6]
    result = conv(image, 2, 3, 1, [1, 2, 3], [0], 1, 1, 3, 0, 1, 1, 1, 0, 0)
    assert result == ([8, 14, 8, 23, 32, 17], 2, 3)


def test_convolution_runs_along_y_before_x_in_the_weights() -> None:
    result = conv([1, 2, 3, 4], 2, 2, 1, [1, 0, 0, 10], [0], 1, 2, 2, 0, 0, 1, 1, 0, 0)
    assert result == ([41], 1, 1)
    result = conv([1, 2, 3, 4], 2, 2, 1, [0, 1, 10, 0], [0], 1, 2, 2, 0, 0, 1, 1, 0, 0)
    assert result == ([32], 1, 1)


def test_convolution_keeps_input_channels_innermost() -> None:
    result = conv([5, 6], 1, 1, 2, [1, 2, 3, 4], [0, 1], 2, 1, 1, 0, 0, 1, 1, 0, 0)
    assert result == ([17, 40], 1, 1)


def test_convolution_shape_is_a_floor_unless_given() -> None:
    window = ([1, 1], [0], 1, 1, 2, 0, 0, 1, 2, 0, 0)
    assert conv([1, 2, 4], 1, 3, 1, *window) == ([3], 1, 1)
    assert conv([1, 2, 4], 1, 3, 1, *window, out_w=2) == ([3, 4], 1, 2)


def test_fully_connected_rows() -> None:
    layer = ([1, -2], [3, 4, -5, 6], [1, 2], 1, 1)  # accumulators -3 and -13
    assert fully_connected(*layer) == [-1, -6]
    assert fully_connected(*layer, truncate=True) == [-2, -7]


def test_relu_zeroes_negatives() -> None:
    assert relu([-128, -1, 0, 1, 127]) == [0, 0, 0, 1, 127]


def pool_row(
    pool: Pool, row: list[int], kernel: int, pad: int, stride: int, out: int, form: PoolForm
) -> list[int]:
    """Pool an image of one row and one channel."""
    return pool(row, 1, len(row), 1, 1, kernel, 0, pad, 1, stride, 1, out, form)


def test_c_average_truncates_toward_zero_once() -> None:
    assert pool_row(avg_pool, [-1, -2, 7], 2, 0, 1, 2, "c") == [-1, 2]
    assert avg_pool([1, 2, 0, 1], 2, 2, 1, 2, 2, 0, 0, 2, 2, 1, 1, "c") == [1]


def test_dsp_average_truncates_along_x_and_again_along_y() -> None:
    assert avg_pool([1, 2, 0, 1], 2, 2, 1, 2, 2, 0, 0, 2, 2, 1, 1, "dsp") == [0]
    assert avg_pool([-1, -2, 0, -1], 2, 2, 1, 2, 2, 0, 0, 2, 2, 1, 1, "dsp") == [0]


def test_padding_is_never_averaged() -> None:
    for form in BOTH_FORMS:
        assert pool_row(avg_pool, [10, 20, 60], 3, 1, 2, 2, form) == [15, 40]


def test_dsp_window_before_the_image_starts_at_its_own_position() -> None:
    assert pool_row(avg_pool, [10, 20, 60], 3, 2, 1, 3, "c") == [10, 15, 30]
    assert pool_row(avg_pool, [10, 20, 60], 3, 2, 1, 3, "dsp") == [10, 20, 30]


def test_dsp_window_reads_one_pixel_even_when_it_ends_before_it() -> None:
    for pool in (avg_pool, max_pool):
        assert pool_row(pool, [10, 20, 60], 2, 3, 1, 3, "dsp") == [10, 20, 60]


def test_dsp_average_reads_what_it_wrote() -> None:
    assert pool_row(avg_pool, [0, 8, 16, 24], 3, 1, 1, 4, "c") == [4, 8, 16, 20]
    # (0 + 8) / 2 = 4; (4 + 8 + 16) / 3 = 9; (9 + 16 + 24) / 3 = 16; (16 + 24) / 2 = 20
    assert pool_row(avg_pool, [0, 8, 16, 24], 3, 1, 1, 4, "dsp") == [4, 9, 16, 20]


def test_dsp_max_reads_what_it_wrote() -> None:
    assert pool_row(max_pool, [9, 1, 2], 3, 1, 1, 3, "c") == [9, 9, 2]
    assert pool_row(max_pool, [9, 1, 2], 3, 1, 1, 3, "dsp") == [9, 9, 9]


def test_dsp_max_loses_the_pixel_it_writes_to() -> None:
    assert pool_row(max_pool, [0, 5, 1], 3, 2, 2, 2, "c") == [0, 5]
    assert pool_row(max_pool, [0, 5, 1], 3, 2, 2, 2, "dsp") == [0, 1]


def scrambled(count: int) -> list[int]:
    """A fixed tensor of count q7 values without an evident order."""
    return [(i * i * 7 + i * 29 + i // 5) % 256 - 128 for i in range(count)]


def max_pool_forms_agree(kernel: int, stride: int, pad: int) -> bool:
    """Whether both forms give the same for one 7 x 9 image of two channels."""
    out_h, out_w = ((size + 2 * pad - kernel) // stride + 1 for size in (7, 9))
    shape = (7, 9, 2, kernel, kernel, pad, pad, stride, stride, out_h, out_w)
    image = scrambled(7 * 9 * 2)
    dsp, c = (max_pool(image, *shape, form) for form in BOTH_FORMS)
    return dsp == c


@pytest.mark.parametrize("kernel", [3, 4, 5])
@pytest.mark.parametrize(("stride", "pad"), [(1, 0), (2, 0), (3, 0), (2, 1), (3, 1), (3, 2)])
def test_both_forms_of_max_pool_agree(kernel: int, stride: int, pad: int) -> None:
    assert max_pool_forms_agree(kernel, stride, pad)


@pytest.mark.parametrize(("kernel", "stride", "pad"), [(3, 1, 1), (3, 2, 2), (4, 3, 3)])
def test_both_forms_of_max_pool_differ(kernel: int, stride: int, pad: int) -> None:
    assert not max_pool_forms_agree(kernel, stride, pad)


def test_pools_leave_their_argument_alone() -> None:
    for pool in (avg_pool, max_pool):
        image = [9, 1, 2]
        pool_row(pool, image, 3, 1, 1, 3, "dsp")
        assert image == [9, 1, 2]


def test_pools_of_a_nonsquare_image() -> None:
    image = [1, 5, 2, 6, 3, 7, 4, 8, 9, -4, 8, -3, 7, -2, 6, -1]  # 2 x 4, channels up and down
    shape = (2, 4, 2, 2, 1, 0, 0, 2, 3, 1, 2)
    for form in BOTH_FORMS:
        assert max_pool(image, *shape, form) == [9, 5, 6, 8]
        assert avg_pool(image, *shape, form) == [5, 0, 5, 3]


def test_windows_without_a_pixel() -> None:
    row, beyond = [10, 20, 60], (1, 0, 3, 2)  # the second window starts at pixel 3
    assert pool_row(max_pool, row, *beyond, "c") == [10, 127]
    with pytest.raises(ValueError, match="without a pixel"):
        pool_row(avg_pool, row, *beyond, "c")
    for pool in (avg_pool, max_pool):
        with pytest.raises(ValueError, match="beyond the 3 pixels"):
            pool_row(pool, row, *beyond, "dsp")


def test_dsp_pools_refuse_more_columns_than_they_read() -> None:
    for pool in (avg_pool, max_pool):
        with pytest.raises(ValueError, match="overrun"):
            pool_row(pool, [10, 20, 60], 2, 1, 1, 4, "dsp")


def test_softmax_of_the_spec_logits() -> None:
    logits = [3, 0, -3, 9, -2, 1, 0, -3, 1, -5]
    assert softmax(logits, "5.4") == [1, 0, 0, 126, 0, 0, 0, 0, 0, 0]
    assert softmax(logits, "5.9") == [3, 0, 0, 127, 0, 0, 0, 0, 0, 0]


def test_softmax_of_equals_and_extremes() -> None:
    assert softmax([0, 0], "5.9") == [127, 127]
    assert softmax([0, 0], "5.4") == [64, 64]
    assert softmax([-128, 127], "5.9") == [0, 127]
    assert softmax([-128, 127], "5.4") == [0, 127]
    assert softmax([0, 8], "5.4") == [0, 127]  # 2^20 / 2^8 >> 5 = 128, clamped
    assert softmax([1, 8], "5.4") == [0, 127]  # S = 258: 4064 >> 5; 4064 >> 12


def test_interleave_of_four_by_four() -> None:
    order = [0, 4, 2, 6, 8, 12, 10, 14, 1, 5, 3, 7, 9, 13, 11, 15]
    assert interleave_x4(range(16), 4, 4) == order


def test_interleave_leaves_odd_columns_downwards_and_odd_rows_alone() -> None:
    block = [0, 5, 2, 7, 10, 15, 12, 17, 1, 6, 3, 8, 11, 16, 13, 18]
    assert interleave_x4(range(25), 5, 5) == [*block, 4, 9, 14, 19, 20, 21, 22, 23, 24]
    assert interleave_x4(range(12), 3, 4) == list(range(12))
    assert interleave_x4(range(12), 4, 3) == [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11]


def test_preprocess_takes_a_mean_per_channel_or_per_pixel() -> None:
    assert preprocess([0, 255, 130, 120], [128, 120], 1, 0) == [-128, 127, 2, 0]
    assert preprocess([0, 255, 130, 120], [1, 254, 131, 118], 1, 0) == [-1, 1, -1, 2]


def test_preprocess_scales_and_rounds_half_up() -> None:
    assert preprocess([0, 1, 2, 3, 255], [2], 3, 1) == [-3, -1, 0, 2, 127]
    assert preprocess([100], [128], 128, 8) == [-14]


def test_ill_fitting_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="x: expected 4 values, found 3"):
        conv([1, 2, 3], 2, 2, 1, [1], [0], 1, 1, 1, 0, 0, 1, 1, 0, 0)
    with pytest.raises(ValueError, match="out_shift=-1"):
        fully_connected([1], [1], [0], 0, -1)
    with pytest.raises(ValueError, match="does not fit"):
        preprocess([1, 2, 3, 4], [0, 0, 0], 1, 0)
    with pytest.raises(ValueError, match="not in 0 to 255"):
        preprocess([-1], [0], 1, 0)
