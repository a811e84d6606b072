"""Python packages: those qrig cannot do without, and those that its extras add."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from importlib import metadata
from importlib.util import find_spec

from packaging.requirements import Requirement

from qrig.resources import checkout_root
from qrig.runs.doctor_checks.finding import GOOD, MISSING, WARNING, Finding

PURPOSES = {
    "probe": "real boards (@probe): flash and debug them through a probe on USB",
    "virtual": "virtual boards (@virtual)",
    "joulescope": "Joulescope power meters",
    "otii": "Otii power meters",
    "ppk2": "the Power Profiler Kit II",
    "onnx": "networks from ONNX files",
    "train": "training networks",
    "history": "SQL over all runs",
    "datasets": "the image set mnist",
    "demo": "the smile demo",
}
"""What the extras are for; one that is not here is for who develops qrig."""

_SAME = {"opencv-python-headless": "cv2"}
"""Modules that also come from packages of other names."""


def check_packages() -> Iterator[Finding]:
    """Yield whether qrig's packages are there, and those of every extra."""
    needed = requirements(None)
    absent, unlike, _ = _sort_out(needed)
    missing = (*absent, *unlike)
    fix = ("pip install " + " ".join(f"'{each}'" for each in missing),) if missing else ()
    found = f"{len(needed) - len(missing)} of {len(needed)}"
    verdict = MISSING if absent else WARNING if unlike else GOOD
    yield Finding("Main job", "Python packages", verdict, found, needed=True, fix=fix)
    for extra in PURPOSES:
        yield _extra(extra)


def _extra(extra: str) -> Finding:
    absent, unlike, present = _sort_out(requirements(extra))
    notes: tuple[str, ...] = (f"for {PURPOSES[extra]}",)
    fix = (f"pip install 'qrig[{extra}]'",)
    if absent:
        found = f"no {', '.join(each.name for each in absent)}"
        return Finding("Packages", f"qrig[{extra}]", MISSING, found, notes=notes, fix=fix)
    found = ", ".join(present)
    if unlike:
        notes = (*notes, f"qrig wants {', '.join(map(str, unlike))}")
        return Finding("Packages", f"qrig[{extra}]", WARNING, found, notes=notes, fix=fix)
    return Finding("Packages", f"qrig[{extra}]", GOOD, found)


def requirements(extra: str | None) -> tuple[Requirement, ...]:
    """Return what qrig requires for `extra`, None for what it always does; none of itself.

    In a checkout pyproject.toml says so, else what was installed.
    """
    root = checkout_root()
    if root is not None:
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        lines: Iterable[str] = (
            project["dependencies"]
            if extra is None
            else project["optional-dependencies"].get(extra, ())
        )
        found = [Requirement(line) for line in lines]
    else:
        found = [Requirement(line) for line in metadata.requires("qrig") or ()]
        found = [each for each in found if _is_of(each, extra)]
    return tuple(each for each in found if each.name != "qrig" and _applies(each, extra))


def _is_of(requirement: Requirement, extra: str | None) -> bool:
    """Return whether `extra` and nothing else brings the requirement."""
    if requirement.marker is None:
        return extra is None
    alone = requirement.marker.evaluate({"extra": ""})
    return alone if extra is None else not alone


def _applies(requirement: Requirement, extra: str | None) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra or ""})


def _sort_out(
    wanted: Iterable[Requirement],
) -> tuple[list[Requirement], list[Requirement], list[str]]:
    """Return what is not there, what is there in another version, and texts of all there is."""
    absent, unlike, present = [], [], []
    for requirement in wanted:
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            module = _SAME.get(requirement.name)
            if module is not None and find_spec(module) is not None:
                present.append(module)
            else:
                absent.append(requirement)
            continue
        present.append(f"{requirement.name} {version}")
        if not requirement.specifier.contains(version, prereleases=True):
            unlike.append(requirement)
    return absent, unlike, present
