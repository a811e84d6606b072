"""Row kernels in portable C: calls of qrig_rows and qrig_columns with the shapes of a network."""

from __future__ import annotations

from qrig.codegen.fast.kernel_names import ColumnKernel, KernelNames
from qrig.codegen.fast.windows import RowKernel

_ROW_ARGUMENTS = "const uint32_t *data, const uint32_t *weights, int32_t *sums"
_COLUMN_ARGUMENTS = "const uint32_t *columns, const uint32_t *weights, q7_t *out"


def portable_kernels(kernels: KernelNames) -> str:
    """Return a C source with every kernel as a function of its name."""
    lines = ["/* The kernels of the network in portable C. */"]
    lines += ['#include "parameter.h"'] if kernels.columns else []
    lines += ['#include "qrig_columns.h"', '#include "qrig_rows.h"', ""]
    lines += ["#ifdef __cplusplus", 'extern "C" {', "#endif"]
    lines += [f"void {name}({_ROW_ARGUMENTS});" for name in kernels.kernels]
    lines += [f"void {name}({_COLUMN_ARGUMENTS});" for name in kernels.columns]
    lines += ["#ifdef __cplusplus", "}", "#endif"]
    for name, kernel in kernels.kernels.items():
        lines += _row_function(name, kernel)
    for name, column in kernels.columns.items():
        lines += column.guarded(_column_function(name, column))
    return "\n".join(lines) + "\n"


def _row_function(name: str, kernel: RowKernel) -> list[str]:
    shape = (
        kernel.rows, kernel.taps, kernel.start, kernel.height, kernel.pairs, int(kernel.odd),
        kernel.points,
    )  # fmt: skip
    return [
        f"\nvoid {name}({_ROW_ARGUMENTS}) {{",
        f"    static const qrig_rows_shape shape = {{{', '.join(map(str, shape))}}};",
        "    qrig_rows(data, weights, sums, &shape);",
        "}",
    ]


def _column_function(name: str, column: ColumnKernel) -> list[str]:
    layer = column.convolution.layer
    shape = column.convolution.words, layer.out_shape.c, column.shift, int(column.relu)
    return [
        f"\nvoid {name}({_COLUMN_ARGUMENTS}) {{",
        f"    static const qrig_columns_shape shape = {{{', '.join(map(str, shape))}}};",
        "    qrig_columns(columns, weights, out, &shape);",
        "}",
    ]
