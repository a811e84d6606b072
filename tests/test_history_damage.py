"""Folders of runs with damaged files in them: no damage keeps the others from being read."""

import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from full_runs import FULL_RUN
from made_runs import LAYERS, MadeCell, scaled, write_run
from qrig.cli import main

OLD, NEW, WHOLE = "20260101-000000-aaaa", "20260102-000000-bbbb", "20260103-000000-cccc"
SIZES = {"flash_bytes": 60_000, "ram_bytes": 9_000}
MEASURED = MadeCell(
    lambda layer, index: {
        "cycles": LAYERS[layer] + index,
        "energy_uj": float(LAYERS[layer] + index),
        "energy_source": "ppk2:1",
    },
    network="measured",
    inputs=8,
    sizes=SIZES,
)

STRANGE: list[Any] = [
    *(None, True, 0, -1, 1e308, float("nan"), float("inf"), 10**30, "", "x", "[bold]x[/]"),
    *("\n\x1b[31m", "\ud800", [], [None], {}, {"a": 1}, [[]], "2026", "complete", "running"),
    *("0001-01-01", "9999-12-31T23:59:59+14:00", [{"target": 5}]),
]


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    write_run(folder, OLD, MadeCell(sizes=SIZES), MEASURED)
    write_run(folder, NEW, MadeCell(scaled({"conv2": 1.01}), sizes=SIZES), MEASURED)
    write_run(folder, WHOLE, MadeCell(sizes=SIZES))
    return folder


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the way to everything in a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        yield (*path, key)
        if isinstance(inner, dict | list):
            yield from places(inner, (*path, key))


def strange_values(path: Path, chance: random.Random) -> None:
    document = json.loads(path.read_text())
    for _ in range(chance.choice([1, 1, 3])):
        *way, last = chance.choice(list(places(document)))
        inner = document
        for key in way:
            inner = inner[key]
        inner[last] = chance.choice(STRANGE)
    path.write_text(json.dumps(document))


def strange_bytes(path: Path, chance: random.Random) -> None:
    data = bytearray(path.read_bytes())
    for _ in range(chance.choice([1, 5, 50])):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data[: chance.randrange(len(data))] if chance.random() < 0.3 else data)


DAMAGES: dict[str, tuple[str, Callable[[Path, random.Random], None]]] = {
    "values of run.json": ("{run}/run.json", strange_values),
    "values of the index": ("index/{run}.json", strange_values),
    "bytes of run.json": ("{run}/run.json", strange_bytes),
    "bytes of the index": ("index/{run}.json", strange_bytes),
    "bytes of the table": ("{run}/layers.parquet", strange_bytes),
}


@pytest.mark.parametrize("times", [3, pytest.param(60, marks=FULL_RUN)])
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_files(
    runs: Path, damage: str, times: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(damage)
    name, spoil = DAMAGES[damage]
    for _ in range(times):
        folder = tmp_path / "damaged"
        shutil.copytree(runs, folder)
        run = chance.choice([OLD, NEW])
        spoil(folder / name.format(run=run), chance)
        check_history(folder, capsys)
        junit = ("--junit", str(tmp_path / "j.xml"))
        assert ask(folder, "compare", OLD, NEW, "--all", *junit) in (0, 1, 2, 4)
        assert ask(folder, "compare", WHOLE, WHOLE) == 0
        assert "\x1b" not in capsys.readouterr().out
        shutil.rmtree(folder)


def ask(runs: Path, *arguments: str) -> int:
    return main([*arguments, "--runs", str(runs)])


def check_history(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Hold that the whole run is in every answer."""
    for options in ((), ("--layer", "conv2"), ("--json", "-")):
        assert ask(folder, "history", *options) == 0
        output = capsys.readouterr().out
        assert WHOLE in output.replace("\n", "") or "--layer" in options
        assert "\x1b" not in output
    assert "NaN" not in output
    assert ask(folder, "history", "--check") in (0, 1)
    assert WHOLE not in capsys.readouterr().out


def test_what_is_no_run_is_left_out(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (runs / "loop").symlink_to("loop")
    (runs / "file").write_text("x")
    (runs / "empty").mkdir()
    nameless = runs / "bad\udcff"
    shutil.copytree(runs / OLD, nameless)
    assert ask(runs, "history") == 0
    assert "3 runs, 5 of a network on a target" in capsys.readouterr().out
    assert ask(runs, "history", "--check") == 0
    assert ask(runs, "compare", "last", "loop") == 2
    assert ask(runs, "compare", "empty", "last") == 4
