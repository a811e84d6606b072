"""What `qrig doctor` says of Python packages."""

import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from path_programs import is_installed
from qrig.resources import checkout_root
from qrig.runs.doctor_checks import packages


def test_all_packages_qrig_needs_are_there() -> None:
    found = {finding.name: finding for finding in packages.check_packages()}
    needed = packages.requirements(None)
    assert found["Python packages"].verdict == "good"
    assert found["Python packages"].found == f"{len(needed)} of {len(needed)}"
    assert {"numpy", "rich", "pytest"} <= {requirement.name for requirement in needed}
    assert "qrig" not in {requirement.name for requirement in packages.requirements("train")}


def test_every_extra_is_for_something() -> None:
    root = checkout_root()
    assert root is not None
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert set(project["optional-dependencies"]) - {"dev"} == set(packages.PURPOSES)


@pytest.mark.parametrize("extra", packages.PURPOSES)
def test_an_extra_is_good_if_its_packages_are_there(extra: str) -> None:
    found = {finding.name: finding for finding in packages.check_packages()}[f"qrig[{extra}]"]
    names = [requirement.name for requirement in packages.requirements(extra)]
    assert not found.needed
    if all(map(is_installed, names)):
        assert found.verdict in ("good", "warning")
        assert all(f"{name} {metadata.version(name)}" in found.found for name in names)
    else:
        assert found.verdict == "missing"
        assert found.fix == (f"pip install 'qrig[{extra}]'",)


def lay_out(folder: Path, requires: str) -> None:
    """Write the metadata of an installed qrig, as pip leaves it."""
    record = folder / "qrig-9.dist-info"
    record.mkdir()
    (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: qrig\nVersion: 9\n{requires}\n")


def test_an_installed_qrig_knows_its_extras(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_out(
        tmp_path,
        "Requires-Dist: attrs>=23.2\n"
        "Requires-Dist: tomli; python_version < '3.0'\n"
        "Provides-Extra: probe\n"
        "Requires-Dist: pyocd<0.47,>=0.46; extra == 'probe'\n"
        "Provides-Extra: virtual\n"
        "Requires-Dist: qrig[probe]; extra == 'virtual'\n"
        "Requires-Dist: no-such-package>=2; extra == 'virtual'\n",
    )
    monkeypatch.setattr(packages, "checkout_root", lambda: None)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert [str(each.name) for each in packages.requirements(None)] == ["attrs"]
    assert [str(each.specifier) for each in packages.requirements("probe")] == ["<0.47,>=0.46"]
    assert [each.name for each in packages.requirements("virtual")] == ["no-such-package"]
    found = {finding.name: finding for finding in packages.check_packages()}["qrig[virtual]"]
    assert (found.verdict, found.found) == ("missing", "no no-such-package")
    assert found.notes == ("for virtual boards (@virtual)",)


def test_another_version_than_wanted_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    have = metadata.version("numpy")
    lay_out(tmp_path, f"Requires-Dist: numpy>{have}\nRequires-Dist: rich")
    monkeypatch.setattr(packages, "checkout_root", lambda: None)
    monkeypatch.syspath_prepend(str(tmp_path))
    found = next(packages.check_packages())
    assert (found.verdict, found.found) == ("warning", "1 of 2")
    assert found.fix == (f"pip install 'numpy>{have}'",)
