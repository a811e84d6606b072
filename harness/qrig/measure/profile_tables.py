"""From a profile and its priced forms to the tables of `qrig.measure.profile_columns`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pandas as pd
from attrs import define, field, frozen

from qrig.measure.profile_columns import MODELS, PROFILE_TABLES
from qrig.measure.profile_counts import PhaseCounts, Program, count_phase, overhead_of
from qrig.measure.profile_loops import call_paths, innermost_loops
from qrig.measure.timing.instruction import Instruction
from qrig.measure.timing.llvm_mca import LoopCycles, loop_cycles
from qrig.measure.timing.price import PricedPhase, PricedProfile
from qrig.profiles import Phase

MCA_LOOPS = 24
"""How many of the costliest loops are shown to llvm-mca, too."""

_UNEVEN = 0.02


@frozen
class LayerFacts:
    """What a profile does not know of a layer."""

    name: str
    type: str
    mac: int


@define
class _Layer:
    """One layer: its counts, less what marking it costs, and its costs by model suffix."""

    index: int
    facts: LayerFacts
    phase: Phase
    counts: PhaseCounts
    priced: Mapping[str, PricedPhase]
    overhead: PhaseCounts
    overhead_priced: Mapping[str, PricedPhase]
    program: Program
    functions: Counter[str] = field(init=False)

    def __attrs_post_init__(self) -> None:
        own = self.overhead.instructions_of(self.program)
        self.functions = Counter(
            {
                name: count
                for name, count in self.counts.instructions_of(self.program).items()
                if name not in own
            }
        )

    @property
    def outermost(self) -> str | None:
        """The function that called the harness at the layer's end; what is left over is its."""
        return next(
            (
                caller
                for caller, called in self.counts.entries
                if caller in self.functions and called not in self.functions
            ),
            None,
        )

    def is_own(self, address: int) -> bool:
        return self.program.function(address) in self.functions

    def total(self, column: str) -> int:
        return self.counts.totals[column] - self.overhead.totals[column]

    def left_over(self) -> int:
        """Return what the layer's total has beside the sum of its functions, in instructions."""
        return self.total("instructions") - sum(self.functions.values())

    def cycles(self, model: str) -> float | None:
        """Return the layer's cycles; None if it holds what the model does not know."""
        if model not in self.priced or self.has_unknown(model):
            return None
        return self.priced[model].cycles - self.overhead_priced[model].cycles

    def has_unknown(self, model: str) -> bool:
        return any(self.is_own(address) for address in self.priced[model].unknown)

    def function_cycles(self, model: str) -> dict[str, float] | None:
        """Return the cycles of each function; they sum to the layer's. None as for `cycles`."""
        total = self.cycles(model)
        if total is None:
            return None
        spent = dict.fromkeys(self.functions, 0.0)
        for address, cost in self.priced[model].costs.items():
            if self.is_own(address):
                spent[self.program.function(address)] += cost.cycles
        if self.outermost is not None:
            spent[self.outermost] += total - sum(spent.values())
        return spent


def profile_tables(
    program: Program,
    priced: Mapping[str, PricedProfile],
    facts: tuple[LayerFacts, ...],
    cell: Mapping[str, str],
    clocks_hz: Mapping[str, int],
) -> dict[str, pd.DataFrame]:
    """Return the tables of one profile.

    `priced` and `clocks_hz` are by model suffix ("m4", "m7"); `facts` come in the order of the
    profile's layers; `cell` holds the columns "target" and "network".
    """
    layers = _layers(program, priced, facts)
    instructions = {id(layer): _instructions(layer) for layer in layers}
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in PROFILE_TABLES}
    for layer in layers:
        key = {**cell, "layer_index": layer.index, "layer": layer.facts.name}
        rows["layers"].append({**key, **_layer_row(layer, clocks_hz)})
        rows["functions"] += [{**key, **row} for row in _function_rows(layer)]
        rows["stacks"] += [{**key, **row} for row in _stack_rows(layer)]
        rows["instructions"] += [{**key, **row} for row in instructions[id(layer)]]
        rows["loops"] += [{**key, **row} for row in _loop_rows(layer, instructions[id(layer)])]
    rows["loops"].sort(key=_loop_cost, reverse=True)
    _ask_mca(rows["loops"], rows["instructions"], program)
    return {name: table_of_rows(name, found) for name, found in rows.items()}


def table_of_rows(name: str, rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return rows as table `name` with its columns and types."""
    columns = PROFILE_TABLES[name]
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)


def _layers(
    program: Program, priced: Mapping[str, PricedProfile], facts: tuple[LayerFacts, ...]
) -> list[_Layer]:
    phases = program.profile.phases
    overhead = overhead_of(program)
    of_phase = [
        {model: whole.phases[number] for model, whole in priced.items()}
        for number in range(len(phases))
    ]
    nothing = {model: PricedPhase("overhead", "overhead") for model in priced}
    idle = next(
        (one for phase, one in zip(phases, of_phase, strict=True) if phase.kind == "overhead"),
        nothing,
    )
    chosen = [
        (phase, one) for phase, one in zip(phases, of_phase, strict=True) if phase.kind == "layer"
    ]
    layers = []
    for index, ((phase, one), fact) in enumerate(zip(chosen, facts, strict=True)):
        counts = count_phase(program, phase)
        # A layer that is computed together with an earlier one is never entered, and never marked.
        entered = bool(counts.executions)
        marking, its_price = (overhead, idle) if entered else (PhaseCounts(), nothing)
        layers.append(_Layer(index, fact, phase, counts, one, marking, its_price, program))
    return layers


def _layer_row(layer: _Layer, clocks_hz: Mapping[str, int]) -> dict[str, Any]:
    row: dict[str, Any] = {"type": layer.facts.type, "mac": layer.facts.mac}
    counted = layer.program.profile.mode == "memory"
    for column in PROFILE_TABLES["layers"]:
        if column in (
            "instructions",
            "branches_taken",
            "branches_not_taken",
            "mispredicted",
        ) or column.startswith("mix_"):
            row[column] = layer.total(column)
        elif column.endswith(("loads", "stores")) or column.startswith("misaligned_"):
            row[column] = layer.total(column) if counted else None
    for model, clock_hz in clocks_hz.items():
        cycles = layer.cycles(model)
        row[f"model_cycles_{model}"] = cycles
        row[f"model_latency_us_{model}"] = None if cycles is None else cycles * 1e6 / clock_hz
    return row


def _function_rows(layer: _Layer) -> list[dict[str, Any]]:
    counts = Counter(layer.functions)
    if layer.outermost is not None:
        counts[layer.outermost] += layer.left_over()
    calls: Counter[str] = Counter()
    for (_, called), count in layer.counts.entries.items():
        calls[called] += count
    cycles = {model: layer.function_cycles(model) for model in layer.priced}
    return [
        {
            "function": name,
            "calls": calls[name],
            "instructions": counts[name],
            **{
                f"model_cycles_{model}": None if spent is None else spent[name]
                for model, spent in cycles.items()
            },
        }
        for name in sorted(layer.functions)
    ]


def _stack_rows(layer: _Layer) -> list[dict[str, Any]]:
    functions = {row["function"]: row for row in _function_rows(layer)}
    names = ("instructions", *(f"model_cycles_{model}" for model in layer.priced))
    return [
        {
            "stack": ";".join(path),
            **{
                name: None
                if functions[path[-1]][name] is None
                else functions[path[-1]][name] * share
                for name in names
            },
        }
        for path, share in call_paths(set(functions), layer.counts.entries).items()
    ]


def _instructions(layer: _Layer) -> list[dict[str, Any]]:
    known = {
        instruction.address: instruction
        for block in layer.program.blocks
        for instruction in block
        if layer.counts.executions[instruction.address] and layer.is_own(instruction.address)
    }
    return [_instruction_row(layer, known[address]) for address in sorted(known)]


def _instruction_row(layer: _Layer, instruction: Instruction) -> dict[str, Any]:
    address = instruction.address
    line = layer.program.image.line_at(address)
    accesses = layer.counts.accesses.get(address, [])
    row: dict[str, Any] = {
        "function": layer.program.function(address),
        "address": address,
        "size_bytes": instruction.size_bytes,
        "bytes": instruction.data.hex(),
        "text": instruction.text,
        "class": instruction.mix,
        "file": None if line is None else line.file,
        "line": None if line is None else line.line,
        "executions": layer.counts.executions[address],
        "misaligned": None,
    }
    if layer.program.profile.mode == "memory":
        row["misaligned"] = sum(access.misaligned for access in accesses)
    for model, phase in layer.priced.items():
        cost = phase.costs.get(address)
        if cost is not None and address not in phase.unknown:
            row[f"model_cycles_{model}"] = cost.cycles
            row[f"stalls_{model}"] = sum(cost.stalls.values())
            row[f"stall_reasons_{model}"] = _reasons(cost.stalls, cost.executions)
    return row


def _reasons(stalls: Mapping[str, float], executions: int) -> str:
    """Write stalls as cycles per execution, largest first; those that round to nothing are left."""
    shares = sorted(
        ((cycles / executions, reason) for reason, cycles in stalls.items()), reverse=True
    )
    return ", ".join(f"{reason} {share:.2f}" for share, reason in shares if share >= 0.005)


def _loop_rows(layer: _Layer, instructions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rows = []
    for loop in innermost_loops(layer.counts.loops):
        inside = [row for row in instructions if loop.start <= row["address"] < loop.end]
        if not inside:
            continue
        head, back = inside[0], inside[-1]
        row = {
            "function": head["function"],
            # The line of the branch back is the loop's own, that of its start what it does first.
            **{name: back[name] for name in ("file", "line")},
            "start": loop.start,
            "end": loop.end,
            "iterations": head["executions"],
            "instructions": sum(each["executions"] for each in inside),
        }
        for model in layer.priced:
            spent = [each.get(f"model_cycles_{model}") for each in inside]
            row[f"model_cycles_{model}"] = None if None in spent else sum(filter(None, spent))
        rows.append(row)
    return rows


def _loop_cost(row: Mapping[str, Any]) -> float:
    costs = [row.get(f"model_cycles_{model}") for model in reversed(MODELS)]
    return float(next((cost for cost in costs if cost is not None), row["instructions"]))


def _ask_mca(
    loops: list[dict[str, Any]], instructions: list[dict[str, Any]], program: Program
) -> None:
    """Fill `mca_cycles_m7` of the costliest loops whose instructions run equally often."""
    known = {each.address: each for block in program.blocks for each in block}
    answers: dict[tuple[int, int], LoopCycles] = {}
    for loop in loops[:MCA_LOOPS]:
        inside = [
            row
            for row in instructions
            if row["layer_index"] == loop["layer_index"]
            and loop["start"] <= row["address"] < loop["end"]
        ]
        executions = [row["executions"] for row in inside]
        if max(executions) - min(executions) > _UNEVEN * max(executions):
            continue
        span = (loop["start"], loop["end"])
        if span not in answers:
            answers[span] = loop_cycles([known[row["address"]] for row in inside])
        if answers[span].cycles is not None:
            loop["mca_cycles_m7"] = answers[span].cycles * loop["iterations"]
