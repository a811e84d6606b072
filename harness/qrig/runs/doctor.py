"""What of this machine qrig needs or can use, and what to do about what is missing."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import frozen

from qrig.deadline import Deadline
from qrig.runs.doctor_checks.build_tools import check_build_tools
from qrig.runs.doctor_checks.condition import check_condition
from qrig.runs.doctor_checks.finding import AREAS, VERDICTS, WARNING, Finding
from qrig.runs.doctor_checks.laboratory import check_laboratory
from qrig.runs.doctor_checks.modem_manager import check_modem_manager
from qrig.runs.doctor_checks.packages import check_packages
from qrig.runs.doctor_checks.probes import check_probes
from qrig.runs.doctor_checks.qemu import check_qemu
from qrig.runs.doctor_checks.renode import check_renode
from qrig.runs.doctor_checks.serial_access import check_serial
from qrig.runs.doctor_checks.storage import check_storage

SCHEMA = "qrig-doctor/1"
"""The `schema` of the document."""

READY, NOT_READY = "ready", "not ready"

_PROBE_S = 5.0


@frozen
class Diagnosis:
    """Everything that was found, area by area."""

    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> str:
        """READY if `qrig bench` on QEMU has all it needs, else NOT_READY."""
        return NOT_READY if any(each.forbids for each in self.findings) else READY

    def document(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "schema": SCHEMA,
            "verdict": self.verdict,
            "counts": {
                verdict: sum(each.verdict == verdict for each in self.findings)
                for verdict in VERDICTS
            },
            "checks": [each.document() for each in self.findings],
        }


def diagnose(root: Path = Path("/")) -> Diagnosis:
    """Look at this machine and return what was found.

    `root` is where devices, processes and groups are looked up: the root of the file system. Probes
    that do not say their version within 5 s are not waited for.
    """
    found = sorted(_findings(root), key=lambda each: AREAS.index(each.area))
    return Diagnosis(tuple(found))


def _findings(root: Path) -> Iterator[Finding]:
    yield from check_build_tools()
    yield from check_qemu()
    yield from check_packages()
    yield from check_renode()
    if platform.system() == "Linux":
        yield from check_probes(root, Deadline.after(_PROBE_S))
        yield from check_serial(root)
        yield from check_modem_manager(root)
        yield from check_laboratory(root)
    else:
        yield Finding(
            "Probes and ports",
            "debug probe",
            WARNING,
            "only looked for on Linux; qrig targets may see more",
        )
    yield from check_condition()
    yield from check_storage()
