"""Which kernels a deployment gets unless they were tuned: by an estimate of their instructions."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from qrig.boards.board import Memories
from qrig.codegen.budget import Budget
from qrig.codegen.choices import COLUMNS, LIBRARY, SLIDING, Choice, Choices
from qrig.codegen.fast.columns import PIXELS, ColumnConvolution, column_problem
from qrig.codegen.fast.groups import Group, Single
from qrig.codegen.fast.sliding import SlidingConvolution, make_sliding
from qrig.codegen.fast.toom import MAX_POINTS
from qrig.codegen.layout import Layout, make_layout
from qrig.codegen.tensors import positive_tensors
from qrig.errors import UsageError
from qrig.fixedpoint.quantized import QuantizedConvolution, QuantizedNetwork

FAST, SMALL, LIBRARY_PLAN = PLANS = ("fast", "small", "library")
"""The fewest instructions; the least RAM; the functions of the legacy interface alone."""

_WORTH_SAVING, _SAVING_PER_COST = 0.08, 0.25
_MAX_STAGED_BYTES = 16_384
_LIBRARY_PER_MAC, _LIBRARY_OUTPUT = 1.05, 8
_LIBRARY_GATHER, _LIBRARY_PIXEL = 2.5, 60
_COLUMN_WORD, _COLUMN_PAIR, _COLUMN_BLOCK = 8, 20, 60
_GATHER_FOURS, _GATHER_ONES = 2.5, 7.0
_TRANSFORM_POINT = 12
_FINISH_ROW = 42
_CALL = 30
_COPY_WORD = 0.7


def plan_choices(
    network: QuantizedNetwork,
    core: str,
    plan: str = FAST,
    *,
    truncate: bool = False,
    ram_limit_bytes: int | None = None,
    memories: Memories | None = None,
) -> Choices:
    """Return the choice of every convolution for a plan of PLANS.

    `ram_limit_bytes` (of Layout.ram_bytes) and the `memories` of a board are limits: "fast" divides
    tiles into passes, or takes slower kernels, only as far as they ask for it. If nothing keeps
    them, the result is what exceeds them least. Raises UsageError for an unknown plan.
    """
    if plan not in PLANS:
        raise UsageError(f"expected a plan ({', '.join(PLANS)}), found {plan!r}; choose one")
    if plan == LIBRARY_PLAN:
        return {}
    choices = dict(_fastest(network, core, truncate=truncate))
    if plan == SMALL:
        choices = _smallest(network, choices, truncate=truncate)
    budget = attrs.evolve(Budget.of(memories), layout_ram=ram_limit_bytes)
    found = _within(network, choices, budget, truncate=truncate)
    layouts = [make_layout(network, each, truncate=truncate) for each in (found, {})]
    distances = [(sum(budget.excess(layout)), number) for number, layout in enumerate(layouts)]
    return found if min(distances)[1] == 0 else {}


def candidates(
    layer: QuantizedConvolution, *, positive: bool, truncate: bool = False, core: str = "cortex-m4"
) -> Iterator[Choice]:
    """Yield every admissible choice for `layer`, tiles not divided."""
    yield Choice(LIBRARY)
    staged = stages_weights(core)
    if column_problem(layer) is None:
        yield Choice(COLUMNS)
        if staged_weight_bytes(layer) <= _MAX_STAGED_BYTES:
            yield Choice(COLUMNS, staged=True)
    for outputs in range(1, MAX_POINTS + 1):
        made = make_sliding(layer, outputs, positive=positive, truncate=truncate)
        if isinstance(made, SlidingConvolution):
            yield Choice(SLIDING, outputs, staged=staged)
            if outputs > 1:
                yield Choice(SLIDING, outputs, staged=not staged)


def staged_weight_bytes(layer: QuantizedConvolution) -> int:
    """Return the RAM that all weights of `layer` take as columns."""
    return 4 * (ColumnConvolution(layer, relu=False).words + 1) * layer.out_shape.c


def stages_weights(core: str) -> bool:
    """Return whether copying a channel's weights to RAM pays on `core`.

    Cortex-M4 parts read flash with wait states every time, Cortex-M7 ones through a cache.
    """
    return core == "cortex-m4"


def _fastest(
    network: QuantizedNetwork, core: str, *, truncate: bool
) -> Iterator[tuple[str, Choice]]:
    """Yield, layer by layer, the admissible choice of the lowest estimate."""
    known_positive = positive_tensors(network)
    for layer in network.layers:
        if isinstance(layer, QuantizedConvolution):
            positive = layer.inputs[0] in known_positive
            options = [
                choice
                for choice in candidates(layer, positive=positive, truncate=truncate, core=core)
                if choice.kernel != SLIDING or choice.staged == stages_weights(core)
            ]
            best = min(
                options,
                key=lambda choice: (
                    estimate(layer, choice, positive=positive),
                    choice.staged != stages_columns(core),
                ),
            )
            yield layer.name, best


def stages_columns(core: str) -> bool:
    """Return whether copying all weights of a column kernel to RAM pays on `core`, if they fit."""
    return core in ("cortex-m4", "cortex-m7")


def is_positive(network: QuantizedNetwork, layer: QuantizedConvolution) -> bool:
    """Return whether no input of `layer` is below zero."""
    return layer.inputs[0] in positive_tensors(network)


def estimate(layer: QuantizedConvolution, choice: Choice, *, positive: bool) -> float:
    """Return about how many instructions `layer` takes on a Cortex-M4."""
    if choice.kernel == LIBRARY:
        pixels = layer.out_shape.h * layer.out_shape.w
        values = layer.mac / layer.out_shape.size
        return (
            _LIBRARY_PER_MAC * layer.mac
            + _LIBRARY_OUTPUT * layer.out_shape.size
            + (_LIBRARY_GATHER * values + _LIBRARY_PIXEL) * pixels
        )
    if choice.kernel == COLUMNS:
        columns = ColumnConvolution(layer, relu=False)
        pairs = layer.out_shape.c / 2
        gather = _GATHER_FOURS if columns.in_fours else _GATHER_ONES
        block = pairs * (_COLUMN_WORD * columns.words + _COLUMN_PAIR) + _COLUMN_BLOCK
        block += PIXELS * 2 * columns.used_words * gather
        return block * -(-columns.pixels // PIXELS)
    made = make_sliding(layer, choice.outputs, positive=positive, passes=choice.passes)
    if not isinstance(made, SlidingConvolution):
        return float("inf")
    return _sliding(made, choice)


def _sliding(made: SlidingConvolution, choice: Choice) -> float:
    layer, points = made.layer, made.filter.points
    column = 0.0
    for block in made.blocks():
        row_kernel = points * (block.kernel.point_cost + 4)
        column += block.count * (row_kernel + _CALL + _FINISH_ROW * block.kernel.rows)
    channel = column * made.tiles
    if choice.staged:
        channel += _COPY_WORD * made.channel_words * choice.passes
    data = made.point_words * made.tiles * points * _TRANSFORM_POINT
    return channel * layer.out_shape.c + data


def _smallest(
    network: QuantizedNetwork, choices: dict[str, Choice], *, truncate: bool
) -> dict[str, Choice]:
    """Save RAM in steps of a part of it, as long as a step is worth its cost."""
    if not choices:  # without convolutions there is nothing to choose
        return choices
    used = make_layout(network, choices, truncate=truncate).ram_bytes
    cost = total_estimate(network, choices)
    while True:
        limit = Budget(layout_ram=int((1 - _WORTH_SAVING) * used))
        changed = _within(network, choices, limit, truncate=truncate)
        found = make_layout(network, changed, truncate=truncate).ram_bytes
        new_cost = total_estimate(network, changed)
        if 1 - found / used < max(_WORTH_SAVING, _SAVING_PER_COST * (new_cost / cost - 1)):
            return choices
        choices, used, cost = changed, found, new_cost


def _within(
    network: QuantizedNetwork, choices: dict[str, Choice], budget: Budget, *, truncate: bool
) -> dict[str, Choice]:
    """Change one choice after the other, the cheapest change first, until `budget` is kept.

    A change must bring some layers nearer to the limits; others may need as much.
    """
    layout, fastest = make_layout(network, choices, truncate=truncate), choices
    while not budget.is_kept(layout):
        best = _nearest(network, layout, _smaller(layout, choices), budget, truncate=truncate)
        if best is None:
            plain = _by_library(layout, choices)
            best = _nearest(network, layout, plain, budget, truncate=truncate)
        if best is None:
            break
        choices, layout = best
    over = budget.excess(layout)
    for name in fastest:  # what has turned out not to be needed
        undone = {**choices, name: fastest[name]}
        found = budget.excess(make_layout(network, undone, truncate=truncate))
        if found[0] <= over[0] and found[1] <= over[1]:
            choices = undone
    return choices


def _nearest(
    network: QuantizedNetwork,
    layout: Layout,
    options: Iterator[dict[str, Choice]],
    budget: Budget,
    *,
    truncate: bool,
) -> tuple[dict[str, Choice], Layout] | None:
    """Return the cheapest of `options` that is nearer to the limits than `layout`, if one is."""
    now = budget.distance(layout)
    best: tuple[float, tuple[int, int], dict[str, Choice], Layout] | None = None
    for changed in options:
        found = make_layout(network, changed, truncate=truncate)
        distance = budget.distance(found)
        if distance >= now:
            continue
        cost = total_estimate(network, changed)
        if best is None or (cost, distance) < best[:2]:
            best = cost, distance, changed, found
    return None if best is None else best[2:]


def _smaller(layout: Layout, choices: dict[str, Choice]) -> Iterator[dict[str, Choice]]:
    """Yield choices that differ in one layer: more passes, or a kernel without transformed data."""
    for part in layout.parts:
        if isinstance(part, Single):
            continue
        name, choice = part.convolution.layer.name, choices[part.convolution.layer.name]
        if isinstance(part, Group):
            at_once = part.convolution.tiles_per_pass
            for passes in range(choice.passes + 1, part.convolution.tiles + 1):
                fewer = -(-part.convolution.tiles // passes)
                if fewer < at_once:
                    yield {**choices, name: attrs.evolve(choice, passes=passes)}
                    at_once = fewer
            if column_problem(part.convolution.layer) is None:
                yield {**choices, name: Choice(COLUMNS)}
        elif choice.staged:
            yield {**choices, name: Choice(COLUMNS)}


def _by_library(layout: Layout, choices: dict[str, Choice]) -> Iterator[dict[str, Choice]]:
    """Yield choices that differ in one layer, which the function of the library computes."""
    for part in layout.parts:
        if not isinstance(part, Single):
            yield {**choices, part.convolution.layer.name: Choice(LIBRARY)}


def total_estimate(network: QuantizedNetwork, choices: Choices) -> float:
    """Return the estimate of all convolutions together."""
    total, known_positive = 0.0, positive_tensors(network)
    for layer in network.layers:
        if isinstance(layer, QuantizedConvolution):
            positive = layer.inputs[0] in known_positive
            total += estimate(layer, choices.get(layer.name, Choice()), positive=positive)
    return total
