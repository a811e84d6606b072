"""What the template of a group needs to know: names, sizes and expressions, all of them final."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from qrig.codegen.arena import Buffer
from qrig.codegen.describe import stage_text
from qrig.codegen.fast.columns import PIXELS
from qrig.codegen.fast.expressions import output_values, transform_values
from qrig.codegen.fast.groups import ColumnGroup, Group
from qrig.codegen.fast.kernel_names import ColumnKernel, KernelNames
from qrig.codegen.layout import PartBuffers, out_pitch, out_plane_bytes, works_in_target
from qrig.codegen.names import comment_text
from qrig.codegen.parameters import OUTPUT_SHIFT
from qrig.fixedpoint.quantized import QuantizedLayer, QuantizedPooling

_PRODUCTS_END = "products + NETWORK_PRODUCTS"


@frozen
class Form:
    """How sums become outputs: clipped at zero or not; `is_trace` if only a trace needs it."""

    suffix: str
    saturate: str
    stores: tuple[str, ...]
    is_trace: bool


@frozen
class Output:
    """One output of a tile: its multiplied sum with bias, and the shift to 8 bits."""

    text: str
    shift: str


@frozen
class PlaneWork:
    """One step on a plane: its stage, and how the plane lies behind it."""

    function: str
    stage: int
    width: int
    height: int
    pitch: int

    def text(self, source: str, target: str) -> str:
        """Return the call that works from plane `source` to plane `target`."""
        if self.function == "plane_relu":
            return f"plane_relu({target}, {self.height * self.pitch})"
        return f"{self.function}({source}, {target})"


def group_context(
    group: Group,
    previous: Group | None,
    buffers: PartBuffers,
    symbols: Mapping[Buffer, str],
    names: dict[str, str],
    kernels: KernelNames,
) -> dict[str, Any]:
    """Return the variables of sliding.c.j2; `symbols` are the C expressions of buffers."""
    conv, layer = group.convolution, group.convolution.layer
    name = names[layer.name]
    blocks = conv.blocks()
    first_plane = buffers.target if works_in_target(group) else buffers.plane
    return {
        "name": name,
        "upper": name.upper(),
        "comment": stage_text(layer),
        "method": _method(group),
        "stage": group.first_stage,
        "last_stage": group.last_stage,
        "blocks": tuple(enumerate(blocks)),
        "kernel_names": [kernels.name(block.kernel) for block in blocks],
        "products_end": _PRODUCTS_END,
        "row_counts": sorted({block.kernel.rows for block in blocks}, reverse=True),
        "staged": symbols[buffers.staged] if buffers.staged else None,
        "source": symbols[buffers.source],
        "target": symbols[buffers.target],
        "data": symbols[buffers.data] if buffers.data else "",
        "plane": symbols[first_plane] if first_plane else "",
        "planes_in_target": works_in_target(group),
        "plane_step": conv.plane_bytes if works_in_target(group) or conv.passes > 1 else 0,
        **_input_and_tiles(group, previous),
        **_arithmetic(group, name),
        **_result(group, names),
    }


def _input_and_tiles(group: Group, previous: Group | None) -> dict[str, Any]:
    """Return how the input lies in memory, and how it is cut into tiles of words."""
    conv, layer = group.convolution, group.convolution.layer
    return {
        "in_h": layer.in_shape.h,
        "in_w": layer.in_shape.w,
        "in_c": layer.in_shape.c,
        "in_planes": group.in_planes,
        "in_pitch": out_pitch(previous) if previous else 0,
        "in_plane_bytes": out_plane_bytes(previous) if previous else 0,
        "positive": group.positive_input,
        "pad_x": layer.pad.x,
        "pairs": conv.pairs,
        "odd": conv.odd,
        "points": conv.filter.points,
        "tile_width": conv.filter.output_count,
        "tiles": conv.tiles,
        "tiles_per_pass": conv.tiles_per_pass,
        "passes": -(-conv.tiles // conv.tiles_per_pass),
        "tile_words": conv.tile_words,
        "point_words": conv.point_words,
        "row_words": conv.row_words,
        "channel_words": conv.channel_words,
        "pitch": conv.pitch,
        "plane_bytes": conv.plane_bytes,
    }


def _arithmetic(group: Group, name: str) -> dict[str, Any]:
    """Return how values become points, and sums of products become outputs."""
    conv, output_shift = group.convolution, f"{name.upper()}_{OUTPUT_SHIFT}"
    transforms, points = transform_values(conv.filter)
    sums, outputs = output_values(conv.filter)
    return {
        "transform_values": transforms,
        "transform_points": points,
        "output_values": sums,
        "outputs": tuple(
            Output(f"({text}) * {inverse}u + start_{shift}" if inverse != 1
                   else f"{text} + start_{shift}",
                   f"{output_shift} + {shift}" if shift else output_shift)
            for text, inverse, shift in zip(
                outputs, conv.filter.inverses, conv.filter.shifts, strict=True
            )
        ),
        "distinct_shifts": sorted(set(conv.filter.shifts)),
        "forms": _forms(group),
        "trace_form": "_signed" if group.relu_early else "",
    }  # fmt: skip


def _result(group: Group, names: dict[str, str]) -> dict[str, Any]:
    """Return the planes that the convolution makes, what is done to them, and what is left."""
    made, left = group.convolution.layer.out_shape, group.layers[-1].out_shape
    return {
        "out_c": made.c,
        "out_h": made.h,
        "out_w": made.w,
        "work": _work(group.work, group, names),
        "trace_work": _work(group.tail[:-1], group, names),
        "has_tail": bool(group.tail),
        "pools": [
            _pool(pool, group, names) for pool in group.tail if isinstance(pool, QuantizedPooling)
        ],
        "out_planes": group.out_planes,
        "out_pitch": out_pitch(group),
        "out_plane_bytes": out_plane_bytes(group),
        "final_w": left.w,
        "final_h": left.h,
    }


def column_context(
    group: ColumnGroup,
    buffers: PartBuffers,
    symbols: Mapping[Buffer, str],
    names: dict[str, str],
    kernels: KernelNames,
) -> dict[str, Any]:
    """Return the variables of columns.c.j2."""
    conv, layer = group.convolution, group.convolution.layer
    name = names[layer.name]
    shift = f"{name.upper()}_{OUTPUT_SHIFT}"
    kernels.columns[f"{name}_pixels"] = ColumnKernel(conv, conv.relu, shift)
    if conv.relu:
        kernels.columns[f"{name}_pixels_signed"] = ColumnKernel(
            conv, relu=False, shift=shift, is_trace=True
        )
    return {
        "name": name,
        "comment": stage_text(layer),
        "with_relu": conv.relu,
        "stage": group.first_stage,
        "tensor_bytes": layer.out_shape.size,
        "words": conv.words,
        "is_pointwise": conv.is_pointwise,
        "x": (layer.in_shape.w, layer.kernel.x, layer.pad.x, layer.stride.x),
        "y": (layer.in_shape.h, layer.kernel.y, layer.pad.y, layer.stride.y),
        "in_c": layer.in_shape.c,
        "out_c": layer.out_shape.c,
        "out_w": layer.out_shape.w,
        "pixels": conv.pixels,
        "rest": conv.pixels % PIXELS,
        "columns": symbols[buffers.data] if buffers.data else "",
        "last": symbols[buffers.plane] if buffers.plane else "",
        "staged": symbols[buffers.staged] if buffers.staged else None,
        "weight_words": conv.weight_words,
        "source": symbols[buffers.source],
        "target": symbols[buffers.target],
    }


def _method(group: Group) -> str:
    conv = group.convolution
    text = (
        f"F({conv.filter.output_count},{conv.filter.taps}) along x: {conv.tiles} tiles of "
        f"{conv.filter.points} products, in blocks of {conv.rows} rows"
    )
    if conv.passes > 1:
        text += f", {conv.tiles_per_pass} tiles at a time"
    if group.tail:
        text += f"; with {', '.join(comment_text(layer.name) for layer in group.tail)}"
    return text


def _forms(group: Group) -> tuple[Form, ...]:
    count = group.convolution.filter.output_count
    if not group.relu_early:
        return (Form("", "lanes_q7", _stores(count, is_signed=True), is_trace=False),)
    return (
        Form("", "lanes_u7", _stores(count, is_signed=False), is_trace=False),
        Form("_signed", "lanes_q7", _stores(count, is_signed=True), is_trace=True),
    )


def _stores(count: int, *, is_signed: bool) -> tuple[str, ...]:
    """Return the statements that store y0, y1, ... as bytes, in aligned words where possible."""
    lines, index = [], 0
    while index < count:
        left = count - index
        if count % 4 == 0:
            a, b, c, d = (f"y{index + i}" for i in range(4))
            if is_signed:
                word = f"lanes_even(lanes_low({a}, {c})) | lanes_even(lanes_low({b}, {d})) << 8"
            else:
                word = f"{a} | {b} << 8 | {c} << 16 | {d} << 24"
            lines.append(f"q7_write4(out + {index}, {word});")
            index += 4
        elif count % 2 == 0 and left >= 2:
            low = f"(y{index} & 0xffu)" if is_signed else f"y{index}"
            pair = f"{low} | y{index + 1} << 8"
            lines.append(f"lanes_write2(out + {index}, (uint16_t)({pair}));")
            index += 2
        else:
            lines.append(f"out[{index}] = (q7_t)y{index};")
            index += 1
    return tuple(lines)


def _work(
    layers: tuple[QuantizedLayer, ...], group: Group, names: dict[str, str]
) -> tuple[PlaneWork, ...]:
    """Return the steps of `layers`, each on the plane the one before has left."""
    found = []
    pitch = group.convolution.pitch
    for layer in layers:
        stage = group.first_stage + group.layers.index(layer)
        shape = layer.out_shape
        if isinstance(layer, QuantizedPooling):
            function, pitch = f"{names[layer.name]}_plane", -(-shape.w // 4) * 4
        else:
            function = "plane_relu"
        found.append(PlaneWork(function, stage, shape.w, shape.h, pitch))
    return tuple(found)


def _pool(layer: QuantizedPooling, group: Group, names: dict[str, str]) -> dict[str, Any]:
    """Return a pooling's variables."""
    before = group.layers[: group.layers.index(layer)]
    pitch = group.convolution.pitch
    for earlier in before:
        if isinstance(earlier, QuantizedPooling):
            pitch = -(-earlier.out_shape.w // 4) * 4
    positive = any(earlier.type == "relu" for earlier in before)
    return {
        "name": names[layer.name],
        "text": f"{layer.method} {layer.kernel.y}x{layer.kernel.x}, stride {layer.stride.y}",
        "function": "plane_maxpool" if layer.method == "max" else "plane_avepool",
        "extra": f", {int(positive)}" if layer.method == "average" else "",
        "pitch": pitch,
        "out_pitch": -(-layer.out_shape.w // 4) * 4,
        "x": (layer.in_shape.w, layer.out_shape.w, layer.kernel.x, layer.stride.x),
        "y": (layer.in_shape.h, layer.out_shape.h, layer.kernel.y, layer.stride.y),
    }
