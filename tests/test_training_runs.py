"""`qrig train` as a user runs it: files, stages, resumption, interruption, divergence."""

from __future__ import annotations

import csv
import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from qrig.cli import main
from qrig.networks.caffe import build_network, read_prototxt, read_weights
from qrig.networks.caffe.solver import read_solver
from qrig.networks.caffe.solverstate import read_solver_state
from qrig.networks.graph import Shape

pytest.importorskip("torch", reason="PyTorch is not installed")

from qrig.training.preparation import Data
from qrig.training.session import Options, Trained, train
from training_commands import run, trained
from training_files import BODY, NORMALISED, Watched, write_net, write_records, write_solver

TESTED = "test_iter: 5 test_interval: 5"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_records(tmp_path)
    write_net(tmp_path)
    return tmp_path


def final(folder: Path, iteration: int, name: str = "solver", suffix: str = "") -> dict[str, Any]:
    """Return every number of the snapshot after `iteration`."""
    stem = folder / f"{name}_iter_{iteration}"
    state = read_solver_state(Path(f"{stem}.solverstate{suffix}"))
    weights = read_weights(Path(f"{stem}.caffemodel{suffix}"))
    numbers = {
        f"{name} {i}": blob for name, blobs in weights.items() for i, blob in enumerate(blobs)
    }
    history = {f"history {i}": blob for i, blob in enumerate(state.history)}
    return {**numbers, **history, "step": state.current_step, "iteration": state.iteration}


def same(first: dict[str, Any], second: dict[str, Any]) -> bool:
    return first.keys() == second.keys() and all(
        np.array_equal(first[name], second[name]) for name in first
    )


def test_a_training_leaves_weights_state_history_and_curve(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    solver = write_solver(folder, TESTED, snapshot=8, display=4)
    assert run("--solver", solver) == 0
    out = folder / "out"
    assert {path.name for path in out.iterdir()} == {
        *(f"solver_iter_{n}.{kind}" for n in (8, 16, 20) for kind in ("caffemodel", "solverstate")),
        *(f"solver_history.{kind}" for kind in ("json", "csv")),
        *(f"solver_curve.{kind}" for kind in ("png", "svg")),
    }
    printed = capsys.readouterr().out
    assert "iteration 20: test loss" in printed
    assert str(out / "solver_iter_20.caffemodel") in printed
    weights = out / "solver_iter_20.caffemodel"
    network = build_network(
        read_prototxt(folder / "net.prototxt"),
        read_weights(weights),
        weights,
        input_shape=Shape(9, 9, 2),
    )
    assert network.output.out_shape == Shape(1, 1, 4)
    document = json.loads((out / "solver_history.json").read_text())
    assert document["schema"] == "qrig-training/1"
    assert document["seed"] == 0
    rows = document["rows"]
    assert [row["iteration"] for row in rows if "test_accuracy" in row] == [0, 5, 10, 15, 20]
    assert [row["iteration"] for row in rows if "train_loss" in row] == [4, 8, 12, 16, 20]
    assert rows[-1]["test_loss"] < rows[0]["test_loss"]
    with (out / "solver_history.csv").open(newline="") as stream:
        table = list(csv.DictReader(stream))
    assert [float(row["iteration"]) for row in table] == [row["iteration"] for row in rows]
    with Image.open(out / "solver_curve.png") as image:
        assert image.width > 500
    svg = (out / "solver_curve.svg").read_text()
    assert "test accuracy" in svg
    assert "train loss" in svg


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("SGD", {"iter_size": 2, "lr_policy": '"step"', "gamma": 0.5, "stepsize": 4}),
        ("Nesterov", {"snapshot_format": "HDF5"}),
        ("AdaGrad", {"momentum": 0}),
        ("RMSProp", {"momentum": 0, "base_lr": 0.01, "snapshot_format": "HDF5"}),
        ("AdaDelta", {"base_lr": 1, "delta": 1e-6}),
        ("Adam", {"base_lr": 0.01, "snapshot_format": "HDF5", "clip_gradients": 1}),
    ],
)
def test_a_resumed_training_ends_bit_for_bit_the_same(
    kind: str, fields: dict[str, Any], folder: Path
) -> None:
    write_net(folder, NORMALISED)
    solver = write_solver(folder, type=f'"{kind}"', max_iter=9, snapshot=4, **fields)
    suffix = ".h5" if "snapshot_format" in fields else ""
    one, two = folder / "one", folder / "two"
    trained(solver, seed=7, out=one)
    trained(solver, seed=7, out=two, resume=one / f"solver_iter_4.solverstate{suffix}")
    assert same(final(one, 9, suffix=suffix), final(two, 9, suffix=suffix))
    trained(solver, seed=8, out=two)
    assert not same(final(one, 9, suffix=suffix), final(two, 9, suffix=suffix))


IMAGES = """
layer { name: "d" type: "Data" top: "data" top: "label"
  transform_param { crop_size: 8 mirror: true scale: 0.01 mean_value: 100 }
  data_param { source: "images.npz" batch_size: 8 } }
"""


def test_random_crops_and_variations_resume_too(folder: Path) -> None:
    rng = np.random.default_rng(1)
    np.savez(
        folder / "images.npz",
        data=rng.integers(0, 256, (30, 10, 9, 2), dtype=np.uint8),
        label=rng.integers(0, 4, 30),
    )
    write_net(folder, data=IMAGES)
    solver = write_solver(folder, max_iter=9, snapshot=4)
    one, two = folder / "one", folder / "two"
    words = ("--solver", solver, "--augment", "flip,shift=1,rotate=5,noise=2,brightness=0.1")
    assert run(*words, "--out", one) == 0
    assert run(*words, "--out", two, "--resume", one / "solver_iter_4.solverstate") == 0
    assert same(final(one, 9), final(two, 9))


def test_two_solvers_are_one_with_a_step(folder: Path) -> None:
    first = write_solver(folder, name="first", max_iter=8, snapshot_prefix=f'"{folder}/two/s"')
    second = write_solver(
        folder, name="second", max_iter=12, base_lr=0.005, snapshot_prefix=f'"{folder}/two/s"'
    )
    whole = write_solver(
        folder, max_iter=12, lr_policy='"multistep"', gamma=0.1, stepvalue=8,
        snapshot_prefix=f'"{folder}/one/s"',
    )  # fmt: skip
    assert run("--solver", first, "--solver", second) == 0
    trained(whole)
    two, one = final(folder / "two", 12, "s"), final(folder / "one", 12, "s")
    assert all(np.allclose(one[name], two[name], atol=1e-6) for name in one if name != "step")
    rows = json.loads((folder / "two" / "s_history.json").read_text())["rows"]
    assert [(row["stage"], row["iteration"]) for row in rows] == [
        *((1, n) for n in range(1, 9)),
        *((2, n) for n in range(9, 13)),
    ]
    words = ("--solver", first, "--solver", second, "--out", folder / "three")
    state = folder / "two" / "s_iter_8.solverstate"
    assert run(*words, "--resume", state) == 0
    assert same(final(folder / "three", 12, "s"), two)


def test_a_solver_that_ends_earlier_starts_again_from_the_weights(folder: Path) -> None:
    first = write_solver(folder, name="first", max_iter=8)
    second = write_solver(folder, name="second", max_iter=3)
    watched = Watched()
    assert trained(first, second, watched=watched).iteration == 3
    assert watched.stages == [("first.prototxt", 0), ("second.prototxt", 0)]
    assert any("starts at iteration 0 from the weights of iteration 8" in x for x in watched.notes)
    alone = folder / "alone"
    weights = folder / "out" / "first_iter_8.caffemodel"
    trained(second, weights=weights, out=alone)
    assert same(final(alone, 3, "second"), final(folder / "out", 3, "second"))


def test_another_kind_of_solver_goes_on_without_history(folder: Path) -> None:
    solvers = [
        write_solver(folder, name="first", max_iter=4),
        write_solver(folder, name="second", max_iter=6, type='"Adam"', base_lr=0.001),
    ]
    watched = Watched()
    assert trained(*solvers, watched=watched).iteration == 6
    assert watched.stages == [("first.prototxt", 0), ("second.prototxt", 4)]
    assert any("without the history of SGD" in note for note in watched.notes)


def stopped(folder: Path, solver: Path, after: int) -> Trained:
    watched = Watched(after)
    options = Options(out=folder, threads=1, arguments=("--threads", "1"))
    return train([read_solver(solver)], Data(), options, watched, watched.stop)


@pytest.mark.parametrize("after", [0, 3, 5])
def test_a_stopped_training_keeps_the_last_whole_iteration(folder: Path, after: int) -> None:
    solver = write_solver(folder, TESTED, max_iter=9)
    found = stopped(folder / "out", solver, after)
    assert found.iteration == after
    assert found.state == folder / "out" / f"solver_iter_{after}.solverstate"
    assert found.weights == folder / "out" / f"solver_iter_{after}.caffemodel"
    assert found.resume_command is not None
    words = shlex.split(found.resume_command)
    assert words[:2] == ["qrig", "train"]
    assert main([*words[1:], "--out", str(folder / "resumed")]) == 0
    trained(solver, out=folder / "whole")
    assert same(final(folder / "resumed", 9), final(folder / "whole", 9))


def test_ctrl_c_writes_a_snapshot_and_says_how_to_resume(folder: Path) -> None:
    solver = write_solver(folder, max_iter=1_000_000, display=1)
    words = [sys.executable, "-m", "qrig", "train", "--threads", "1", "--solver", str(solver)]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert "iteration 1:" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.count("\n") == 1
    state = next((folder / "out").glob("*.solverstate"))
    iteration = read_solver_state(state).iteration
    assert f"interrupted after iteration {iteration}" in errors
    assert f"qrig train --solver {solver} --threads 1 --resume {state}" in errors
    assert not list((folder / "out").glob(".qrig-*"))
    assert (folder / "out" / "solver_history.csv").is_file()


def test_a_diverged_training_names_iteration_snapshot_and_remedy(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    solver = write_solver(folder, TESTED, base_lr=0.02, max_iter=30, snapshot=2)
    assert run("--solver", solver, "--out", folder / "good") == 0
    capsys.readouterr()
    write_solver(folder, TESTED, base_lr=1e12, max_iter=30, snapshot=4)
    state = folder / "good" / "solver_iter_2.solverstate"
    before = state.read_bytes()
    assert run("--solver", solver, "--out", folder / "good", "--resume", state) == 2
    error = capsys.readouterr().err
    assert "the loss of iteration 3 is" in error
    assert f"the last good snapshot is {state}" in error
    assert f"--resume {state}`" in error
    assert error.count("\n") == 1
    assert state.read_bytes() == before
    assert run("--solver", solver, "--out", folder / "bad") == 2
    assert "no snapshot was written before" in capsys.readouterr().err
    assert {path.suffix for path in (folder / "bad").iterdir()} == {".json", ".csv"}


def test_weights_that_are_not_finite_are_never_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    solver = write_solver(folder, base_lr=1e38, weight_decay=1e6, max_iter=1)
    assert run("--solver", solver) == 2
    assert "holds infinite numbers after iteration 0" in capsys.readouterr().err
    assert not list((folder / "out").glob("*.caffemodel"))


def test_without_pytorch_one_sentence_says_what_to_install(folder: Path) -> None:
    solver = write_solver(folder)
    code = (
        "import sys; sys.modules['torch'] = None\n"
        f"from qrig.cli import main; sys.exit(main(['train', '--solver', {str(solver)!r}]))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert found.returncode == 2
    assert "pip install 'qrig[train]'" in found.stderr
    assert found.stderr.count("\n") == 1


def test_a_first_test_can_be_left_out_and_the_last_is_always_made(folder: Path) -> None:
    solver = write_solver(folder, f"{TESTED} test_initialization: false", max_iter=7)
    watched = Watched()
    trained(solver, watched=watched)
    assert [done for done, row in watched.rows if "test_accuracy" in row] == [5, 7]


def test_several_test_nets_have_columns_of_their_own(folder: Path) -> None:
    solver = write_solver(
        folder, 'test_iter: 2 test_iter: 3 test_interval: 9 test_net: "net.prototxt"', max_iter=2
    )
    watched = Watched()
    trained(solver, watched=watched)
    columns = {name for _, row in watched.rows for name in row if name.startswith("test")}
    assert columns == {"test_accuracy", "test_loss", "test1_accuracy", "test1_loss"}


def test_a_test_of_some_records_says_so(folder: Path) -> None:
    watched = Watched()
    trained(write_solver(folder, "test_iter: 2 test_interval: 9", max_iter=1), watched=watched)
    assert watched.notes == ["a test takes 16 records of 40"]


def test_an_interval_of_tests_that_take_no_batch_is_told(folder: Path) -> None:
    """Caffe's solver.cpp asks for test_iter only where a test net is named: it makes no test."""
    solver, watched = write_solver(folder, "test_interval: 2", max_iter=2), Watched()
    trained(solver, watched=watched)
    assert watched.notes == [
        f"{solver}: test_interval 2 without test_iter: no test is made, as in Caffe; give "
        "test_iter, the number of batches of a test"
    ]
    assert not [name for _, row in watched.rows for name in row if name.startswith("test")]


def test_a_smoothed_loss_is_the_mean_of_the_last_ones(folder: Path) -> None:
    write_solver(folder, max_iter=6)
    plain, smooth = Watched(), Watched()
    for watched, average in ((plain, 1), (smooth, 3)):
        trained(write_solver(folder, max_iter=6, average_loss=average), watched=watched)
    wanted = [np.mean(plain.losses[max(0, n - 2) : n + 1]) for n in range(6)]
    assert np.allclose(smooth.losses, wanted)


def test_weights_of_other_layers_stay_and_frozen_ones_do_not_change(folder: Path) -> None:
    solver = write_solver(folder, max_iter=3)
    trained(solver)
    frozen = BODY.replace("param { lr_mult: 1 } param { lr_mult: 2 decay_mult: 0 }", "", 1)
    write_net(
        folder, frozen.replace("convolution_param", "param { lr_mult: 0 } convolution_param", 1)
    )
    weights = folder / "out" / "solver_iter_3.caffemodel"
    trained(solver, weights=weights, out=folder / "next")
    before, after = final(folder / "out", 3), final(folder / "next", 3)
    assert np.array_equal(before["conv1 0"], after["conv1 0"])
    assert not np.array_equal(before["conv1 1"], after["conv1 1"])
