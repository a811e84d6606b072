"""lab.toml: what it says is what is used; every mistake is named with its file, line and key."""

from pathlib import Path

import pytest

from qrig.boards.lab import Lab, LabEntry, entry_snippet, find_lab, lab_path, read_lab
from qrig.errors import FileFormatError

LAB = """\
schema = "qrig-lab/1"

[[boards]]
name = "left"
board = "nucleo-f746"
probe = "066DFF515049657187212124"
port = "/dev/serial/by-id/left"
unique_id = "0028003A3137510E33363431"
power_cycle = ["uhubctl", "-a", "cycle", "-p", "2"]
attached = true
connect_hz = 1_000_000

[[boards]]
name = "far"
board = "nucleo-f429"
probe = "remote:rack-3:5555"
port = "rfc2217://rack-3:4000"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "lab.toml"
    path.write_text(text)
    return path


def test_a_laboratory_has_what_its_file_says(tmp_path: Path) -> None:
    lab = read_lab(write(tmp_path, LAB))
    left, far = lab.boards
    assert left == LabEntry(
        "left",
        "nucleo-f746",
        "066DFF515049657187212124",
        "/dev/serial/by-id/left",
        "0028003a3137510e33363431",
        ("uhubctl", "-a", "cycle", "-p", "2"),
        attached=True,
        connect_hz=1_000_000,
    )
    assert (far.port, far.is_remote, far.attached) == ("rfc2217://rack-3:4000", True, False)
    assert lab.of("nucleo-f429") == (far,)
    assert lab.of("nucleo-f767") == ()


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("qrig-lab/1", "qrig-lab/2", 'schema = "qrig-lab/2"', "schema: expected"),
        ("attached = true", "atached = true", "atached", "atached: expected a known key"),
        ("attached = true", 'attached = "yes"', "attached", "attached: expected bool"),
        ("connect_hz = 1_000_000", "connect_hz = 12", "connect_hz", "from 1,000 to 50,000,000"),
        ("connect_hz = 1_000_000", "connect_hz = true", "connect_hz", "expected int"),
        ('name = "far"', 'name = "left"', 'name = "left"', "another name than that of 'left'"),
        ('name = "far"', 'name = "Far!"', "Far!", "name: expected"),
        ('name = "far"', "", "[[boards]]", "boards.name: expected this key"),
        ("nucleo-f429", "nucleo-f999", "nucleo-f999", "found 'nucleo-f999'"),
        ("remote:rack-3:5555", "remote:rack-3", "remote:rack-3", "must be remote:host:port"),
        ("remote:rack-3:5555", "066dff515049657187212124", "066dff", "another probe than that of"),
        ('port = "rfc2217://rack-3:4000"', "", "remote:", "expected a port, rfc2217://"),
        ("rfc2217://rack-3:4000", "/dev/serial/by-id/left", "by-id", "another port than that of"),
        ("0028003A3137510E33363431", "28003A", "28003A", "unique_id: expected"),
        ('["uhubctl", "-a"', '["", "-a"', "power_cycle", "must be a command"),
        ('["uhubctl", "-a"', '[7, "-a"', "power_cycle", "expected a list of texts"),
        (
            'port = "rfc2217://rack-3:4000"',
            'port = "rfc2217://r:1"\nunique_id = "0028003a3137510e33363431"',
            "unique_id",
            "another unique_id than that of 'left'",
        ),
    ],
)
def test_mistakes_are_named_with_their_line(
    tmp_path: Path, old: str, new: str, line: str, words: str
) -> None:
    text = LAB.replace(old, new)
    path = write(tmp_path, text)
    with pytest.raises(FileFormatError) as caught:
        read_lab(path)
    message = str(caught.value)
    numbers = [number for number, each in enumerate(text.splitlines(), start=1) if line in each]
    assert f"{path}:{numbers[-1]}: " in message
    assert words in message


@pytest.mark.parametrize(
    "text", ["boards = 3", "boards = [3]", "schema = ", "[[boards]\n", "x" * 9]
)
def test_what_is_no_laboratory_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(FileFormatError, match=r"lab\.toml"):
        read_lab(write(tmp_path, f'schema = "qrig-lab/1"\n{text}\n'))


def test_entries_in_one_line_are_read_too(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        'schema = "qrig-lab/1"\n'
        'boards = [{name = "a", board = "nucleo-f746", probe = "7", port = "loop://"}]\n',
    )
    assert read_lab(path).boards == (LabEntry("a", "nucleo-f746", "7", "loop://"),)


def test_a_port_has_one_entry_whatever_it_is_called(tmp_path: Path) -> None:
    device = tmp_path / "ttyACM0"
    device.touch()
    link = tmp_path / "by-id"
    link.symlink_to(device)
    text = LAB.replace("/dev/serial/by-id/left", str(device)).replace(
        "rfc2217://rack-3:4000", str(link)
    )
    with pytest.raises(FileFormatError, match="another port"):
        read_lab(write(tmp_path, text))


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="at most"):
        read_lab(write(tmp_path, LAB + "#" * (1 << 20)))


def test_the_file_is_looked_for_where_the_user_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("QRIG_LAB", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert lab_path() == tmp_path / "qrig" / "lab.toml"
    assert find_lab() == Lab(None)
    (tmp_path / "qrig").mkdir()
    write(tmp_path / "qrig", LAB)
    assert len(find_lab().boards) == 2
    monkeypatch.setenv("QRIG_LAB", str(tmp_path / "none.toml"))
    with pytest.raises(FileFormatError, match=r"none\.toml"):
        find_lab()


def test_a_snippet_reads_as_the_entry_it_is_of(tmp_path: Path) -> None:
    entries = read_lab(write(tmp_path, LAB)).boards
    text = 'schema = "qrig-lab/1"\n' + "\n".join(map(entry_snippet, entries))
    assert read_lab(write(tmp_path, text)).boards == entries
