"""What `qrig doctor` says of lab.toml, and of boards that earlier runs left in a bad state."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from made_up_machine import Machine, as_nobody, forbid, made_up
from qrig.boards.instance_state import StateFile
from qrig.boards.lock import BoardLock
from qrig.boards.state_folder import instance_key, instances_root
from qrig.runs.doctor_checks.condition import check_condition
from qrig.runs.doctor_checks.finding import Finding
from qrig.runs.doctor_checks.laboratory import check_laboratory

NUCLEO = "066DFF495056805087072142"
DESK = f"""schema = "qrig-lab/1"
[[boards]]
name = "desk"
board = "nucleo-f746"
probe = "{NUCLEO}"
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    monkeypatch.setenv("QRIG_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("QRIG_LAB", str(tmp_path / "lab.toml"))
    with made_up() as found:
        yield found


def write_lab(tmp_path: Path, text: str) -> None:
    (tmp_path / "lab.toml").write_text(text)


def lab(machine: Machine) -> list[Finding]:
    return list(check_laboratory(machine.root))


def note(probe: str) -> StateFile:
    return StateFile(instances_root(), instance_key(probe), lambda text: None)


def test_no_lab_is_good(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QRIG_LAB")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (found,) = lab(machine)
    assert (found.name, found.verdict) == ("lab.toml", "good")
    assert str(tmp_path / "qrig" / "lab.toml") in found.found


def test_a_lab_that_is_named_and_not_there_is_told(machine: Machine, tmp_path: Path) -> None:
    (found,) = lab(machine)
    assert (found.verdict, found.forbids) == ("warning", False)
    assert str(tmp_path / "lab.toml") in found.notes[0]


def test_a_mistake_in_the_lab_is_told_with_its_line(machine: Machine, tmp_path: Path) -> None:
    write_lab(tmp_path, DESK.replace("probe =", "prob ="))
    (found,) = lab(machine)
    assert found.verdict == "warning"
    assert f"{tmp_path / 'lab.toml'}:2" in found.notes[0]


def test_a_board_whose_probe_and_port_are_there_is_good(machine: Machine, tmp_path: Path) -> None:
    write_lab(tmp_path, DESK)
    machine.usb("1-2", "0483:374b", serial=NUCLEO, ports=("ttyACM3",))
    head, found = lab(machine)
    assert (head.verdict, head.found) == ("good", f"{tmp_path / 'lab.toml'}, 1 board")
    assert (found.name, found.verdict) == ("desk", "good")
    assert found.found == f"nucleo-f746, probe {NUCLEO}, ttyACM3"


def test_the_case_of_a_probes_id_does_not_matter(machine: Machine, tmp_path: Path) -> None:
    write_lab(tmp_path, DESK.replace(NUCLEO, NUCLEO.lower()))
    machine.usb("1-2", "0483:374b", serial=NUCLEO, ports=("ttyACM3",))
    assert lab(machine)[1].verdict == "good"


def test_a_board_whose_probe_is_not_there_is_told(machine: Machine, tmp_path: Path) -> None:
    write_lab(tmp_path, DESK)
    machine.usb("1-2", "0483:374b", serial="another", ports=("ttyACM3",))
    _, found = lab(machine)
    assert (found.verdict, found.notes) == ("warning", (f"no probe {NUCLEO} on USB",))
    assert str(tmp_path / "lab.toml") in found.fix[0]


def test_a_probe_without_a_port_wants_one_named(machine: Machine, tmp_path: Path) -> None:
    write_lab(tmp_path, DESK.replace("nucleo-f746", "stm32f4-discovery"))
    machine.usb("1-2", "0483:3748", serial=NUCLEO)
    _, found = lab(machine)
    assert found.verdict == "warning"
    assert "port = ..." in found.notes[0]
    write_lab(tmp_path, DESK + 'port = "/dev/ttyUSB0"\n')
    _, found = lab(machine)
    assert found.notes == ("there is no /dev/ttyUSB0",)
    machine.write("dev/ttyUSB0")
    assert lab(machine)[1].verdict == "good"


def test_a_port_without_permission_is_told(machine: Machine, tmp_path: Path) -> None:
    machine.usb("1-2", "0483:3748", serial=NUCLEO)
    forbid(machine.write("dev/ttyUSB0"))
    place = machine.write("lab.toml", DESK + 'port = "/dev/ttyUSB0"\n')
    with pytest.MonkeyPatch.context() as patch, as_nobody():
        patch.setenv("QRIG_LAB", str(place))
        _, found = lab(machine)
    assert found.notes == ("no permission for /dev/ttyUSB0",)


def test_what_is_on_another_machine_is_not_looked_for(machine: Machine, tmp_path: Path) -> None:
    far = (
        DESK.replace(NUCLEO, "remote:bench.example:5555")
        + 'port = "rfc2217://bench.example:2217"\n'
    )
    write_lab(tmp_path, far)
    _, found = lab(machine)
    assert found.verdict == "good"
    assert found.found.endswith("(on another machine, not looked for)")


def test_boards_in_a_good_state_are_good(machine: Machine, tmp_path: Path) -> None:
    write_lab(tmp_path, DESK)
    note(NUCLEO).mark_flashed("0123456789abcdef", None)
    (found,) = check_condition()
    assert (found.verdict, found.found) == ("good", "no board is wedged or half-written")
    with BoardLock(instances_root(), instance_key(NUCLEO), "desk", "qrig bench") as lock:
        assert lock.try_acquire()
        (found,) = check_condition()
    assert found.found == "no board is wedged or half-written, 1 in use"


def test_a_wedged_board_says_why_and_how_it_is_recovered(machine: Machine, tmp_path: Path) -> None:
    write_lab(tmp_path, DESK)
    note(NUCLEO).mark_wedged("no answer after reset and power cycle")
    (found,) = check_condition()
    assert (found.verdict, found.found, found.forbids) == ("warning", "desk", False)
    assert "no answer after reset and power cycle (since 20" in found.notes[0]
    assert found.fix == ("qrig targets --recover nucleo-f746@probe:desk",)


def test_half_written_flash_needs_nothing_to_be_done(machine: Machine, tmp_path: Path) -> None:
    write_lab(tmp_path, DESK)
    note(NUCLEO).mark_dirty("flashing 0123456789abcdef")
    (found,) = check_condition()
    assert (found.verdict, found.fix) == ("warning", ())
    assert "flashing 0123456789abcdef" in found.notes[0]
    assert "the next run writes it anew" in found.notes[0]


def test_a_board_of_no_lab_is_told_by_its_file(machine: Machine, tmp_path: Path) -> None:
    note(NUCLEO).mark_wedged("nothing helped")
    (found,) = check_condition()  # QRIG_LAB names no file: told of elsewhere
    assert found.found == NUCLEO.lower()
    assert "board@probe" not in found.fix[0]


def test_a_broken_note_counts_as_half_written(machine: Machine, tmp_path: Path) -> None:
    place = instances_root() / f"{instance_key(NUCLEO)}.json"
    place.parent.mkdir(parents=True)
    place.write_text("{")
    (found,) = check_condition()
    assert found.verdict == "warning"
    assert "broken file" in found.notes[0]
