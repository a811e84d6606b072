"""board.toml: every board loads; every mistake is named with its file, line and key."""

from pathlib import Path

import pytest

from qrig.boards import board_names, find_board
from qrig.boards.board import read_board
from qrig.errors import FileFormatError, UsageError
from qrig.resources import targets_root
from qrig.runs.targets import find_target, find_targets

BOARD = """\
schema = "qrig-board/1"
name = "toy"
title = "A toy"
core = "cortex-m4"
fpu = "fpv4-sp-d16"
clock_hz = 25_000_000
port = "cmsdk"
backends = ["qemu"]

[memory.code]
origin = 0x0000_0000
size_bytes = 0x0040_0000

[memory.data]
origin = 0x2000_0000
size_bytes = 0x0040_0000
wait_states = 2

[uart]
base = 0x4000_4000
baud = 115_200
rx_interrupt = 0

[counter]
base = 0x4000_0000
hz = 25_000_000

[qemu]
machine = "mps2-an386"
"""


def write(folder: Path, text: str, name: str = "toy") -> Path:
    path = folder / name / "board.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "folder",
    sorted(path.parent for path in targets_root().glob("*/board.toml")),
    ids=lambda path: path.name,
)
def test_every_board_loads(folder: Path) -> None:
    assert folder.name in board_names()
    board = find_board(folder.name)
    assert board == read_board(folder / "board.toml")
    assert board.name == folder.name
    for backend in board.backends:
        target = find_target(f"{board.name}@{backend}")
        assert target.name == f"{board.name}@{backend}"
    if not board.is_native:
        assert board.memory is not None
        assert board.clock_hz > 0


def test_a_board_has_what_its_file_says(tmp_path: Path) -> None:
    board = read_board(write(tmp_path, BOARD))
    assert board.memory
    assert board.uart
    assert (board.memory.code.wait_states, board.memory.data.wait_states) == (0, 2)
    assert board.memory.data.origin == 0x2000_0000
    assert (board.backends, board.uart.baud, board.fpu) == (("qemu",), 115_200, "fpv4-sp-d16")


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("clock_hz =", "clok_hz = 1\nclock_hz =", "clok_hz", "clok_hz: expected a known key"),
        ("baud =", "speed = 1\nbaud =", "speed", "uart.speed: expected a known key"),
        ("wait_states = 2", "waits = 2", "waits", "memory.data.waits: expected a known key"),
        ("[counter]", "[timer]\n[counter]", "[timer]", "timer: expected a known key"),
        ("clock_hz = 25_000_000", "clock_hz = 2.5", "clock_hz", "expected int, found 2.5"),
        ("clock_hz = 25_000_000", "clock_hz = true", "clock_hz", "expected int, found True"),
        ("clock_hz = 25_000_000", "clock_hz = -1", "clock_hz", "clock_hz: .*>= 0: -1"),
        ("baud = 115_200", 'baud = "fast"', "baud", "uart.baud: expected int, found 'fast'"),
        ("baud = 115_200", "baud = 1", "baud", "uart.baud: .*>= 300: 1"),
        ('"A toy"', "7", "title", "title: expected str, found 7"),
        ('"cortex-m4"', '"cortex-m0"', "core", "core: .*must be in"),
        ('"cmsdk"', '"../cmsdk"', "port", "port: .*must match regex"),
        ('"fpv4-sp-d16"', "false", "fpu", "fpu: expected str, found False"),
        ('["qemu"]', '"qemu"', "backends", "backends: expected a list of texts, found 'qemu'"),
        ('["qemu"]', "[1]", "backends", r"backends: expected a list of texts, found \[1\]"),
        ('"qrig-board/1"', '"qrig-board/2"', "schema", "schema: .*must be in"),
        ("size_bytes = 0x0040_0000\nwait", "size_bytes = 0\nwait", "size_bytes = 0\n", ">= 1: 0"),
        ("baud = 115_200\n", "", "[uart]", "uart.baud: expected this key, found none"),
        ('title = "A toy"\n', "", "schema", "title: expected this key, found none"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_file_line_and_key(
    tmp_path: Path, old: str, new: str, line: str, words: str
) -> None:
    assert BOARD.count(old) == 1
    text = BOARD.replace(old, new)
    path = write(tmp_path, text)
    expected = text[: text.index(line)].count("\n") + 1
    with pytest.raises(FileFormatError, match=words) as caught:
        read_board(path)
    assert str(caught.value).startswith(f"{path}:{expected}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "new",
    ["uart = 5\n[unit]", "[[uart]]", "uart = []\n[unit]", "[uart.base]", "[uart]\nbase = {}\n[u]"],
)
def test_a_table_of_another_kind_is_refused(tmp_path: Path, new: str) -> None:
    with pytest.raises(FileFormatError, match=r"board\.toml"):
        read_board(write(tmp_path, BOARD.replace("[uart]", new)))


@pytest.mark.parametrize("table", ["memory", "uart", "counter"])
def test_a_core_needs_its_tables(tmp_path: Path, table: str) -> None:
    start = BOARD.index(f"[{table}")
    end = {"memory": "[uart]", "uart": "[counter]", "counter": "[qemu]"}[table]
    text = BOARD[:start] + BOARD[BOARD.index(end) :]
    with pytest.raises(FileFormatError, match=rf"expected '{table}' for core cortex-m4"):
        read_board(write(tmp_path, text))
    native = text.replace('"cortex-m4"', '"native"')
    assert read_board(write(tmp_path, native)).is_native


@pytest.mark.parametrize(
    "text",
    [
        "name = ",
        "= 1",
        'name = "twice"\n' + BOARD,
        "a = " + "[" * 100_000,
        "a = " + "9" * 5000,
        "a = 2025-02-31",
        "\x00",
    ],
)
def test_what_is_no_toml_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(FileFormatError, match="expected TOML, found a mistake") as caught:
        read_board(write(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_missing_empty_and_binary_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="No such file"):
        read_board(tmp_path / "none" / "board.toml")
    with pytest.raises(FileFormatError, match="an empty file"):
        read_board(write(tmp_path, ""))
    path = write(tmp_path, "")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(FileFormatError, match="as UTF-8 text"):
        read_board(path)


def test_the_name_is_the_folders(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="the name of its folder, 'other', found 'toy'"):
        read_board(write(tmp_path, BOARD, "other"))


def test_a_board_needs_a_backend_or_silicon(tmp_path: Path) -> None:
    idle = BOARD.replace('["qemu"]', "[]")
    with pytest.raises(FileFormatError, match="expected 'silicon'"):
        read_board(write(tmp_path, idle))
    modelled = read_board(write(tmp_path, idle + '\n[silicon]\nsource = "a data sheet"\n'))
    assert modelled.backends == ()
    assert modelled.silicon is not None


@pytest.mark.parametrize(
    ("cache", "message"),
    [
        ("size_bytes = 100\nline_bytes = 32\nways = 2", "ways of 32-byte lines divide"),
        ("size_bytes = 4096\nline_bytes = 24\nways = 2", "line_bytes"),
        ("size_bytes = 4096\nline_bytes = 32\nways = 0", "ways"),
        ("size_bytes = 4096\nline_bytes = 32", "ways"),
    ],
)
def test_a_cache_that_cannot_be_is_refused(tmp_path: Path, cache: str, message: str) -> None:
    text = f'{BOARD}\n[silicon]\nsource = "x"\n[silicon.data_cache]\n{cache}\n'
    with pytest.raises(FileFormatError, match=message):
        read_board(write(tmp_path, text))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mps2-an368", "did you mean mps2-an386"),
        ("hosts", r"did you mean host\?"),
        ("stm32", "found 'stm32'; choose one"),
        ("", "found ''; choose one"),
        ("../targets/host", "found"),
    ],
)
def test_an_unknown_board_is_answered_with_a_suggestion(name: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        find_board(name)
    assert all(board in str(caught.value) for board in board_names())


def test_targets_are_found_once_each_in_order() -> None:
    assert find_target("host").name == "host@native"
    names = [target.name for target in find_targets(["mps2-an500", "host", "mps2-an500@qemu"])]
    assert names == ["mps2-an500@qemu", "host@native"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("host@qemu", r"a backend of host \(native\), found 'qemu'; choose one"),
        ("mps2-an386@", r"a backend of mps2-an386 \(qemu\), found ''"),
        ("mps2-an386@qemu@qemu", "found 'qemu@qemu'"),
        ("@qemu", "expected a board"),
    ],
)
def test_an_unknown_backend_is_answered_with_the_choices(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        find_target(text)
