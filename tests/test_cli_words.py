"""What the command line says to words that are no numbers, and to Ctrl-C."""

import argparse
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from qrig.cli import main

WORDS = ["", "x", "nan", "inf", "-1", "1e999", "9" * 5000, "0x10", "²", "1x2", "1/0", "axbxc"]


def parser() -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = sys.modules["qrig.cli.main"]._parser()
    return made


def commands() -> dict[str, argparse.ArgumentParser]:
    for action in parser()._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    raise AssertionError("no commands")


def typed() -> Iterator[tuple[str, str, Any]]:
    """Every option with a type of our own: command, option, type."""
    for name, command in commands().items():
        for action in command._actions:
            if getattr(action.type, "__module__", "").startswith("qrig."):
                yield name, max(action.option_strings, default=action.dest), action.type


def test_there_are_options_with_types() -> None:
    found = {(command, option) for command, option, _ in typed()}
    assert {("quantize", "--tolerance"), ("quantize", "--images"), ("train", "--seed")} <= found
    assert {("tune", "--ram"), ("bench", "--input-shape"), ("quantize", "--scale")} <= found


@pytest.mark.parametrize(("command", "option", "read"), list(typed()))
@pytest.mark.parametrize("word", WORDS)
def test_a_word_that_does_not_fit_gets_a_sentence(
    command: str, option: str, read: Any, word: str
) -> None:
    said = "expected something, found nothing"  # a word that fits
    try:
        read(word)
    except argparse.ArgumentTypeError as error:
        said = str(error)
    assert "expected " in said
    assert ", found " in said
    assert len(said) < 300


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["quantize", "--tolerance", "abc"],
            "a number from 0 to 100 percentage points, found 'abc'",
        ),
        (["quantize", "--images", "few"], "a whole number of 1 or more, found 'few'"),
        (["quantize", "--input-shape", "32x32"], "HxWxC like 32x32x3, found '32x32'"),
        (["train", "--solver", "s", "--seed", "-3"], "a whole number of 0 or more, found '-3'"),
        (["augment", "d", "--out", "o", "--count", "1.5"], "of 1 or more, found '1.5'"),
        (["bench", "--samples", "0"], "a whole number of 1 or more, found '0'"),
        (["convert", "n", "--out", "o", "--batch", "70000"], "from 1 to 65,535, found '70000'"),
    ],
)
def test_the_sentence_reaches_the_user(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert "invalid _" not in error


KEEP = {"bench": "what was measured is kept", "profile": "what was measured is kept"}


@pytest.mark.parametrize(
    ("words", "interrupted"),
    [
        (["quantize", "--network", "lenet-mnist"], "quantize.load_float"),
        (["run", "--target", "host@native", "--input", "i"], "main.choose_kernels"),
        (["tune"], "tune.load_networks"),
        (["bench", "--target", "host@native"], "main.load_networks"),
        (["profile", "--target", "mps2-an386"], "profile.load_networks"),
        (["profile", "--diff", "a", "b"], "profile.json_file"),
        (["networks"], "main._networks"),
    ],
)
def test_an_interrupted_command_says_what_is_kept(
    words: list[str],
    interrupted: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module, name = interrupted.split(".")

    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules[f"qrig.cli.{module}"], name, interrupt)
    assert main(words) == 130
    kept = None if "--diff" in words else KEEP.get(words[0])
    expected = "qrig: interrupted" if kept is None else f"qrig: interrupted; {kept}"
    assert capsys.readouterr().err == f"{expected}\n"
