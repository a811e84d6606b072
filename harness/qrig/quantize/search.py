"""The quantiser's own method: formats that lose least, layer by layer, then as a whole."""

from __future__ import annotations

from qrig.fixedpoint.formats import Formats
from qrig.fixedpoint.semantics import DEFAULT, Semantics
from qrig.quantize.assignment import formats_of
from qrig.quantize.calibration import Calibration
from qrig.quantize.greedy import greedy
from qrig.quantize.ranges import ranged_assignment
from qrig.quantize.refine import Progress, refine


def search_formats(
    calibration: Calibration,
    *,
    semantics: Semantics = DEFAULT,
    tolerance: float | None = None,
    progress: Progress = lambda what, done, total: None,
) -> Formats:
    """Search formats on exact integer simulation.

    `tolerance`: how many percentage points of accuracy may be lost before the search goes on beyond
    its first result; None lets it go on until nothing improves. Formats are never such that a shift
    is negative.
    """
    starts = (
        greedy(calibration, semantics),
        ranged_assignment(calibration.network, calibration.magnitudes),
    )
    best = refine(calibration, starts, semantics, tolerance=tolerance, progress=progress)
    return formats_of(
        calibration.network,
        best,
        source=f"formats searched on {len(calibration.images)} images",
    )
