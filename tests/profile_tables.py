"""Tables of a profiled run, made from a short description in which every number adds up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import pandas as pd

from qrig.measure.profile_columns import MIX, PROFILE_TABLES

M4_TARGET, M7_TARGET = "mps2-an386@qemu", "mps2-an500@qemu"
HOSTILE = '<script>alert("$x_{1}$")</script><img src=x onerror=y>\x1b[31m[red]\u202e'
ISSUE = {"m4": 1.0, "m7": 0.5}
MODELS = {
    "m4": "cortex-m4 on stm32f4-discovery at 168 MHz",
    "m7": "cortex-m7 on nucleo-f746 at 216 MHz",
}
CLOCK_MHZ = {"m4": 168, "m7": 216}

Cells = Mapping[tuple[str, str], Sequence["Layer"]]


@attrs.frozen
class Op:
    """An instruction: its class, and stalls in cycles per execution by cause."""

    text: str
    kind: str = "alu"
    m4: Mapping[str, float] = attrs.field(factory=dict)
    m7: Mapping[str, float] = attrs.field(factory=dict)
    misaligned: int = 0

    def cycles(self, model: str) -> float | None:
        stalls: Mapping[str, float] = getattr(self, model)
        return None if self.kind == "unknown" else ISSUE[model] + sum(stalls.values())


@attrs.frozen
class Block:
    """Instructions that run equally often; a loop if `loop`."""

    line: int | None
    executions: int
    ops: Sequence[Op]
    loop: bool = True
    file: str | None = "/src/kernels/convolve.c"
    mca: float | None = None


@attrs.frozen
class Function:
    name: str
    blocks: Sequence[Block]
    callers: Sequence[str] = ("run_network",)


@attrs.frozen
class Layer:
    name: str
    functions: Sequence[Function]
    type: str = "convolution"
    mac: int = 1000


MAC_LOOP = (
    Op("ldr r3, [r0], #4", "load", {"operand": 1.0}, {"operand": 0.5}, misaligned=1),
    Op("ldr r4, [r1], #4", "load", {}, {"fetch": 0.25}),
    Op("smlad r5, r3, r4, r5", "smlad", {}, {"operand": 0.5, "dsp slot": 0.25}),
    Op("subs r2, r2, #1", "alu"),
    Op("bne.n 8000120", "branch", {"refill": 2.0}),
)
COPY_LOOP = (
    Op("ldrsb r2, [r0], #1", "load", {"memory": 0.5}, {"memory": 1.0}),
    Op("strh r2, [r1], #2", "store"),
    Op("cmp r1, r3", "alu"),
    Op("bne.n 8000240", "branch", {"refill": 2.0}),
)
HEAD = (Op("push {r4, r5, lr}", "store"), Op("sxtb16 r6, r2", "simd"), Op("bx lr", "branch"))


def convolution(name: str = "conv1", iterations: int = 4096, ops: Sequence[Op] = MAC_LOOP) -> Layer:
    mac = Function(
        "arm_nn_mat_mult",
        (
            Block(40, iterations // 8, HEAD, loop=False),
            Block(57, iterations, ops, mca=2.5),
            Block(None, 3, (Op("nop", "other"),), loop=False, file=None),
        ),
        ("run_network", "convolve"),
    )
    im2col = Function(
        "convolve",
        (Block(200, 9, HEAD, loop=False), Block(210, iterations // 4, COPY_LOOP)),
    )
    return Layer(name, (mac, im2col), mac=iterations * 2)


def pool(name: str = "pool1") -> Layer:
    file = "/src/kernels/maxpool.c"
    block = Block(12, 500, (Op("ldrsb r2, [r0], #1", "load"), Op("cmp r2, r3")), file=file)
    return Layer(name, (Function("maxpool", (block,)),), "pooling", mac=0)


def softmax(name: str = "prob") -> Layer:
    ops = (Op("vcvt.f32.s32 s0, s0", "unknown"), Op("adds r0, #1"))
    return Layer(name, (Function("softmax", (Block(5, 10, ops, file="soft.c"),)),), "softmax", 0)


def network() -> list[Layer]:
    last = convolution("ip1", 1600)
    return [convolution(), pool(), convolution("conv2", 16384, MAC_LOOP), last]


def make_cells() -> Cells:
    """Two networks on two targets; the second has a layer that no model can price."""
    cells: dict[tuple[str, str], Sequence[Layer]] = {}
    for target in (M4_TARGET, M7_TARGET):
        cells[target, "lenet"] = network()
        cells[target, "kws"] = [convolution("conv1", 800), softmax()]
    return cells


def make_tables(
    cells: Cells | None = None, *, base: int = 0x8000100, memory: bool = True, spread: float = 0
) -> dict[str, pd.DataFrame]:
    """Make all five tables; code starts at `base`; `spread` adds a range over placements."""
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in PROFILE_TABLES}
    for (target, name), layers in (make_cells() if cells is None else cells).items():
        for index, layer in enumerate(layers):
            place = {"target": target, "network": name, "layer_index": index, "layer": layer.name}
            _add_layer(rows, place, layer, base, memory, spread)
    return {
        name: pd.DataFrame(rows[name], columns=list(schema)).astype(dict[Any, Any](schema))
        for name, schema in PROFILE_TABLES.items()
    }


def _sum(values: Sequence[float | None]) -> float | None:
    return None if None in values else sum(value for value in values if value is not None)


def _add_layer(
    rows: dict[str, list[dict[str, Any]]],
    place: dict[str, Any],
    layer: Layer,
    base: int,
    memory: bool,
    spread: float,
) -> None:
    address, mine = base, []
    for function in layer.functions:
        code: list[dict[str, Any]] = []
        for block in function.blocks:
            inside, address = _block(place, function, block, address)
            code += inside
            if block.loop:
                rows["loops"].append(_loop(place, function, block, inside))
        names = ("instructions", "model_cycles_m4", "model_cycles_m7")
        sums = {
            name: _sum([one["executions" if name == names[0] else name] for one in code])
            for name in names
        }
        calls = {"function": function.name, "calls": function.blocks[0].executions}
        rows["functions"].append({**place, **calls, **sums})
        stack = ";".join([*function.callers, function.name])
        rows["stacks"].append({**place, "stack": stack, **sums})
        rows["instructions"] += code
        mine += code
        address += 64
    rows["layers"].append(_layer(place, layer, mine, memory, spread))


def _block(
    place: dict[str, Any], function: Function, block: Block, address: int
) -> tuple[list[dict[str, Any]], int]:
    made = []
    for op in block.ops:
        row: dict[str, Any] = {
            **place,
            "function": function.name,
            "address": address,
            "size_bytes": 4,
            "bytes": "00bf00bf",
            "text": op.text,
            "class": op.kind,
            "file": block.file,
            "line": block.line,
            "executions": block.executions,
            "misaligned": op.misaligned,
        }
        for model in ("m4", "m7"):
            cycles, stalls = op.cycles(model), getattr(op, model)
            known = cycles is not None
            row[f"model_cycles_{model}"] = None if cycles is None else cycles * block.executions
            row[f"stalls_{model}"] = sum(stalls.values()) * block.executions if known else None
            reasons = sorted(stalls.items(), key=lambda item: -item[1])
            text = ", ".join(f"{cause} {value:g}" for cause, value in reasons)
            row[f"stall_reasons_{model}"] = text
        made.append(row)
        address += 4
    return made, address


def _loop(
    place: dict[str, Any], function: Function, block: Block, code: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        **place,
        "function": function.name,
        "start": code[0]["address"],
        "end": code[-1]["address"] + 4,
        "file": block.file,
        "line": block.line,
        "iterations": block.executions,
        "instructions": sum(one["executions"] for one in code),
        "model_cycles_m4": _sum([one["model_cycles_m4"] for one in code]),
        "model_cycles_m7": _sum([one["model_cycles_m7"] for one in code]),
        "mca_cycles_m7": None if block.mca is None else block.mca * block.executions,
    }


def _layer(
    place: dict[str, Any], layer: Layer, code: list[dict[str, Any]], memory: bool, spread: float
) -> dict[str, Any]:
    mix = {
        f"mix_{name}": sum(one["executions"] for one in code if one["class"] == name)
        for name in MIX
    }
    loads, stores = mix["mix_load"], mix["mix_store"]
    counts: dict[str, Any] = {
        "loads": loads,
        "stores": stores,
        "code_loads": loads // 3,
        "code_stores": 0,
        "data_loads": loads - loads // 3,
        "data_stores": stores,
        "other_loads": 0,
        "other_stores": 0,
        "misaligned_2": 0,
        "misaligned_4": sum(one["misaligned"] * one["executions"] for one in code),
    }
    row: dict[str, Any] = {
        **place,
        "type": layer.type,
        "mac": layer.mac,
        "instructions": sum(one["executions"] for one in code),
        "branches_taken": mix["mix_branch"],
        "branches_not_taken": mix["mix_branch"] // 16,
        "mispredicted": mix["mix_branch"] // 20,
        **(counts if memory else dict.fromkeys(counts)),
        **mix,
    }
    for model, mhz in CLOCK_MHZ.items():
        cycles = _sum([one[f"model_cycles_{model}"] for one in code])
        ranged = cycles is not None and spread
        row[f"model_cycles_{model}"] = cycles
        row[f"model_latency_us_{model}"] = None if cycles is None else cycles / mhz
        row[f"model_cycles_{model}_min"] = cycles if ranged else None
        row[f"model_cycles_{model}_max"] = cycles * (1 + spread) if cycles and ranged else None
    return row
