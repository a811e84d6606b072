"""The numbers of the timing rules, read from the TOML files beside the code."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, TypeVar

from attrs import field, frozen
from attrs.validators import ge, matches_re

from qrig.boards.toml import structure
from qrig.errors import FileFormatError
from qrig.networks.files import read_text

_T = TypeVar("_T", "M4Numbers", "M7Numbers")


@frozen
class Number:
    """One number of a rule: which rule, and where the number comes from."""

    rule: str = field(validator=matches_re(r"[MA][1-9][0-9]?|FP"))
    value: float = field(validator=ge(0))
    source: str


@frozen
class M7Numbers:
    """The numbers of `cortex-m7.toml`, in core cycles; the file says what each is."""

    issue_width: Number
    late_result: Number
    early_result: Number
    base_update: Number
    word_load_result: Number
    narrow_load_result: Number
    multiply_result: Number
    saturated_result: Number
    float_result: Number
    address_stage: Number
    operand_stage: Number
    accumulator_stage: Number
    store_stage: Number
    beside_shifter_stage: Number
    word_load_to_multiply: Number
    narrow_load_to_multiply: Number
    multiple_words: Number
    divide: Number
    fetch_bytes: Number
    fetch_queue: Number
    fetch_lead: Number
    mispredicted_near: Number
    mispredicted_far: Number
    flags_distance: Number
    misaligned_load: Number
    misaligned_store: Number
    store_buffer: Number
    store: Number
    ecc_byte_store: Number
    ecc_half_store: Number
    line_fill_bus_cycles: Number


@frozen
class M4Numbers:
    """The numbers of `cortex-m4.toml`, in core cycles; the file says what each is."""

    load: Number
    register_offset_store: Number
    multiple_word: Number
    divide: Number
    taken_branch: Number
    table_branch: Number
    wide_target: Number
    wide_run: Number
    wide_run_length: Number
    load_after_store: Number
    address_result: Number
    misaligned: Number
    line_fill: Number


def read_m7() -> M7Numbers:
    """Read `cortex-m7.toml`; raises FileFormatError."""
    return _read("cortex-m7.toml", M7Numbers)


def read_m4() -> M4Numbers:
    """Read `cortex-m4.toml`; raises FileFormatError."""
    return _read("cortex-m4.toml", M4Numbers)


def _read(name: str, cls: type[_T]) -> _T:
    path = Path(__file__).with_name(name)
    text = read_text(path, what="the numbers of a timing model")
    try:
        table: dict[str, Any] = tomllib.loads(text)
    except ValueError as error:
        raise FileFormatError(
            f"{path}: expected TOML, found a mistake: {error}; correct it"
        ) from error
    return structure(table, cls, path, text)
