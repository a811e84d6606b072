"""Which concrete board a target means, and what is said when it is none."""

import tomllib
from pathlib import Path

import pytest

from qrig.backends.probe import ProbeBackend, usb_source
from qrig.backends.probe.choice import Choice, choose
from qrig.backends.probe.instance import DEFAULT_HZ
from qrig.backends.probe.serial_ports import FoundPort, port_of, probe_of
from qrig.backends.probe.source import FoundProbe
from qrig.boards import find_board
from qrig.boards.lab import Lab, LabEntry, read_lab
from qrig.errors import TargetUnavailableError

NONE: tuple[FoundProbe, ...] = ()
ONE = (FoundProbe("066A", "STM32 STLink"),)
TWO = (*ONE, FoundProbe("E6616", "Picoprobe CMSIS-DAP"))
LEFT = LabEntry("left", "nucleo-f746", "066a", unique_id="1" * 24, power_cycle=("true",))
RIGHT = LabEntry("right", "nucleo-f746", "077B", connect_hz=100_000, attached=True)
FAR = LabEntry("far", "nucleo-f429", "remote:rack:5555", "socket://rack:1")


def chosen(
    lab: Lab,
    found: tuple[FoundProbe, ...],
    wanted: str | None = None,
    board: str = "nucleo-f746",
) -> Choice:
    return choose(board, "probe", wanted, lab, lambda: found)


def lab(*entries: LabEntry) -> Lab:
    return Lab(Path("/nowhere/lab.toml"), entries)


def test_without_a_laboratory_the_only_probe_is_meant() -> None:
    (found,) = chosen(Lab(None), ONE).instances
    assert (found.name, found.probe_id, found.key) == ("nucleo-f746@probe", "066A", "066a")
    assert (found.unique_id, found.port, found.connect_hz) == (None, None, DEFAULT_HZ)


def test_the_entries_of_a_board_are_meant_if_their_probes_are_there() -> None:
    both = (*ONE, FoundProbe("077b", "STLink"))
    first, second = chosen(lab(LEFT, RIGHT, FAR), both).instances
    assert (first.name, first.unique_id) == ("nucleo-f746@probe:left", "1" * 24)
    assert (first.power_cycle, first.connect_hz, first.attached) == (("true",), DEFAULT_HZ, False)
    assert (second.name, second.connect_hz, second.attached) == (
        "nucleo-f746@probe:right",
        100_000,
        True,
    )
    assert chosen(lab(LEFT, RIGHT, FAR), ONE).instances == (first,)


def test_a_named_board_is_meant_alone() -> None:
    (found,) = chosen(lab(LEFT, RIGHT), ONE, "left").instances
    assert found.probe_id == "066a"
    absent = chosen(lab(LEFT, RIGHT), ONE, "right")
    assert absent.instances == ()
    assert "077B (right)" in absent.lack


def test_a_remote_probe_counts_as_there() -> None:
    for name in (None, "far"):
        (found,) = chosen(lab(LEFT, FAR), NONE, name, board="nucleo-f429").instances
        assert (found.probe_id, found.port) == ("remote:rack:5555", "socket://rack:1")


def test_a_probe_of_another_board_is_not_taken() -> None:
    left_alone = chosen(lab(LEFT), ONE, board="nucleo-f429")
    assert left_alone.instances == ()
    assert "beside those of other boards" in left_alone.lack
    (found,) = chosen(lab(LEFT), TWO, board="nucleo-f429").instances
    assert found.probe_id == "E6616"


def test_what_was_looked_for_and_found_is_said() -> None:
    cases = [
        (chosen(Lab(None), NONE), ["no debug probe", "USB", "lab.toml", "qrig doctor"]),
        (chosen(Lab(None), TWO), ["several", "066A (STM32 STLink)", "E6616 (Picoprobe CMSIS-DAP)"]),
        (chosen(lab(RIGHT), TWO), ["077B (right)", "066A (STM32 STLink)", "connect the board"]),
        (chosen(lab(LEFT, FAR), ONE, "middle"), ["'middle'", "left (nucleo-f746)", "far (nucleo-"]),
        (chosen(lab(LEFT, FAR), ONE, "far"), ["nucleo-f429", "ask for nucleo-f429@probe:far"]),
    ]
    for choice, words in cases:
        assert choice.instances == ()
        for word in words:
            assert word in choice.lack


@pytest.mark.parametrize("found", [NONE, TWO], ids=["none", "two"])
def test_the_snippet_is_a_laboratory(tmp_path: Path, found: tuple[FoundProbe, ...]) -> None:
    text = "\n".join(line[4:] for line in chosen(Lab(None), found).snippet.splitlines())
    assert len(tomllib.loads(text)["boards"]) == max(1, len(found))
    (tmp_path / "lab.toml").write_text(text)
    assert {entry.board for entry in read_lab(tmp_path / "lab.toml").boards} == {"nucleo-f746"}


def test_without_a_probe_the_backend_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("QRIG_LAB", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(usb_source, "connected_probes", lambda: NONE)
    board = find_board("nucleo-f746")
    backend = ProbeBackend()
    reason = backend.unavailable(board)
    assert reason is not None
    assert "no debug probe is on this machine's USB" in reason
    with pytest.raises(TargetUnavailableError, match=r"\[\[boards\]\]\n +name = "):
        backend.source.candidates(board, None)


def test_without_pyocd_the_backend_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usb_source, "has_pyocd", lambda: False)
    reason = ProbeBackend().unavailable(find_board("nucleo-f746"))
    assert reason == "pyocd is not installed: pip install 'qrig[probe]'"
    with pytest.raises(TargetUnavailableError, match="pip install"):
        usb_source.connected_probes()


PORTS = (
    FoundPort("/dev/ttyACM0", "STLINK-V3", "066a"),
    FoundPort("/dev/ttyUSB0", "FT232R", "A50285BI"),
    FoundPort("/dev/ttyS0", "unnamed"),
)


def test_the_port_of_a_probe_is_found_by_its_serial_number() -> None:
    assert port_of("toy", "066A", PORTS) == "/dev/ttyACM0"
    assert probe_of("/dev/ttyACM0", ["077B", "066A"], PORTS) == "066A"
    assert probe_of("/dev/ttyUSB0", ["077B", "066A"], PORTS) is None
    assert probe_of("/dev/ttyACM9", ["066A"], PORTS) is None


@pytest.mark.parametrize("ports", [PORTS, ()], ids=["others", "none"])
def test_a_probe_without_a_port_is_told_which_there_are(ports: tuple[FoundPort, ...]) -> None:
    with pytest.raises(TargetUnavailableError) as caught:
        port_of("toy@probe", "077B", ports)
    for port in ports:
        assert str(port) in str(caught.value)
    assert "077B" in str(caught.value)
    assert "lab.toml" in str(caught.value)
