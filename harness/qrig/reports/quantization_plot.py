"""Histograms of weights and outputs, with the range that their format holds drawn in."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from attrs import frozen
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from qrig.errors import UsageError
from qrig.fixedpoint.quantized import QuantizedNetwork
from qrig.networks.files import write_bytes
from qrig.networks.graph import FloatArray
from qrig.quantize.by_layer import format_text
from qrig.quantize.calibration import Calibration
from qrig.quantize.magnitudes import WEIGHTED
from qrig.quantize.simulate import QUANTIZED_WEIGHTED
from qrig.reports.figures import INK, MUTED, RC, RULE, rendered
from qrig.reports.tables import printable

SUFFIXES = (".png", ".svg")
"""What a plot can be written as."""

MAX_ROWS: Final = 40
"""More layers are left out of the plot; the table has them all."""

_BINS: Final = 96
_VALUES: Final = 200_000
_ROW_IN: Final = 1.25
_BAR: Final = "#3f7cac"
_LIMIT: Final = "#b4577f"


@frozen(eq=False)
class _Panel:
    """One histogram: its title, the values, and the fractional bits of their format."""

    title: str
    values: FloatArray
    bits: int


def plot_quantization(calibration: Calibration, network: QuantizedNetwork) -> Figure:
    """Draw a row per layer with weights: its weights on the left, its outputs on the right."""
    rows = _rows(calibration, network)
    with mpl.rc_context(RC):
        figure = Figure(figsize=(8.0, 0.5 + _ROW_IN * len(rows)), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(len(rows), 2, squeeze=False)
        for row, panels in enumerate(rows):
            for column, panel in enumerate(panels):
                if panel is None:
                    axes[row, column].set_visible(False)
                else:
                    _draw(axes[row, column], panel)
        figure.suptitle(
            printable(f"{network.name}: values, and the range their format holds"),
            fontsize=10,
            color=INK,
        )
    return figure


def write_plot(calibration: Calibration, network: QuantizedNetwork, path: Path) -> None:
    """Write the plot as PNG or SVG, by the suffix; raises UsageError."""
    if path.suffix not in SUFFIXES:
        raise UsageError(
            f"expected a plot of the kind {' or '.join(SUFFIXES)}, found {path.name!r}; give such "
            "a name with --plot"
        )
    with mpl.rc_context(RC):
        data = rendered(plot_quantization(calibration, network), path.suffix[1:])
    write_bytes(path, data)


def _rows(
    calibration: Calibration, network: QuantizedNetwork
) -> list[tuple[_Panel | None, _Panel]]:
    source = network.input
    found: list[tuple[_Panel | None, _Panel]] = [
        (None, _panel(source.name, calibration.tensors[source.name], source.fraction_bits))
    ]
    bits = {stage.name: stage.fraction_bits for stage in network.stages}
    for layer, made in zip(calibration.network.layers, network.layers, strict=True):
        output = calibration.tensors[layer.name]
        if isinstance(layer, WEIGHTED) and isinstance(made, QUANTIZED_WEIGHTED):
            weight_bits = made.fraction_bits + made.output_shift - bits[made.inputs[0]]
            weights = _panel(f"{layer.name}, weights", layer.weights, weight_bits)
            found.append((weights, _panel(f"{layer.name}, output", output, made.fraction_bits)))
        elif made.type == "eltwise":
            found.append((None, _panel(f"{layer.name}, output", output, made.fraction_bits)))
    return found[:MAX_ROWS]


def _panel(name: str, values: FloatArray, bits: int) -> _Panel:
    flat = values.reshape(-1)
    step = max(1, flat.size // _VALUES)
    return _Panel(f"{name} {format_text(bits)}", flat[::step], bits)


def _draw(axes: Axes, panel: _Panel) -> None:
    """Draw one histogram with a logarithmic count, for outliers are few."""
    low, high = -128 * 2.0**-panel.bits, 127 * 2.0**-panel.bits
    values: Any = panel.values.astype(np.float64)
    left, right = min(low, float(values.min())), max(high, float(values.max()))
    counts, edges = np.histogram(values, bins=_BINS, range=(left, right))
    axes.bar(edges[:-1], counts, np.diff(edges), align="edge", color=_BAR, log=True)
    for limit in (low, high):
        axes.axvline(limit, color=_LIMIT, linewidth=1.0)
    axes.set_title(printable(panel.title), fontsize=8, color=INK, loc="left", pad=2)
    axes.tick_params(length=0, labelsize=7, labelcolor=MUTED)
    axes.set_yticks([])
    axes.minorticks_off()
    axes.grid(visible=True, axis="x", color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)
