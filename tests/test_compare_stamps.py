"""Stamps: what makes runs incomparable, what may differ, and what was allowed."""

from typing import Any

import pytest

from made_runs import MadeCell, run_data, run_document
from qrig.reports.compare_result import NO_BASELINE, SAME
from qrig.reports.compare_runs import CompareOptions, compare_data
from qrig.reports.compare_stamps import SUBJECT, differences, stamps_of

CELL = MadeCell()


def compared(base: dict[str, Any], new: dict[str, Any], *allow: str) -> tuple[str, list[str]]:
    found = compare_data(
        [run_data("a", MadeCell(stamp=base))],
        [run_data("b", MadeCell(stamp=new))],
        CompareOptions(allow=frozenset(allow)),
    )
    (cell,) = found.cells
    assert found.verdict == cell.verdict
    return cell.verdict, list(cell.reasons)


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("compiler", "gcc 13", "compiler: arm-none-eabi-gcc 12.2.1 against gcc 13"),
        ("compiler_flags", "-O3", "compiler_flags: -O2 against -O3"),
        ("clock_hz", 200_000_000, "clock_hz: 216000000 against 200000000"),
        (
            "kernel_library",
            "CMSIS-NN 5.9.0",
            "kernel_library: qrig 0.1.0, dsp against CMSIS-NN 5.9.0",
        ),
        ("board_serial", "0039", "board_serial: not stated against 0039"),
        ("placement", "ITCM", "placement: not stated against ITCM"),
        ("qemu_version", "QEMU 10", "qemu_version: not stated against QEMU 10"),
        ("something_new", 7, "something_new: not stated against 7"),
        ("deployment", "network", "deployment: generated against network"),
        ("semantics", {"pooling": "c"}, "semantics.pooling: dsp against c"),
        ("network_sha256", "ffff", "network_sha256: 5d6e against ffff"),
    ],
)
def test_unlike_stamps_are_refused_by_name(key: str, value: Any, text: str) -> None:
    verdict, reasons = compared({}, {key: value})
    assert verdict == NO_BASELINE
    assert text in reasons
    assert compared({}, {key: value}, key)[0] == SAME


def test_every_difference_is_named() -> None:
    _, reasons = compared({}, {"compiler": "x", "clock_hz": 1, "cache": "I"})
    assert len(reasons) == 3


def test_one_allowed_key_does_not_allow_another() -> None:
    verdict, reasons = compared({}, {"compiler": "x", "clock_hz": 1}, "compiler")
    assert verdict == NO_BASELINE
    assert len(reasons) == 1


def test_a_part_of_the_semantics_is_allowed_by_its_own_name_or_the_whole() -> None:
    new = {"semantics": {"pooling": "c", "truncate": False}}
    assert compared({}, new, "semantics.pooling")[0] == SAME
    assert compared({}, new, "semantics")[0] == SAME
    assert compared({}, new, "semantics.truncate")[0] == NO_BASELINE
    assert compared({}, new, "sem")[0] == NO_BASELINE


@pytest.mark.parametrize("key", sorted(SUBJECT - {"target", "network"}))
def test_the_code_may_differ(key: str) -> None:
    assert compared({key: "old"}, {key: "new"})[0] == SAME


def test_models_count_where_both_have_them() -> None:
    text = {"model_m7": "cortex-m7 on nucleo-f746 at 216 MHz"}
    assert compared({}, text)[0] == SAME
    assert compared(text, text)[0] == SAME
    assert compared(text, {"model_m7": "cortex-m7 on mps2-an500"})[0] == NO_BASELINE


def test_the_host_counts_for_programs_that_run_on_it() -> None:
    assert compared({}, {"host": "aarch64"})[0] == SAME
    cells = [MadeCell(stamp={"host": host, "core": "native"}) for host in ("x86_64", "aarch64")]
    found = compare_data([run_data("a", cells[0])], [run_data("b", cells[1])], CompareOptions())
    assert found.verdict == NO_BASELINE


def test_runs_of_before_a_key_state_its_default() -> None:
    assert compared({}, {"deployment": "generated"})[0] == SAME


def test_a_run_without_a_stamp_is_not_compared() -> None:
    found = compare_data([run_data("a", CELL, stamps=[])], [run_data("b", CELL)], CompareOptions())
    assert found.verdict == NO_BASELINE
    assert "the base run does not say what its numbers depend on (no stamp)" in found.findings[0]


@pytest.mark.parametrize("stamps", [None, 7, "x", [None], [[]], [{"target": "other"}]])
def test_stamps_that_are_none(stamps: Any) -> None:
    assert stamps_of({"stamps": stamps}, CELL.target, CELL.network) == []


def test_all_runs_of_a_side_are_looked_at() -> None:
    document = run_document(CELL)
    one = stamps_of(document, CELL.target, CELL.network)
    other = [{**one[0], "clock_hz": 1}]
    assert [each.key for each in differences(one, [*one, *other], ())] == ["clock_hz"]
    assert [each.key for each in differences([*one, *other], one, ())] == ["clock_hz"]
    assert differences(one, one, ()) == []
