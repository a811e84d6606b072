"""Row kernels in portable C: calls of qrig_rows and qrig_columns with the shapes of a network."""

from __future__ import annotations

from collections.abc import Mapping

from qrig.codegen.fast.columns import ColumnConvolution
from qrig.codegen.fast.windows import RowKernel

_HEAD = """/* The kernels of the network in portable C. */
#include "qrig_columns.h"
#include "qrig_rows.h"

"""


def portable_kernels(
    kernels: Mapping[str, RowKernel], columns: Mapping[str, tuple[ColumnConvolution, bool]]
) -> str:
    """Return a C source with every kernel as a function of its name."""
    texts = [_HEAD]
    for name, kernel in kernels.items():
        arguments = "const uint32_t *data, const uint32_t *weights, int32_t *sums"
        shape = ", ".join(
            str(value)
            for value in (
                kernel.rows, kernel.taps, kernel.start, kernel.height, kernel.pairs,
                int(kernel.odd), kernel.points,
            )
        )  # fmt: skip
        texts.append(
            f"void {name}({arguments});\n"
            f"void {name}({arguments}) {{\n"
            f"    static const qrig_rows_shape shape = {{{shape}}};\n"
            "    qrig_rows(data, weights, sums, &shape);\n"
            "}\n\n"
        )
    for name, (convolution, relu) in columns.items():
        layer = convolution.layer
        arguments = "const uint32_t *columns, const uint32_t *weights, q7_t *out"
        shape = f"{convolution.words}, {layer.out_shape.c}, {layer.output_shift}, {int(relu)}"
        texts.append(
            f"void {name}({arguments});\n"
            f"void {name}({arguments}) {{\n"
            f"    static const qrig_columns_shape shape = {{{shape}}};\n"
            "    qrig_columns(columns, weights, out, &shape);\n"
            "}\n\n"
        )
    return "".join(texts)
