"""The kernels that a network's source calls, by name, and the assembler source that has them."""

from __future__ import annotations

from attrs import frozen

from qrig.codegen.fast.assembly import row_kernel
from qrig.codegen.fast.columns import ColumnConvolution
from qrig.codegen.fast.columns_assembly import column_kernel
from qrig.codegen.fast.windows import RowKernel


@frozen
class ColumnKernel:
    """A column kernel: what it computes, and the macro of parameter.h with its output shift.

    `is_trace` says that only a trace needs it.
    """

    convolution: ColumnConvolution
    relu: bool
    shift: str
    is_trace: bool = False

    def guarded(self, lines: list[str]) -> list[str]:
        """Return the lines of its source, left out where nothing is traced."""
        return ["#ifdef NETWORK_HOOK", *lines, "#endif"] if self.is_trace else lines


class KernelNames:
    """The names of the kernels of a network; equal row kernels share one."""

    def __init__(self) -> None:
        """Begin without any kernel."""
        self.names: dict[tuple[int, ...], str] = {}
        self.kernels: dict[str, RowKernel] = {}
        self.columns: dict[str, ColumnKernel] = {}

    def name(self, kernel: RowKernel) -> str:
        """Return the function that computes `kernel`."""
        if kernel.key not in self.names:
            name = f"network_rows_{kernel.rows}x{kernel.taps}_{len(self.names)}"
            self.names[kernel.key] = name
            self.kernels[name] = kernel
        return self.names[kernel.key]

    def assembly(self, core: str) -> str:
        """Return the kernels for `core` as an assembler source."""
        lines = [f"/* The kernels of the network for {core}. */"]
        lines += ['#include "parameter.h"'] if self.columns else []
        lines += ["\t.syntax unified", "\t.thumb", "\t.text"]
        for name, kernel in self.kernels.items():
            section = f'\t.section .text.{name}, "ax", %progbits'
            lines += [section, *row_kernel(name, kernel, core)]
        for name, column in self.columns.items():
            found = column_kernel(
                name, column.convolution, core, relu=column.relu, shift=column.shift
            )
            lines += column.guarded(found)
        return "\n".join(lines) + "\n"
