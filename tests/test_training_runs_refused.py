"""What a training cannot begin with: options, states and nets, each refused in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")

from training_commands import run, trained
from training_files import BODY, NORMALISED, write_net, write_records, write_solver

TESTED = "test_iter: 5 test_interval: 5"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_records(tmp_path)
    write_net(tmp_path)
    return tmp_path


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """Run what has to be refused in one sentence; returns it."""
    assert run(*words) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


def test_what_does_not_go_together_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    solver = write_solver(folder, max_iter=4, snapshot=2)
    assert run("--solver", solver) == 0
    capsys.readouterr()
    out = folder / "out"
    state, weights = out / "solver_iter_4.solverstate", out / "solver_iter_4.caffemodel"
    words = ("--solver", solver, "--resume", state)
    assert "found both" in refused(capsys, *words, "--weights", weights)
    assert "expected a state before iteration 4" in refused(capsys, *words)
    assert "--augment: expected flip" in refused(capsys, "--solver", solver, "--augment", "spin")
    assert "--augment: expected a number" in refused(
        capsys, "--solver", solver, "--augment", "shift=x"
    )
    (folder / "file").write_text("")
    assert "expected --data with --labels" in refused(
        capsys, "--solver", solver, "--labels", folder / "file"
    )
    assert "found that it cannot be made" in refused(
        capsys, "--solver", solver, "--out", folder / "file" / "x"
    )


def test_a_wrong_state_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    solver = write_solver(folder, max_iter=4, snapshot=2)
    trained(solver)
    out = folder / "out"
    state, later = out / "solver_iter_2.solverstate", out / "solver_iter_4.solverstate"
    words = ("--solver", solver, "--resume")
    write_solver(folder, max_iter=4, type='"Adam"')
    wanted = "expected 12 history blobs for solver Adam and this network, found 6"
    assert wanted in refused(capsys, *words, state)
    write_net(folder, BODY.replace("num_output: 5", "num_output: 6"))
    write_solver(folder, max_iter=4)
    assert "conv2, blob 0" in refused(capsys, *words, state)
    write_net(folder, NORMALISED)
    assert "expected blobs for layer 'conv'" in refused(capsys, *words, state)
    state.with_suffix(".caffemodel").unlink()
    assert "expected the weights" in refused(capsys, *words, state)
    (out / "solver_history.json").write_text("[]")
    write_net(folder)
    write_solver(folder, max_iter=6)
    assert "expected the history of a training" in refused(capsys, *words, later)


def test_a_net_without_loss_or_weights_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    solver = write_solver(folder)
    net = folder / "net.prototxt"
    text = net.read_text()
    net.write_text("".join(text.partition('layer { name: "loss"')[:1]))
    assert "expected a layer with a loss" in refused(capsys, "--solver", solver)
    write_net(folder, 'layer { name: "f" type: "Flatten" bottom: "data" top: "ip" }')
    assert "nothing to train" in refused(capsys, "--solver", solver)
