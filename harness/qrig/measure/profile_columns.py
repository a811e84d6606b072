"""The tables of a profiled run: their columns, pandas types, and what each column means.

All counts are of one inference of one input. `model_cycles_*` are estimates of a timing model,
never mixed with `cycles` of silicon; what could not be priced is missing. A table is kept as
`profile-<name>.parquet` in the run's folder.
"""

from __future__ import annotations

MODELS = ("m4", "m7")
"""The suffixes of the timing models' columns: cortex-m4 and cortex-m7."""

MIX = ("load", "store", "smlad", "multiply", "simd", "alu", "branch", "other", "unknown")
"""The classes of instructions: loads, stores (multiples count once), dual 16-bit multiplies (SMLAD
and its family), other multiplies and divisions, DSP extracts/packs/saturation, everything else that
computes, branches, everything else, and what no model knows."""

_CELL = {"target": "string", "network": "string"}
_LAYER = {**_CELL, "layer_index": "int64", "layer": "string"}

PROFILE_LAYERS = {
    **_LAYER,
    "type": "string",
    "mac": "int64",
    "instructions": "int64",
    "loads": "Int64",  # accesses: a multiple load counts its words; missing without memory counts
    "stores": "Int64",
    "code_loads": "Int64",  # of these, from the memory of code and constants
    "code_stores": "Int64",
    "data_loads": "Int64",
    "data_stores": "Int64",
    "other_loads": "Int64",  # outside all memories: peripherals
    "other_stores": "Int64",
    "branches_taken": "int64",
    "branches_not_taken": "int64",
    "mispredicted": "int64",
    "misaligned_2": "Int64",  # halfwords at odd addresses
    "misaligned_4": "Int64",  # words not at a multiple of four
    **{f"mix_{name}": "int64" for name in MIX},  # executed instructions of each class
    "model_cycles_m4": "Float64",
    "model_cycles_m7": "Float64",
    "model_latency_us_m4": "Float64",
    "model_latency_us_m7": "Float64",
    "model_cycles_m4_min": "Float64",  # over the placements of the code; missing for only one
    "model_cycles_m4_max": "Float64",
    "model_cycles_m7_min": "Float64",
    "model_cycles_m7_max": "Float64",
}
"""One row per layer. Per-layer numbers exclude the harness' own code at the layer's borders."""

PROFILE_FUNCTIONS = {
    **_LAYER,
    "function": "string",
    "calls": "int64",  # how often its first instruction was reached from another function
    "instructions": "int64",
    "model_cycles_m4": "Float64",
    "model_cycles_m7": "Float64",
}
"""One row per layer and function, exclusive of what it calls."""

PROFILE_STACKS = {
    **_LAYER,
    "stack": "string",  # functions from the outermost, joined by ";"
    "instructions": "float64",
    "model_cycles_m4": "Float64",
    "model_cycles_m7": "Float64",
}
"""One row per layer and call path, exclusive. A function with several callers is shared out by how
often each called it, so its rows need not be whole numbers."""

PROFILE_INSTRUCTIONS = {
    **_LAYER,
    "function": "string",
    "address": "int64",
    "size_bytes": "int64",
    "bytes": "string",  # hex digits
    "text": "string",  # mnemonic and operands
    "class": "string",  # one of MIX
    "file": "string",
    "line": "Int64",
    "executions": "int64",
    "misaligned": "Int64",
    "model_cycles_m4": "Float64",
    "model_cycles_m7": "Float64",
    "stalls_m4": "Float64",  # the part of the cycles beyond the bare issue slot
    "stalls_m7": "Float64",
    "stall_reasons_m4": "string",  # "operand 0.5, fetch 0.25": cycles per execution, largest first
    "stall_reasons_m7": "string",
}
"""One row per layer and executed instruction."""

PROFILE_LOOPS = {
    **_LAYER,
    "function": "string",
    "start": "int64",  # address of the first instruction
    "end": "int64",  # address behind the last one
    "file": "string",
    "line": "Int64",
    "iterations": "int64",
    "instructions": "int64",
    "model_cycles_m4": "Float64",
    "model_cycles_m7": "Float64",
    "mca_cycles_m7": "Float64",  # llvm-mca's cycles, all iterations; missing where it has no say
}
"""One row per layer and innermost loop, costliest first."""

PROFILE_TABLES = {
    "layers": PROFILE_LAYERS,
    "functions": PROFILE_FUNCTIONS,
    "stacks": PROFILE_STACKS,
    "instructions": PROFILE_INSTRUCTIONS,
    "loops": PROFILE_LOOPS,
}
"""Every table by its name."""
