"""What the Cortex-M7 model needs to know of an instruction, worked out once.

Rules M2 to M8; the numbers are in `cortex-m7.toml`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from attrs import frozen

from qrig.measure.timing.instruction import (
    DIVIDE,
    FLAGS,
    FLOAT,
    LOAD,
    LOAD_MULTIPLE,
    MULTIPLY,
    STORE,
    STORE_MULTIPLE,
    Instruction,
)
from qrig.measure.timing.parameters import M7Numbers

PLAIN, FACTOR = range(2)
"""How an operand is taken, which decides how soon after a load: a plain one, or a factor of a
product (M4)."""

Latencies = tuple[int, int]

ALONE, BRANCH, MULTIPLIES, STORES, DSP, SHIFTED, LOADS, ANY = (1 << bit for bit in range(8))
"""What an instruction is to its neighbour in a pair (M6 to M8); ANY is what every one is. Plain
integers, for the simulation's speed."""


@frozen(eq=False)
class Plan:
    """An instruction for the Cortex-M7 pipeline.

    `needs` are (register, how it is taken, stage it is read in); `results` are (register, cycles
    from issue until it can be read, by how it is taken). `refuses` are the traits the younger
    instruction of a pair must not have. `cycles` is how long it issues, `buffered` how many writes
    it puts into the store buffer.
    """

    instruction: Instruction
    traits: int
    refuses: int
    needs: tuple[tuple[str, int, int], ...]
    results: tuple[tuple[str, Latencies], ...]
    early_results: tuple[tuple[str, Latencies], ...]
    adds: bool
    plain_shift: bool
    uses_shifter: bool
    cycles: int
    buffered: int
    first_line: int
    last_line: int


def plan(instruction: Instruction, numbers: M7Numbers) -> Plan:
    """Return what the pipeline needs to know of `instruction`."""
    line_bytes = int(numbers.fetch_bytes.value)
    traits = _traits(instruction)
    uses_shifter = instruction.shifted_operand or instruction.bit_field
    return Plan(
        instruction=instruction,
        traits=traits,
        refuses=_refuses(instruction, traits),
        needs=tuple(_needs(instruction, numbers)),
        results=tuple(_results(instruction, numbers)),
        early_results=tuple(_early_results(instruction, numbers)),
        adds=instruction.adds,
        plain_shift=instruction.plain_shift,
        uses_shifter=uses_shifter,
        cycles=_cycles(instruction, numbers),
        buffered=_buffered(instruction, numbers),
        first_line=instruction.address // line_bytes,
        last_line=(instruction.end - 1) // line_bytes,
    )


def _traits(instruction: Instruction) -> int:
    kind = instruction.kind
    traits = ANY
    for trait, has in (
        (ALONE, kind in (LOAD_MULTIPLE, STORE_MULTIPLE, DIVIDE, FLOAT)),
        (BRANCH, instruction.branch),
        (MULTIPLIES, kind == MULTIPLY),
        (STORES, kind == STORE),
        (LOADS, kind == LOAD),
        (DSP, instruction.dsp),
        (SHIFTED, instruction.shifted_operand),
    ):
        traits |= trait if has else 0
    return traits


def _refuses(instruction: Instruction, traits: int) -> int:
    if traits & ALONE:
        return ANY
    refused = ALONE | DSP  # DSP only as the older one of a pair
    if traits & BRANCH:
        refused |= BRANCH
    if traits & MULTIPLIES:
        refused |= MULTIPLIES | STORES
    if traits & STORES:
        refused |= MULTIPLIES | STORES
    # [J7] measured that a plain shift and a shifted operand behind it do not pair either.
    if instruction.shifted_operand or instruction.bit_field or instruction.plain_shift:
        refused |= SHIFTED
    return refused


def _needs(instruction: Instruction, numbers: M7Numbers) -> Iterator[tuple[str, int, int]]:
    """Yield how every operand is read (M3, M4); the strictest way if it is read in two."""
    early, late = int(numbers.address_stage.value), int(numbers.operand_stage.value)
    for name in sorted(instruction.reads):
        if name in instruction.addresses or name in instruction.shifted:
            yield name, PLAIN, early
        elif name in instruction.stored:
            yield name, PLAIN, int(numbers.store_stage.value)
        elif name in instruction.accumulators:
            yield name, PLAIN, int(numbers.accumulator_stage.value)
        elif instruction.kind == MULTIPLY:
            yield name, FACTOR, late
        else:
            beside = int(numbers.beside_shifter_stage.value)
            yield name, PLAIN, beside if instruction.shifted else late


def _results(instruction: Instruction, numbers: M7Numbers) -> Iterator[tuple[str, Latencies]]:
    """Yield when every result can be read (M2, M4), the address register first to last."""
    for index, name in enumerate(instruction.writes):
        if name == instruction.write_back:
            yield name, _same(int(numbers.base_update.value))
        elif instruction.kind == LOAD_MULTIPLE:
            later = index // int(numbers.multiple_words.value)
            plain, factor = _loaded(instruction, numbers)
            yield name, (plain + later, factor + later)
        elif instruction.kind == LOAD:
            yield name, _loaded(instruction, numbers)
        else:
            yield name, _same(_latency(instruction, numbers))


def _early_results(instruction: Instruction, numbers: M7Numbers) -> Iterator[tuple[str, Latencies]]:
    """Yield the results of the early ALU (M5); flags are always made in the late one ([J7])."""
    early, late = int(numbers.early_result.value), int(numbers.late_result.value)
    for name in instruction.writes:
        yield name, _same(late if name == FLAGS else early)


def _same(cycles: int) -> Latencies:
    return cycles, cycles


def _loaded(instruction: Instruction, numbers: M7Numbers) -> Latencies:
    if instruction.access_bytes < 4:
        narrow = int(numbers.narrow_load_result.value)
        return narrow, narrow + int(numbers.narrow_load_to_multiply.value)
    word = int(numbers.word_load_result.value)
    return word, word + int(numbers.word_load_to_multiply.value)


def _latency(instruction: Instruction, numbers: M7Numbers) -> int:
    late = int(numbers.late_result.value)
    if instruction.kind == MULTIPLY:
        return int(numbers.multiply_result.value)
    if instruction.kind == DIVIDE:
        return late + int(numbers.divide.value) - 1
    if instruction.kind == FLOAT:
        return int(numbers.float_result.value)
    return int(numbers.saturated_result.value) if instruction.saturates else late


def _cycles(instruction: Instruction, numbers: M7Numbers) -> int:
    if instruction.kind == DIVIDE:
        return int(numbers.divide.value)
    return max(1, math.ceil(instruction.words / numbers.multiple_words.value))


def _buffered(instruction: Instruction, numbers: M7Numbers) -> int:
    if instruction.kind == STORE:
        return 1
    return _cycles(instruction, numbers) if instruction.kind == STORE_MULTIPLE else 0
