"""docs/quantization.md: its example runs, its options are those of the command."""

import doctest
import re
from pathlib import Path

import pytest

from qrig.cli import main

PATH = Path(__file__).resolve().parents[1] / "docs" / "quantization.md"


def test_the_example_runs() -> None:
    failed, tried = doctest.testfile(str(PATH), module_relative=False)
    assert (failed, tried) == (0, 8)


def test_options_are_those_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["quantize", "--help"])
    known = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
    named = set(re.findall(r"`(--[a-z-]+)", PATH.read_text(encoding="utf-8")))
    assert named
    assert named <= known
