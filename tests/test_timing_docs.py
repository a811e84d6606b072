"""docs/timing.md: every rule and reason of the timing models is explained, its board is valid."""

import re
from pathlib import Path

import attrs
import pytest

from qrig.boards.board import read_board
from qrig.measure.timing import REASONS, find_model
from qrig.measure.timing.parameters import Number, read_m4, read_m7
from qrig.runs.modelled import DEFAULTS

TEXT = (Path(__file__).resolve().parents[1] / "docs" / "timing.md").read_text(encoding="utf-8")
RULES = [*(f"M{n}" for n in range(1, 16)), "FP", *(f"A{n}" for n in range(1, 10))]
WITHOUT_NUMBERS = {"M5", "M6", "M10", "M15", "A5"}
ROWS = [
    tuple(cell.strip() for cell in line.strip("|").split("|"))
    for line in TEXT.splitlines()
    if line.startswith("|")
]
RULE_ROWS = [row for row in ROWS if re.fullmatch(r"[MA]\d+|FP", row[0])]


def numbers() -> list[Number]:
    return [
        number for read in (read_m7(), read_m4()) for number in attrs.astuple(read, recurse=False)
    ]


def test_the_tables_list_every_rule_once_and_in_order() -> None:
    assert [row[0] for row in RULE_ROWS] == RULES
    assert all(len(row) == 3 and all(row) for row in RULE_ROWS)


def test_rules_are_those_of_the_numbers_and_those_without() -> None:
    used = {number.rule for number in numbers()}
    assert not used & WITHOUT_NUMBERS
    assert used | WITHOUT_NUMBERS == set(RULES)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("misaligned_load", "M12"),
        ("misaligned_store", "M12"),
        ("divide", "M8"),
        ("ecc_byte_store", "M13"),
        ("mispredicted_near", "M11"),
        ("mispredicted_far", "M11"),
        ("line_fill_bus_cycles", "M14"),
        ("float_result", "FP"),
    ],
)
def test_a_number_in_the_table_is_the_one_of_the_model(name: str, rule: str) -> None:
    number = getattr(read_m7(), name)
    (row,) = [row for row in RULE_ROWS if row[0] == rule]
    assert number.rule == rule
    assert re.search(rf"(?<![\d.]){number.value:g}(?!\d|\.\d)", row[1])


def test_every_source_of_a_rule_is_explained() -> None:
    sources = TEXT[TEXT.index("\n- J7, J4:") : TEXT.index("### Where a source")]
    explained = re.findall(r"(?:^- |; |, )([A-Z]\d?)(?=[,:])", sources, re.MULTILINE)
    assert {key for row in RULE_ROWS for key in row[2].split()} == set(explained)


def test_every_reason_for_a_stall_is_explained() -> None:
    explained = [row for row in ROWS if row[0].strip("`") in REASONS]
    assert [row[0] for row in explained] == [f"`{reason}`" for reason in REASONS]
    for _, meaning, rules in explained:
        assert meaning
        assert set(re.findall(r"[MA]\d+", rules)) <= set(RULES)


def test_every_rule_that_is_mentioned_is_in_a_table() -> None:
    assert set(re.findall(r"\b(?:M|A)\d+\b", TEXT)) <= set(RULES)


def test_the_board_of_the_document_can_be_modelled(tmp_path: Path) -> None:
    (toml,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    path = tmp_path / "my-board" / "board.toml"
    path.parent.mkdir()
    path.write_text(toml, encoding="utf-8")
    board = read_board(path)
    assert find_model(board.core)(board).memory_costs().data_fill == pytest.approx(2 * (2 + 3.4))


def test_the_default_boards_are_named() -> None:
    assert all(f"`{name}`" in TEXT for name in DEFAULTS.values())
