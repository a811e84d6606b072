"""Parameters that no kernel can be right with, which it must refuse."""

from qrig.measure.kernel_calls import KERNELS

_TAKES_ALL = ("relu", "softmax", "copy")

REFUSING = [name for name in KERNELS if not any(part in name for part in _TAKES_ALL)]
"""The kernels that return a status."""

_CONVOLUTION = {
    "dim_im_in": 4,
    "ch_im_in": 4,
    "ch_im_out": 4,
    "dim_kernel": 3,
    "padding": 1,
    "stride": 1,
    "bias_shift": 0,
    "out_shift": 0,
    "dim_im_out": 4,
}
_POOL = {
    "dim_im_in": 4,
    "ch_im_in": 3,
    "dim_kernel": 2,
    "padding": 0,
    "stride": 2,
    "dim_im_out": 2,
}
_CONNECTED = {"dim_vec": 8, "num_of_rows": 4, "bias_shift": 0, "out_shift": 0}
_AXES = ("dim_im_in", "dim_kernel", "padding", "stride", "dim_im_out")


def valid(name: str) -> dict[str, int]:
    """Return parameters that the kernel takes."""
    if "fully_connected" in name:
        return dict(_CONNECTED)
    if "activations" in name:
        return {"size": 8, "int_width": 3, "type": 0}
    if "preprocess" in name:
        return {"size": 8, "mean_length": 2, "multiplier": 1, "shift": 0}
    if name in ("qrig_concat_q7", "qrig_eltwise_sum_q7"):
        return _join(name)
    parameters = dict(_POOL if "pool" in name else _CONVOLUTION)
    if "RGB" in name:
        parameters["ch_im_in"] = 3
    if "1x1" in name:
        parameters |= {"dim_kernel": 1, "padding": 0}
    if "nonsquare" in name:
        for key in _AXES:
            value = parameters.pop(key)
            parameters |= {f"{key}_x": value, f"{key}_y": value}
    return parameters


def _join(name: str) -> dict[str, int]:
    shifts = {"count": 3, "shift_1": 0, "shift_2": 1, "shift_3": 2}
    if "sum" in name:
        return {**shifts, "size": 8, "out_shift": 1}
    return {**shifts, "channels_1": 3, "channels_2": 4, "channels_3": 1, "pixels": 2}


def _join_changes(name: str) -> list[dict[str, int]]:
    if "concat" in name:
        shifts = [{"shift_1": 32}, {"shift_3": 0xFFFF}]
        return [{"count": 0}, {"channels_1": 0}, {"channels_3": 0}, *shifts]
    too_large = [{"shift_1": 23}, {"shift_3": 24}, {"shift_2": 32}, {"shift_2": 0xFFFF}]
    return [{"count": 0}, {"out_shift": 32}, {"shift_1": 22, "shift_2": 22}, *too_large]


def _channel_changes(name: str) -> list[dict[str, int]]:
    if "RGB" in name:
        return [{"ch_im_in": 4}, {"ch_im_in": 1}]
    if "depthwise" in name:
        return [{"ch_im_out": 8}, {"ch_im_in": 2}]
    if "fast" in name:
        odd = [{"dim_im_out": 3}] if name == "arm_convolve_HWC_q15_fast" else []
        return [{"ch_im_in": 3}, {"ch_im_out": 3}, *odd]
    return []


def changes(name: str) -> list[dict[str, int]]:
    """Return changes of valid parameters, each of which the kernel must refuse."""
    if "activations" in name:
        return [{"int_width": 4}, {"int_width": 0xFFFF}, {"type": 2}]
    if "preprocess" in name:
        return [{"mean_length": 0}, {"shift": 32}]
    if name in ("qrig_concat_q7", "qrig_eltwise_sum_q7"):
        return _join_changes(name)
    shifts = [{"bias_shift": 32}, {"out_shift": 32}, {"out_shift": 0xFFFF}]
    if "fully_connected" in name:
        return shifts
    never_zero = [key for key in valid(name) if key.startswith(("dim", "stride", "ch"))]
    found = [{key: 0} for key in never_zero]
    if "convolve" in name or "depthwise" in name:
        return found + shifts + _channel_changes(name) + _one_by_one_changes(name)
    axes = ("_x", "_y") if "nonsquare" in name else ("",)
    for axis in axes:
        found += [{f"padding{axis}": 2}, {f"dim_im_out{axis}": 5}]
        found += [{f"stride{axis}": 1, f"dim_im_out{axis}": 5}, {f"stride{axis}": 4}]
    return found


def _one_by_one_changes(name: str) -> list[dict[str, int]]:
    if "1x1" not in name:
        return []
    return [
        {f"{key}_{axis}": value}
        for axis in "xy"
        for key, value in (("dim_kernel", 3), ("padding", 1), ("stride", 2))
    ]
