"""Two profiled runs compared: verdicts, reasons, and parts that add up."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence

import attrs
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profile_tables import (
    COPY_LOOP,
    HEAD,
    HOSTILE,
    M4_TARGET,
    M7_TARGET,
    MAC_LOOP,
    MODELS,
    Block,
    Function,
    Layer,
    Op,
    convolution,
    make_tables,
    network,
    softmax,
)
from qrig.errors import UsageError
from qrig.reports.profile_diff import CellDiff, Change, LayerDiff, ProfileDiff, diff_profiles
from qrig.reports.profile_diff_text import diff_document, diff_text, explanations

SLOWER_LOOP = (
    *MAC_LOOP[:2],
    Op("smlad r5, r3, r4, r5", "smlad", {}, {"operand": 1.0, "dsp slot": 0.25}),
    *(Op("ldr r7, [sp]", "load"), Op("ldr r8, [sp]", "load")),
    *(Op("mov r7, r8"), Op("add r7, r8")),
    *MAC_LOOP[3:],
)


def tables_of(layers: Sequence[Layer], base: int = 0x8000100) -> dict[str, pd.DataFrame]:
    return make_tables({(M7_TARGET, "lenet"): layers}, base=base)


def diff_of(before: Sequence[Layer], after: Sequence[Layer], measure: str = "m7") -> ProfileDiff:
    return diff_profiles(tables_of(before), tables_of(after, 0x8012340), measure)


def cell_of(diff: ProfileDiff) -> CellDiff:
    (cell,) = diff.cells
    return cell


def why(before: Sequence[Layer], after: Sequence[Layer], measure: str = "m7") -> list[str]:
    diff = diff_of(before, after, measure)
    check_sums(diff)
    return explanations(cell_of(diff), diff.threshold_percent)


def one_loop(*blocks: Block, name: str = "f") -> list[Layer]:
    return [Layer("conv", (Function(name, blocks),))]


def check_sums(diff: ProfileDiff) -> None:
    """Every change is the sum of its parts, at every step, in every measure."""
    for layer in cell_of(diff).layers:
        for measure, change in layer.changes.items():
            if change.delta is None:
                continue
            parts = [one.changes[measure].delta for one in layer.functions]
            equal(change.delta, [*parts, layer.other_functions[measure]])
            for function in layer.functions:
                loops = [loop.changes[measure].delta for loop in function.loops]
                rest = function.outside_loops[measure]
                equal(function.changes[measure].delta, [*loops, rest])
                for loop in function.loops:
                    effects = loop.effects[measure]
                    if effects is not None:
                        equal(loop.changes[measure].delta, list(effects.values()))


def equal(whole: float | None, parts: Sequence[float | None]) -> None:
    assert whole is not None
    assert None not in parts
    assert math.fsum(part or 0 for part in parts) == pytest.approx(whole, rel=1e-9, abs=1e-6)


def test_the_same_code_elsewhere_is_the_same() -> None:
    diff = diff_of(network(), network())
    assert diff.verdict == cell_of(diff).verdict == "same"
    assert why(network(), network()) == []
    assert not [layer for layer in diff_document(diff)["cells"][0]["layers"] if layer["functions"]]


def test_a_slower_loop_says_which_instructions_and_stalls() -> None:
    before = [convolution("conv1"), convolution("conv2", 16384)]
    after = [convolution("conv1"), convolution("conv2", 16384, SLOWER_LOOP)]
    assert why(before, after) == [
        "conv2 +50.6 % (80,911 to 121,871 model cycles M7): arm_nn_mat_mult (convolve.c:57): the "
        "loop runs 4 more instructions an iteration (+2 alu, +2 load) and stalls 0.5 cycles more "
        "on operand an iteration (+40,960)"
    ]
    diff = diff_of(before, after)
    assert diff.verdict == "slower"
    assert diff_of(after, before).verdict == "faster"
    loop = cell_of(diff).layers[1].functions[0].loops[0]
    assert loop.effects["m7"] == {"instructions": 4 * 0.5 * 16384, "operand": 0.5 * 16384}
    assert loop.effects["m4"] == {"instructions": 4 * 16384}
    assert loop.effects["instructions"] == {"instructions": 4 * 16384}


def test_iterations_and_what_is_outside_of_loops() -> None:
    (sentence,) = why([convolution("conv1", 4096)], [convolution("conv1", 4000)])
    assert sentence == (
        "conv1 -2.3 % (20,239 to 19,765 model cycles M7): arm_nn_mat_mult (convolve.c:57): the "
        "loop runs 4,000 iterations instead of 4,096 (-384); convolve (convolve.c:210): the "
        "loop runs 1,000 iterations instead of 1,024 (-72); outside loops -18"
    )
    straight = Block(5, 100, HEAD, loop=False)
    more = attrs.evolve(straight, executions=200)
    (sentence,) = why(one_loop(straight), one_loop(more))
    assert sentence == "conv +100.0 % (150 to 300 model cycles M7): f outside loops (+150)"


def test_a_change_of_one_model_alone_is_explained_in_it() -> None:
    slow = (attrs.evolve(MAC_LOOP[0], m4={"operand": 3.0}), *MAC_LOOP[1:])
    before, after = one_loop(Block(57, 100, MAC_LOOP)), one_loop(Block(57, 100, slow))
    assert cell_of(diff_of(before, after)).verdict == "same"
    assert why(before, after) == [
        "conv +25.0 % (800 to 1,000 model cycles M4): f (convolve.c:57): the loop stalls 2 cycles "
        "more on operand an iteration (+200)"
    ]
    assert cell_of(diff_of(before, after, "m4")).verdict == "slower"


def test_other_instructions_of_the_same_number() -> None:
    swapped = (*MAC_LOOP[:3], Op("ldr r2, [sp]", "load"), MAC_LOOP[4])
    (sentence,) = why(
        one_loop(Block(57, 100, MAC_LOOP)),
        one_loop(Block(57, 120, swapped)),
        "instructions",
    )
    assert "runs 120 iterations instead of 100 and runs other instructions" in sentence
    assert "(-1 alu, +1 load)" in sentence
    assert "stalls" not in sentence


def test_a_cost_without_cause_is_still_said() -> None:
    before, after = tables_of(one_loop(Block(57, 100, MAC_LOOP))), {}
    for name, frame in tables_of(one_loop(Block(57, 100, MAC_LOOP))).items():
        grown = frame.copy()
        if name != "instructions":
            grown["model_cycles_m7"] += 100
        after[name] = grown
    diff = diff_profiles(before, after)
    check_sums(diff)
    (sentence,) = explanations(cell_of(diff), 0.05)
    assert "the loop costs 5.00 model cycles M7 an iteration instead of 4.00 (+100)" in sentence
    assert cell_of(diff).layers[0].functions[0].loops[0].effects["m7"] == {"other": 100}


def test_reasons_that_are_rounded_are_stretched_to_the_stalls() -> None:
    def tables(third: float) -> dict[str, pd.DataFrame]:
        block = Block(57, 1000, (Op("ldr r0, [r1]", "load", m7={"operand": third}),))
        made = tables_of(one_loop(block))
        made["instructions"]["stall_reasons_m7"] = f"operand {third:.2f}"
        return made

    diff = diff_profiles(tables(1 / 3), tables(2 / 3))
    check_sums(diff)
    effects = cell_of(diff).layers[0].functions[0].loops[0].effects["m7"]
    assert effects is not None
    assert list(effects) == ["operand"]
    assert effects["operand"] == pytest.approx(1000 / 3)
    (sentence,) = explanations(cell_of(diff), 0.05)
    assert "stalls 0.33 cycles more on operand an iteration (+333)" in sentence


def test_functions_and_loops_that_come_and_go() -> None:
    copy, mac = Block(210, 64, COPY_LOOP), Block(57, 100, MAC_LOOP)
    (sentence,) = why(one_loop(mac), one_loop(mac, copy))
    assert (
        "f (convolve.c:210): a new loop, 64 iterations of 3.00 model cycles M7 (+192)" in sentence
    )
    (sentence,) = why(one_loop(mac, copy), one_loop(mac))
    assert "a loop that is gone, 64 iterations of 3.00 model cycles M7 (-192)" in sentence
    both = [Layer("conv", (Function("f", (mac,)), Function("memcpy", (copy,))))]
    assert "memcpy: new in this layer (+192)" in why(one_loop(mac), both)[0]
    assert "memcpy: no longer in this layer (-192)" in why(both, one_loop(mac))[0]
    renamed = why(one_loop(mac), one_loop(attrs.evolve(mac, executions=120), name="f.isra.0"))
    assert "f.isra.0 (convolve.c:57): the loop runs 120 iterations instead of 100" in renamed[0]


def loops_of(layer: LayerDiff) -> list[tuple[float | None, float | None]]:
    return [
        (loop.iterations.before, loop.iterations.after)
        for function in layer.functions
        for loop in function.loops
    ]


def test_loops_are_matched_by_code_when_lines_move_and_by_line_when_code_does() -> None:
    mac, copy = Block(57, 100, MAC_LOOP), Block(60, 7, COPY_LOOP)
    moved = [attrs.evolve(mac, line=60), attrs.evolve(copy, line=63)]
    diff = diff_of(one_loop(mac, copy), one_loop(*reversed(moved)))
    assert sorted(map(str, loops_of(cell_of(diff).layers[0]))) == ["(100, 100)", "(7, 7)"]
    rewritten = [
        attrs.evolve(mac, executions=50, ops=(Op("vld1.8 {d0}, [r0]!", "load"),) * 3),
        attrs.evolve(copy, executions=8, line=99, ops=(Op("ldm r0!, {r3}", "load"),)),
    ]
    diff = diff_of(one_loop(mac, copy), one_loop(*rewritten))
    assert sorted(map(str, loops_of(cell_of(diff).layers[0]))) == ["(100, 50)", "(7, 8)"]


def test_a_loop_that_begins_in_another_of_its_lines_is_still_found() -> None:
    """Compilers put the head of a loop where they like, also into an inlined function."""
    tables = []
    for head in (18, 57):
        ops = MAC_LOOP if head == 57 else (*MAC_LOOP[:2], *MAC_LOOP[3:])
        made = tables_of(one_loop(Block(57, 1000 + head, ops), Block(90, 40, COPY_LOOP)))
        if head == 18:
            made["instructions"].loc[0, "line"] = made["loops"].loc[0, "line"] = 18
        tables.append(made)
    diff = diff_profiles(tables[0], tables[1])
    assert loops_of(cell_of(diff).layers[0]) == [(1018, 1057), (40, 40)]


def test_changes_next_to_nothing_are_not_named() -> None:
    ops = (Op("ldr r0, [r1]", "load", m7={"operand": 1.0, "fetch": 0.5}),)
    more = (Op("ldr r0, [r1]", "load", m7={"operand": 3.0, "fetch": 0.52}),)
    (sentence,) = why(one_loop(Block(57, 100, ops)), one_loop(Block(57, 100, more)))
    assert "stalls 2 cycles more on operand an iteration" in sentence


def test_loops_of_one_line_are_matched_in_order() -> None:
    pair = [Block(57, 100, MAC_LOOP), Block(57, 3, MAC_LOOP)]
    diff = diff_of(one_loop(*pair), one_loop(*pair))
    assert loops_of(cell_of(diff).layers[0]) == [(100, 100), (3, 3)]


def test_a_layer_without_model_cycles_is_judged_by_instructions() -> None:
    more = softmax()
    more = attrs.evolve(
        more,
        functions=[
            attrs.evolve(more.functions[0], blocks=[Block(5, 20, more.functions[0].blocks[0].ops)])
        ],
    )
    before, after = [convolution(), softmax()], [convolution(), more]
    cell = cell_of(diff_of(before, after))
    assert (cell.measure, cell.verdict) == ("m7", "same")
    assert cell.left_out["m7"] == ["prob"]
    assert cell.layers[1].measure == "instructions"
    assert "prob +100.0 % (20 to 40 instructions)" in why(before, after)[0]
    alone = cell_of(diff_of([softmax()], [more]))
    assert (alone.measure, alone.verdict) == ("instructions", "slower")


def test_layers_and_networks_of_one_run_alone_are_listed() -> None:
    cells = {(M7_TARGET, "lenet"): network(), (M4_TARGET, "old"): [convolution()]}
    other = {(M7_TARGET, "lenet"): [*network()[1:], softmax("new")], (M7_TARGET, "new"): network()}
    diff = diff_profiles(make_tables(cells), make_tables(other))
    assert diff.only_before == [(M4_TARGET, "old")]
    assert diff.only_after == [(M7_TARGET, "new")]
    cell = cell_of(diff)
    assert (cell.layers_only_before, cell.layers_only_after) == (["conv1"], ["new"])
    assert [layer.layer for layer in cell.layers] == ["pool1", "conv2", "ip1"]
    text = diff_text(diff, MODELS)
    assert "layers only in the run before: conv1" in text
    assert "only in the run after: new on mps2-an500@qemu" in text


def test_unlike_runs_are_refused() -> None:
    before = make_tables({(M7_TARGET, "lenet"): network()})
    after = make_tables({(M4_TARGET, "lenet"): network()})
    with pytest.raises(
        UsageError, match=r"'lenet' on 'mps2-an500@qemu' and 'lenet' on 'mps2-an386"
    ):
        diff_profiles(before, after)
    with pytest.raises(UsageError, match="none"):
        diff_profiles(before, {})
    with pytest.raises(UsageError, match="m7, m4, instructions"):
        diff_profiles(before, before, "m3")


def test_the_threshold() -> None:
    assert Change(10_000, 10_004).verdict() == "same"
    assert Change(10_000, 10_005).verdict() == "slower"
    assert Change(10_000, 9_995).verdict() == "faster"
    assert Change(10_000, 10_500).verdict(10) == "same"
    assert Change(0, 1).verdict() == "slower"
    assert Change(0, 0).verdict() == "same"
    assert Change(None, 1).verdict() == Change(1, None).verdict() == "unknown"
    assert Change(0, 1).percent is None


def test_one_slower_network_makes_the_run_slower() -> None:
    def tables(first: int, second: int) -> Mapping[str, pd.DataFrame]:
        cells = {(M7_TARGET, "a"): [convolution("c", first)]}
        return make_tables({**cells, (M7_TARGET, "b"): [convolution("c", second)]})

    assert diff_profiles(tables(800, 800), tables(720, 880)).verdict == "slower"
    assert diff_profiles(tables(800, 800), tables(720, 800)).verdict == "faster"


def test_text_fits_and_holds_the_numbers() -> None:
    after = [convolution(), *network()[1:2], convolution("conv2", 16384, SLOWER_LOOP), network()[3]]
    text = diff_text(diff_of(network(), after), MODELS)
    assert max(map(len, text.splitlines())) <= 100
    assert "M7: model of cortex-m7 on nucleo-f746 at 216 MHz" in text
    assert "lenet on mps2-an500@qemu: slower by model cycles M7" in text
    (row,) = [line.split() for line in text.splitlines() if line.lstrip().startswith("conv2  ")]
    assert (row[1], *row[-3:]) == ("slower", "+50.6", "%", "121,871")
    assert text.endswith("verdict: slower\n")


def test_the_document_is_json_and_complete() -> None:
    after = [convolution("conv1", 4000), softmax()]
    document = diff_document(diff_of([convolution(), softmax()], after))
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    (cell,) = document["cells"]
    assert (cell["verdict"], cell["left_out"]["m7"]) == ("faster", ["prob"])
    assert cell["layers"][1]["changes"]["m7"] == {
        "before": None,
        "after": None,
        "change_percent": None,
    }
    function = cell["layers"][0]["functions"][0]
    assert function["outside_loops"]["m7"] == -18
    (loop,) = function["loops"]
    assert loop["iterations"] == {"before": 4096, "after": 4000}
    assert loop["effects"]["m7"] == {"iterations": -384}
    assert cell["why"][0].startswith("conv1 -2.3 %")


def test_hostile_names_are_made_printable() -> None:
    def layers(count: int) -> list[Layer]:
        block = Block(1, count, (Op(HOSTILE, m7={"x\x1b[31m": 1.0}),), file=HOSTILE)
        return [Layer(HOSTILE, (Function(HOSTILE, (block,)),))]

    text = diff_text(diff_of(layers(5), layers(9)), {"m7": HOSTILE})
    assert "\x1b" not in text
    assert "\u202e" not in text


ops = st.builds(
    Op,
    st.sampled_from(["ldr r0, [r1]", "add r0, r1", "smlad r0, r1, r2, r3", "b.n 8000100"]),
    st.sampled_from(["load", "alu", "smlad", "branch"]),
    st.dictionaries(st.sampled_from(["operand", "fetch"]), st.sampled_from([0.25, 0.5, 2.0])),
    st.dictionaries(st.sampled_from(["operand", "slot", "other"]), st.sampled_from([0.5, 1.5])),
)
blocks = st.builds(
    Block,
    st.integers(1, 4),
    st.integers(1, 5000),
    st.lists(ops, min_size=1, max_size=6),
    st.booleans(),
)
functions = st.lists(
    st.builds(
        Function, st.sampled_from(["f", "g", "f.isra.0"]), st.lists(blocks, min_size=1, max_size=4)
    ),
    max_size=3,
    unique_by=lambda function: function.name,
)


@settings(max_examples=60, deadline=None)
@given(functions, functions, st.sampled_from(["m7", "m4", "instructions"]))
def test_parts_add_up_whatever_changed(
    before: list[Function], after: list[Function], measure: str
) -> None:
    diff = diff_of([Layer("x", before)], [Layer("x", after)], measure)
    check_sums(diff)
    back = diff_of([Layer("x", after)], [Layer("x", before)], measure)
    opposite = {"slower": "faster", "faster": "slower", "same": "same"}
    near = abs(cell_of(diff).changes[measure].percent or 100) < 0.06
    assert near or back.verdict == opposite[diff.verdict]
    sentences = explanations(cell_of(diff), diff.threshold_percent)
    assert bool(sentences) >= (diff.verdict != "same")
    assert "nan" not in " ".join(sentences)
