"""Targets by name: board, board@backend, board@backend:instance."""

import pytest

from qrig.errors import TargetUnavailableError, UsageError
from qrig.runs.targets import find_target, find_targets, usable_targets


def test_an_instance_is_part_of_the_name() -> None:
    target = find_target("mps2-an386@qemu:left-2")
    assert target.backend.instance == "left-2"
    assert target.place == target.name == "mps2-an386@qemu:left-2"
    assert find_target("mps2-an386").place == "mps2-an386@qemu"


def test_two_instances_are_two_targets() -> None:
    found = find_targets(["mps2-an386@qemu:a", "mps2-an386@qemu:b", "mps2-an386@qemu:a"])
    assert [target.name for target in found] == ["mps2-an386@qemu:a", "mps2-an386@qemu:b"]


@pytest.mark.parametrize("instance", ["", "A", "a b", "-a", "a/b", "../x", "a" * 65, "a:b", "ä"])
def test_a_bad_instance_is_told(instance: str) -> None:
    with pytest.raises(UsageError, match="instance behind the colon"):
        find_target(f"mps2-an386@qemu:{instance}")


def test_an_unknown_backend_is_told_with_the_choices() -> None:
    with pytest.raises(UsageError, match="a backend of mps2-an386"):
        find_target("mps2-an386@native:a")


def test_what_cannot_be_used_names_what_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert "host@native" in usable_targets()
    assert not any(name.endswith("@qemu") for name in usable_targets())
    with pytest.raises(TargetUnavailableError, match=r"targets that work here: .*host@native"):
        find_target("mps2-an386").check_available()
