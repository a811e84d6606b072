"""Memory plans as people see them: every buffer with its place, its size and its lifetime."""

import itertools
import json
import re
from pathlib import Path

import pytest

from branch_networks import BRANCHES, random_branches
from fast_networks import random_fast_network
from hand_made import hand_made
from qrig.codegen import Layout, generate_network, make_layout
from qrig.codegen.choose import PLANS, plan_choices
from qrig.codegen.fast.groups import first_stage
from qrig.codegen.interfaces import CMSIS_NN_API
from qrig.codegen.lifetimes import inputs_of
from qrig.codegen.memory_plan import MemoryPlan, PlannedBuffer
from qrig.fixedpoint.quantized import QuantizedNetwork
from qrig.reports.html import render_report
from qrig.reports.store import load_run
from qrig.runs.bench import bench, prepare
from qrig.runs.targets import find_targets

NETWORKS = [
    *BRANCHES.values(),
    *map(random_fast_network, range(6)),
    *map(random_branches, range(6)),
]


def layouts(network: QuantizedNetwork) -> list[Layout]:
    found = [make_layout(network, plan_choices(network, "cortex-m4", plan)) for plan in PLANS]
    return [*found, make_layout(network, {}, api=CMSIS_NN_API)]


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_every_buffer_is_listed_once(network: QuantizedNetwork) -> None:
    for layout in layouts(network):
        plan = layout.memory_plan
        shared = {(b.name, b.size_bytes, offset) for b, offset in layout.arena.offsets.items()}
        listed = [each for each in plan.buffers if each.offset_bytes is not None]
        assert {(b.name, b.size_bytes, b.offset_bytes) for b in listed} == shared
        assert len(listed) == len(layout.arena.offsets)
        others = {b.name: b.size_bytes for b in plan.buffers if b.offset_bytes is None}
        expected = {"pixels": network.input.shape.size, "result": layout.output_bytes}
        assert others == expected | ({"products": 256} if layout.groups else {})
        assert plan.total_bytes == layout.ram_bytes
        assert plan.naive_bytes == layout.arena.naive_bytes + sum(others.values())


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_tensors_are_there_until_they_are_read_last(network: QuantizedNetwork) -> None:
    order = {stage.name: number for number, stage in enumerate(network.stages)}
    for layout in layouts(network):
        planned: dict[int | None, list[PlannedBuffer]] = {}
        for each in layout.memory_plan.buffers:
            assert order[each.first_stage] <= order[each.last_stage]
            planned.setdefault(each.offset_bytes, []).append(each)
        for part, buffers in zip(layout.parts, layout.buffers, strict=True):
            for name, source in zip(inputs_of(part), buffers.sources, strict=True):
                candidates = planned[layout.arena.offsets[source]]
                assert any(
                    each.name == source.name
                    and order[each.first_stage] <= order[name]
                    and order[each.last_stage] >= first_stage(part)
                    for each in candidates
                )


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_buffers_that_share_their_place_are_needed_apart(network: QuantizedNetwork) -> None:
    order = {stage.name: number for number, stage in enumerate(network.stages)}
    plan = make_layout(network, {}).memory_plan
    shared = [each for each in plan.buffers if each.offset_bytes is not None]
    met = 0
    for one, other in itertools.combinations(shared, 2):
        low, high = sorted((one, other), key=lambda each: each.offset_bytes or 0)
        if (low.offset_bytes or 0) + low.size_bytes <= (high.offset_bytes or 0):
            continue
        met += 1
        first, second = sorted((one, other), key=lambda each: order[each.first_stage])
        assert order[first.last_stage] < order[second.first_stage]
    assert met or plan.total_bytes == plan.naive_bytes


def test_a_plan_in_words() -> None:
    plan = MemoryPlan(
        (PlannedBuffer("pixels", 12, "data", "data"), PlannedBuffer("map", 8, "data", "conv1", 4)),
        arena_bytes=16,
    )
    assert (plan.total_bytes, plan.naive_bytes, plan.shared_bytes) == (28, 20, 8)
    assert plan.lines() == [
        "  offset    bytes  needed         buffer",
        "       -       12  data           pixels",
        "       4        8  data to conv1  map",
    ]
    assert plan.document()["buffers"][1] == {
        "name": "map",
        "size_bytes": 8,
        "first_stage": "data",
        "last_stage": "conv1",
        "offset_bytes": 4,
    }


def test_the_source_has_the_table() -> None:
    network = BRANCHES["inception"]
    choices = plan_choices(network, "cortex-m4")
    plan = make_layout(network, choices).memory_plan
    text = generate_network(network, choices=choices)["network.c"]
    assert all(f" *   {line}\n" in text for line in plan.lines())
    assert f"Memory: {plan.total_bytes} bytes; side by side, buffers would take" in text


def test_reports_list_every_buffer(tmp_path: Path) -> None:
    cells = prepare([hand_made(1)], find_targets(["host@native"]))
    result = bench(cells, tmp_path)
    rows, run = load_run(result.folder)
    (entry,) = run["footprints"]
    plan = cells[0].deployment.memory_plan
    assert plan is not None
    assert entry["memory_plan"] == json.loads(json.dumps(plan.document()))
    page = (result.folder / "report.html").read_text()
    share = f"{plan.total_bytes / plan.naive_bytes:.1%}"
    summary = f"Memory plan: {plan.total_bytes:,} bytes, {share} of the {plan.naive_bytes:,} that"
    assert f"<summary>{summary}" in page
    table = page[page.index('aria-label="Memory plan"') :].partition("</table>")[0]
    for each in plan.buffers:
        place = "" if each.offset_bytes is None else f"{each.offset_bytes:,}"
        shown = (each.name, place, f"{each.size_bytes:,}", each.first_stage, each.last_stage)
        assert _rows(table).count(shown) == 1
    without = {**run, "footprints": [{**entry, "memory_plan": None}]}
    assert "Memory plan" not in render_report(rows, without)


def _rows(table: str) -> list[tuple[str, ...]]:
    rows = re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)
    return [
        tuple(
            re.sub(r"<[^>]*>", "", cell).strip() for cell in re.findall(r"<t[hd].*?</t[hd]>", row)
        )
        for row in rows
    ]
