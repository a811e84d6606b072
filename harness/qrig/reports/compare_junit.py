"""A comparison of runs as JUnit XML: a test suite per network on a target, a test per layer.

What is worse is a failure; what cannot be compared is an error, for it is never green.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator

from qrig.reports.compare_result import (
    NO_BASELINE,
    TOO_FEW,
    TOO_NOISY,
    WORSE,
    CellComparison,
    LayerChange,
    RunsComparison,
    change_text,
    measure_text,
)
from qrig.reports.stamps import one_line

__all__ = ["comparison_junit"]


def comparison_junit(found: RunsComparison) -> str:
    """Render a comparison as JUnit XML."""
    suites = ET.Element("testsuites", name="qrig compare")
    if found.reasons or not found.cells:
        suite = _suite(suites, "runs", [("comparison", NO_BASELINE, "; ".join(found.reasons))])
        suite.set("errors", "1")
    for cell in found.cells:
        _suite(suites, cell.name, list(_cases(cell)))
    for name in ("tests", "failures", "errors"):
        suites.set(name, str(sum(int(suite.get(name, "0")) for suite in suites)))
    ET.indent(suites)
    text = ET.tostring(suites, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def _cases(cell: CellComparison) -> Iterator[tuple[str, str, str]]:
    """Yield name, verdict and message of every test of a cell."""
    if cell.reasons:
        yield "comparison", NO_BASELINE, "; ".join(cell.reasons)
    for change in cell.layers:
        name = f"{change.layer}: {measure_text(change.measure)}"
        yield name, _outcome(change), change_text(change)
    if not cell.layers and not cell.reasons:
        yield "comparison", cell.verdict, ""


def _outcome(change: LayerChange) -> str:
    if change.verdict in (TOO_NOISY, TOO_FEW) and change.matters:
        return NO_BASELINE
    return change.verdict


def _suite(suites: ET.Element, name: str, cases: list[tuple[str, str, str]]) -> ET.Element:
    suite = ET.SubElement(suites, "testsuite", name=_printable(name), tests=str(len(cases)))
    counts = {"failures": 0, "errors": 0}
    for case, verdict, message in cases:
        element = ET.SubElement(
            suite, "testcase", classname=_printable(name), name=_printable(case), time="0"
        )
        if verdict in (WORSE, NO_BASELINE):
            kind = "failure" if verdict == WORSE else "error"
            counts[f"{kind}s"] += 1
            ET.SubElement(element, kind, type=verdict, message=_printable(message))
        elif message:
            ET.SubElement(element, "system-out").text = _printable(message)
    for name_, count in counts.items():
        suite.set(name_, str(count))
    return suite


def _printable(text: str) -> str:
    """Leave out what XML cannot hold."""
    return one_line(text)
