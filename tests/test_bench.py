"""The main job: what it writes, what it keeps when a target dies, what it refuses beforehand."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from html.parser import HTMLParser
from pathlib import Path

import attrs
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from hand_made import changed, hand_made
from qrig.backends.qemu import QemuBackend
from qrig.build import Deployment
from qrig.cli import main
from qrig.codegen import make_layout
from qrig.codegen.choose import plan_choices
from qrig.errors import NetworkTooLargeError, TargetCrashedError, UsageError
from qrig.fixedpoint.quantized import QuantizedInnerProduct
from qrig.measure.rows import COLUMNS, MODEL_COLUMNS, SCHEMA_VERSION
from qrig.networks.graph import Shape
from qrig.reports.store import load_run
from qrig.runs.bench import Cell, bench, prepare
from qrig.runs.networks import LoadedNetwork
from qrig.runs.one_shot import run_once
from qrig.runs.targets import find_targets

TARGETS = ["mps2-an386", "mps2-an500"]


class _Counter(HTMLParser):
    """Counts the elements of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: dict[str, int] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] = self.tags.get(tag, 0) + 1


def test_a_run_is_complete(tmp_path: Path) -> None:
    cells = prepare([hand_made()], find_targets(TARGETS))
    result = bench(cells, tmp_path, samples=3)
    rows, run = load_run(result.folder)
    assert result.verdict == run["verdict"] == "bit-exact"
    assert run["status"] == "complete"
    assert len(rows) == 2 * 3 * 5
    assert {column: str(kind) for column, kind in rows.dtypes.items()} == COLUMNS
    assert set(rows["verdict"]) == {"bit-exact"}
    assert (rows["instructions"] > 0).all()
    assert rows["cycles"].isna().all()
    assert rows["latency_us"].isna().all()
    assert (rows["crc32_target"] == rows["crc32_host"]).all()
    metadata = pq.read_schema(result.folder / "layers.parquet").metadata
    assert metadata[b"qrig.schema_version"] == b"%d" % SCHEMA_VERSION
    assert {stamp["target"] for stamp in run["stamps"]} == {"mps2-an386@qemu", "mps2-an500@qemu"}
    stamp = run["stamps"][0]
    assert {"compiler", "compiler_flags", "clock_hz", "semantics", "qemu_version"} <= set(stamp)
    assert [entry["labelled"] for entry in run["accuracy"]] == [3, 3]
    assert all(entry["flash_bytes"] > 0 for entry in run["footprints"])
    counter = _Counter()
    counter.feed((result.folder / "report.html").read_text())
    assert counter.tags["table"] >= 3
    assert counter.tags["svg"] >= 1
    names = {path.name for path in result.folder.iterdir()}
    assert names == {
        "run.json", "layers.parquet", "report.html",
        "instructions-hand-made.png", "instructions-hand-made.svg",
        "model_latency_us_m4-hand-made.png", "model_latency_us_m4-hand-made.svg",
        "model_latency_us_m7-hand-made.png", "model_latency_us_m7-hand-made.svg",
    }  # fmt: skip


def test_the_first_input_has_model_cycles(tmp_path: Path) -> None:
    cells = prepare([hand_made()], find_targets(TARGETS))
    result = bench(cells, tmp_path, samples=2)
    rows, run = load_run(result.folder)
    first, others = rows[rows["input_index"] == 0], rows[rows["input_index"] > 0]
    assert (first[list(MODEL_COLUMNS)] > 0).all(axis=None)
    assert others[list(MODEL_COLUMNS)].isna().all(axis=None)
    assert run["notices"] == []
    assert set(run["models"]) == {"m4", "m7"}
    assert all(stamp["model_m7"] == run["models"]["m7"] for stamp in run["stamps"])
    page = (result.folder / "report.html").read_text()
    assert "cortex-m7 on nucleo-f746 at 216 MHz" in page
    plot = (result.folder / "model_latency_us_m4-hand-made.svg").read_text()
    assert "cortex-m4 on stm32f4-discovery at 168 MHz" in plot


@pytest.mark.parametrize(("option", "modelled"), [([], True), (["--no-profile"], False)])
def test_the_command_models_unless_told_otherwise(
    tmp_path: Path, option: list[str], modelled: bool
) -> None:
    arguments = ["bench", "--target", "mps2-an500", "--samples", "1", "--runs", str(tmp_path)]
    assert main([*arguments, *option]) == 0
    (folder,) = (path.parent for path in tmp_path.glob("*/run.json"))
    rows, run = load_run(folder)
    own = rows[rows["computed_with"].isna()]
    assert own["model_cycles_m7"].notna().all() == modelled
    assert len(own) < len(rows)
    assert rows[rows["computed_with"].notna()]["instructions"].isna().all()
    assert bool(run["models"]) == modelled


def test_a_bench_without_models(tmp_path: Path) -> None:
    result = bench(
        prepare([hand_made()], find_targets(TARGETS[:1])), tmp_path, samples=1, model=False
    )
    assert result.rows[list(MODEL_COLUMNS)].isna().all(axis=None)
    assert result.run["models"] == {}
    assert "model_m7" not in result.run["stamps"][0]


def test_a_target_that_takes_no_profile_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QemuBackend, "unprofiled", lambda self: "its plugins are switched off")
    result = bench(prepare([hand_made()], find_targets(TARGETS[:1])), tmp_path, samples=1)
    assert result.verdict == "bit-exact"
    assert result.rows[list(MODEL_COLUMNS)].isna().all(axis=None)
    assert any("switched off" in notice for notice in result.run["notices"])


def test_the_same_input_costs_the_same_instructions(tmp_path: Path) -> None:
    cells = prepare([hand_made()], find_targets(TARGETS))
    first, second = (bench(cells, tmp_path, samples=2).rows for _ in range(2))
    pd.testing.assert_series_equal(first["instructions"], second["instructions"])


@pytest.mark.parametrize("trace", ["crc", "logits"])
def test_shallower_comparisons(tmp_path: Path, trace: str) -> None:
    cells = prepare([hand_made()], find_targets(TARGETS[:1]))
    rows = bench(cells, tmp_path, samples=2, trace=trace).rows
    output = rows[rows["layer"] == "ip1"]
    assert set(output["verdict"]) == {"bit-exact"}
    others = set(rows[rows["layer"] != "ip1"]["verdict"])
    assert others == ({"bit-exact"} if trace == "crc" else {"not-traced"})


def _wrong(cells: tuple[Cell, ...]) -> tuple[Cell, ...]:
    """Return cells whose deployments expect another weight than they were built with."""
    network = hand_made().quantized
    layer = network.layers[3]
    assert isinstance(layer, QuantizedInnerProduct)
    other = changed(network, 3, weights=np.invert(layer.weights))
    found = []
    for cell in cells:
        assert isinstance(cell.deployment, Deployment)
        layout = attrs.evolve(cell.deployment.layout, network=other)
        found.append(attrs.evolve(cell, deployment=attrs.evolve(cell.deployment, layout=layout)))
    return tuple(found)


@pytest.mark.parametrize("trace", ["full", "crc", "logits"])
def test_a_difference_is_the_verdict(tmp_path: Path, trace: str) -> None:
    cells = _wrong(prepare([hand_made()], find_targets(TARGETS[:1])))
    result = bench(cells, tmp_path, samples=2, trace=trace)
    assert result.verdict == "differs"
    wrong = result.rows[result.rows["verdict"] == "differs"]
    assert set(wrong["layer"]) == {"ip1"}
    assert wrong["first_difference"].str.startswith("y 0, x 0, channel").all()
    assert "ip1" in (result.folder / "report.html").read_text()


def _kill_emulators_of(parent: int, stop: threading.Event) -> None:
    """Kill the first emulator below `parent` a moment after it appears."""
    while not stop.is_set():
        for entry in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = entry.read_text().rpartition(")")[2].split()
                command = (entry.parent / "cmdline").read_bytes()
            except OSError:
                continue
            if int(fields[1]) == parent and b"qemu-system-arm" in command:
                time.sleep(1.0)
                os.kill(int(entry.parent.name), signal.SIGKILL)
                return
        time.sleep(0.02)


def test_a_killed_emulator_keeps_what_was_measured(tmp_path: Path) -> None:
    cells = prepare([hand_made(samples=2000)], find_targets(TARGETS))
    stop = threading.Event()
    killer = threading.Thread(target=_kill_emulators_of, args=(os.getpid(), stop))
    killer.start()
    try:
        with pytest.raises(TargetCrashedError, match=r"mps2-an386@qemu.*SIGKILL"):
            bench(cells, tmp_path, samples=2000, model=False)
    finally:
        stop.set()
        killer.join()
    (folder,) = (path.parent for path in tmp_path.glob("*/run.json"))
    rows, run = load_run(folder)
    assert run["status"] == "failed"
    assert "SIGKILL" in run["error"]
    assert len(rows) >= 5
    assert len(rows) % 5 == 0
    assert "SIGKILL" in (folder / "report.html").read_text()


_LONG_RUN = f"""
import sys, pathlib
sys.path.insert(0, {str(Path(__file__).parent)!r})
from hand_made import hand_made
from qrig.runs.bench import bench, prepare
from qrig.runs.targets import find_targets
cells = prepare([hand_made(samples=2000)], find_targets(["mps2-an386"]))
bench(cells, pathlib.Path(sys.argv[1]), samples=2000)
"""


def test_a_killed_harness_keeps_what_was_measured(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", _LONG_RUN, str(tmp_path)])
    journal = None
    while journal is None or journal.stat().st_size < 20_000:
        assert child.poll() is None
        time.sleep(0.02)
        journal = next(tmp_path.glob("*/layers.jsonl"), None)
    child.kill()
    child.wait()
    rows, run = load_run(journal.parent)
    assert run["status"] == "running"
    assert len(rows) > 10
    assert set(rows["verdict"]) == {"bit-exact"}


def test_a_network_that_does_not_fit_is_refused_with_its_map(tmp_path: Path) -> None:
    network = hand_made().quantized
    wide = Shape(1, 1, 60_000)
    layer = QuantizedInnerProduct(
        "ip1", ("pool1",), network.layers[2].out_shape, wide, 0,
        np.zeros((60_000, 96), np.int8), np.zeros(60_000, np.int8), 0, 0,
    )  # fmt: skip
    large = attrs.evolve(network, layers=(*network.layers[:3], layer))
    targets = find_targets(TARGETS)
    with pytest.raises(NetworkTooLargeError) as caught:
        prepare([LoadedNetwork("large", large)], targets)
    text = str(caught.value)
    assert "bytes too many in flash" in text
    layout = make_layout(large, plan_choices(large, "cortex-m4", memories=targets[0].board.memory))
    assert f"{layout.weight_bytes:,} bytes" in text
    assert layout.weight_bytes > 60_000 * 97
    assert "of 4,194,304" in text
    assert not list(tmp_path.iterdir())


def test_no_inputs_are_refused(tmp_path: Path) -> None:
    cells = prepare([hand_made(samples=0)], find_targets(TARGETS[:1]))
    with pytest.raises(UsageError, match="give --input FILE"):
        bench(cells, tmp_path)
    assert not list(tmp_path.iterdir())


def test_one_shot_document() -> None:
    loaded = hand_made()
    (target,) = find_targets(TARGETS[:1])
    document = json.loads(json.dumps(run_once(target, loaded, loaded.samples[0])))
    assert document["target"] == "mps2-an386@qemu"
    assert document["verdict"] == "bit-exact"
    assert [layer["name"] for layer in document["layers"]] == [
        "data", "conv1", "relu1", "pool1", "ip1",
    ]  # fmt: skip
    for layer in document["layers"]:
        assert layer["match"]
        assert layer["cycles"] is None
        assert (layer["instructions"] or 0) > 0 or layer["computed_with"] == "conv1"
        assert len(layer["shape"]) == 3
        assert layer["crc32"] == layer["crc32"].lower()
        assert len(layer["crc32"]) == 8
    assert len(document["logits"]) == 5
    assert document["top1"] == document["logits"].index(max(document["logits"]))
