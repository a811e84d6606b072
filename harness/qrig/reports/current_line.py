"""The time line of the current of a run: `current.parquet` in the run's folder.

One row per bin of time, at most 4,000 for each network on each target:

    cell          "<network> on <target>"
    time_s        the middle of the bin, in seconds from the beginning of the first marked window
    current_ua    the mean current of the samples in the bin, in microamperes
    layer         the window that the bin is in: a layer, "[idle]", "[loop]" or "[network]";
                  missing between windows

A bin without any sample (they were lost) has no row. Times before the first window are negative.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from attrs import frozen

from qrig.errors import FileFormatError
from qrig.measure.energy.windows import Window, find_windows
from qrig.measure.meters.meter import Samples
from qrig.networks.files import write_file

__all__ = [
    "CURRENT",
    "CURRENT_COLUMNS",
    "Marked",
    "columns_of",
    "current_line",
    "marked_windows",
    "read_current",
    "write_current",
]

CURRENT: Final = "current.parquet"
CURRENT_COLUMNS: Final = {
    "cell": "string",
    "time_s": "float64",
    "current_ua": "float64",
    "layer": "string",
}
"""The columns of the file and their pandas types."""

MAX_BINS: Final = 4000
_MARGIN: Final = 0.02
_MAX_CELLS: Final = 1000


@frozen
class Marked:
    """A window on the meter's clock, from `start_s` to `stop_s`, and the layer that runs in it."""

    start_s: float
    stop_s: float
    layer: str


def marked_windows(samples: Samples, layers: Sequence[str]) -> tuple[Marked, ...]:
    """Return the windows of the first pass through `layers` that is whole, in order.

    `layers` are the labels of the windows of one pass. If no pass is whole, the first one's good
    windows are returned; none if the marks do not fit.
    """
    windows = find_windows(samples.marks)
    count = len(layers)
    if not count or not windows or len(windows) % count:
        return ()
    passes = [windows[start : start + count] for start in range(0, len(windows), count)]
    best = next((one for one in passes if all(map(_is_good, one))), passes[0])
    return tuple(
        Marked(window.start_s, window.stop_s, layer)
        for window, layer in zip(best, layers, strict=True)
        if _is_good(window)
    )


def current_line(cell: str, samples: Samples, windows: Sequence[Marked]) -> pd.DataFrame:
    """Return the rows of one cell: `windows` and a little around them, in at most 4,000 bins.

    Without windows all samples are shown, in seconds from the first. No samples give no rows.
    """
    shown, zero_s = _around(samples, windows)
    time_s, current_a = samples.time_s[shown], samples.current_a[shown]
    bins = min(MAX_BINS, len(time_s))
    if not bins:
        return _typed(pd.DataFrame(columns=list(CURRENT_COLUMNS)))
    edges = np.linspace(time_s[0], time_s[-1], bins + 1)
    places = np.clip(np.searchsorted(edges, time_s, side="right") - 1, 0, bins - 1)
    counts = np.bincount(places, minlength=bins)
    sums = np.bincount(places, weights=current_a, minlength=bins)
    known = counts > 0
    middles = ((edges[:-1] + edges[1:]) / 2)[known]
    frame = pd.DataFrame(
        {
            "cell": cell,
            "time_s": middles - zero_s,
            "current_ua": sums[known] / counts[known] * 1e6,
            "layer": _layers_at(middles, windows),
        }
    )
    return _typed(frame)


def columns_of(line: pd.DataFrame) -> dict[str, list[Any]]:
    """Return the columns of a time line as plain lists; what is missing is None."""
    return {str(name): [None if pd.isna(value) else value for value in line[name]] for name in line}


def write_current(folder: Path, lines: Iterable[pd.DataFrame]) -> Path | None:
    """Write the rows of all cells to `current.parquet` in `folder`; None and no file without any.

    Raises UsageError if it cannot be written.
    """
    found = [line for line in lines if len(line)]
    if not found:
        return None
    frame = _typed(pd.concat(found, ignore_index=True))
    path = folder / CURRENT
    write_file(path, lambda place: frame.to_parquet(place, index=False))
    return path


def read_current(folder: Path) -> pd.DataFrame:
    """Read `current.parquet` in `folder`; no rows if there is none. Raises FileFormatError."""
    path = folder / CURRENT
    if not path.is_file():
        return _typed(pd.DataFrame(columns=list(CURRENT_COLUMNS)))
    try:
        frame = _typed(pd.read_parquet(path, columns=list(CURRENT_COLUMNS)))
        if len(frame) > MAX_BINS * _MAX_CELLS:
            raise ValueError(f"{len(frame):,} rows")
        if not np.isfinite(frame[["time_s", "current_ua"]].to_numpy()).all():
            raise ValueError("numbers that are none")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FileFormatError(
            f"{path}: expected the current of a run over time, found it damaged ({error}); remove "
            "it, or measure again"
        ) from error
    return frame


def _is_good(window: Window) -> bool:
    return window.rejected is None


def _around(samples: Samples, windows: Sequence[Marked]) -> tuple[slice, float]:
    """Return which samples are shown, and the time that becomes 0."""
    time_s = samples.time_s
    if not len(time_s):
        return slice(0, 0), 0.0
    if not windows:
        return slice(0, len(time_s)), float(time_s[0])
    start_s = min(window.start_s for window in windows)
    stop_s = max(window.stop_s for window in windows)
    margin_s = (stop_s - start_s) * _MARGIN
    first = int(np.searchsorted(time_s, start_s - margin_s))
    last = int(np.searchsorted(time_s, stop_s + margin_s, side="right"))
    return slice(first, last), start_s


def _layers_at(middles: npt.NDArray[np.float64], windows: Sequence[Marked]) -> list[str | None]:
    """Return the layer that runs at each time."""
    found: list[str | None] = [None] * len(middles)
    for window in windows:
        inside = (middles >= window.start_s) & (middles < window.stop_s)
        for place in np.flatnonzero(inside):
            found[int(place)] = window.layer
    return found


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype(CURRENT_COLUMNS)
