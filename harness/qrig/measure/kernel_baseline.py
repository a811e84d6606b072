"""Measurements of ARM's own kernels, which ours are compared with.

The file holds calls of the kernels of CMSIS-NN 5.9.0 with data from seeds: the CRC-32 of the output
and the executed instructions, from a kernel's first to its return, on a Cortex-M4 and a Cortex-M7.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from qrig.errors import FileFormatError
from qrig.measure.kernel_calls import KernelCall, kernel_call
from qrig.measure.kernel_trial import Sequence
from qrig.networks.files import read_text

_INSTRUCTIONS = {"cortex-m4": "m4_O2", "cortex-m7": "m7_O2"}
_TENSORS = ("input", "weights", "bias")

COMPILER = "arm-none-eabi-gcc (15:12.2.rel1-1) 12.2.1"
"""How the version line of the compiler begins that the instructions were counted with."""


@frozen
class BaselineCase:
    """One call of ARM's kernel; `scratch_bytes` is what its documentation asks for.

    `output_c_crc32` is the output of the C form of a pool, where it was noted, and
    `interleaved_crc32` that of weights which the kernel wants interleaved.
    """

    name: str
    call: KernelCall = field(repr=False)
    contents: Mapping[str, Sequence] = field(repr=False)
    status: int
    output_crc32: int
    output_c_crc32: int | None
    interleaved_crc32: str | None = field(repr=False)
    scratch_bytes: int
    macs: int
    _instructions: Mapping[str, int] = field(repr=False)

    def instructions(self, core: str) -> int | None:
        """Return what ARM's kernel executed on `core`; None if it was not measured there."""
        return self._instructions.get(_INSTRUCTIONS.get(core, ""))


@frozen
class StatusCase:
    """A call that some form of ARM's kernel refuses."""

    name: str
    call: KernelCall = field(repr=False)
    status_dsp: int
    status_c: int


@frozen
class Baseline:
    """All calls of the file."""

    cases: tuple[BaselineCase, ...] = field(repr=False)
    status_cases: tuple[StatusCase, ...] = field(repr=False)


def read_baseline(path: Path) -> Baseline:
    """Read the file; raises FileFormatError."""
    text = read_text(path, what="measurements of ARM's kernels (JSON)")
    try:
        document = json.loads(text)
        return Baseline(
            tuple(_case(entry) for entry in document["cases"]),
            tuple(_status_case(entry) for entry in document["status_checks"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise FileFormatError(
            f"{path}: expected measurements of ARM's kernels, found {error!r}; fetch it again"
        ) from error


def _case(entry: dict[str, Any]) -> BaselineCase:
    output = entry["output"]
    plain_c = output.get("crc32_plain_c")
    contents = {
        name: Sequence(entry[name]["seed"], entry[name]["shr"])
        for name in _TENSORS
        if name in entry
    }
    return BaselineCase(
        name=entry["name"],
        call=kernel_call(entry["function"], entry["parameters"]),
        contents=contents,
        status=entry.get("status", 0),
        output_crc32=int(output["crc32"], 16),
        output_c_crc32=None if plain_c is None else int(plain_c, 16),
        interleaved_crc32=entry.get("weights", {}).get("crc32_interleaved"),
        scratch_bytes=entry["scratch_bytes_documented"],
        macs=entry.get("macs", 0),
        instructions=entry["instructions"],
    )


def _status_case(entry: dict[str, Any]) -> StatusCase:
    return StatusCase(
        name=entry["name"],
        call=kernel_call(entry["function"], entry["parameters"]),
        status_dsp=entry["status_dsp"],
        status_c=entry["status_plain_c"],
    )
