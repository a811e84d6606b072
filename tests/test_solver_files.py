"""Solver files and solver states: what they say, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from qrig.errors import FileFormatError, InputError, UsageError
from qrig.networks.caffe.schema import message
from qrig.networks.caffe.solver import read_net, read_solver
from qrig.networks.caffe.solverstate import (
    SolverState,
    learned_net,
    read_solver_state,
    write_solver_state,
)
from real_models import MODELS, requires_models

BASE = 'net: "net.prototxt"\nbase_lr: 0.01\nlr_policy: "fixed"\nmax_iter: 100\n'
NET = 'layer { name: "i" type: "Input" top: "data" }'


def solver(folder: Path, text: str) -> Path:
    (folder / "solver.prototxt").write_text(text)
    return folder / "solver.prototxt"


@requires_models
@pytest.mark.parametrize(
    ("path", "kind", "policy", "rate", "iterations", "tests"),
    [
        ("caffe_examples/cifar10/cifar10_quick_solver", "SGD", "fixed", 0.001, 4000, [100]),
        ("caffe_examples/cifar10/cifar10_quick_solver_lr1", "SGD", "fixed", 0.0001, 5000, [100]),
        ("caffe_examples/cifar10/cifar10_full_solver", "SGD", "fixed", 0.001, 60000, [100]),
        ("caffe_examples/cifar10/cifar10_full_solver_lr1", "SGD", "fixed", 0.0001, 65000, [100]),
        ("caffe_examples/cifar10/cifar10_full_solver_lr2", "SGD", "fixed", 0.00001, 70000, [100]),
        ("caffe_examples/mnist/lenet_solver", "SGD", "inv", 0.01, 10000, [100]),
        ("caffe_examples/mnist/lenet_multistep_solver", "SGD", "multistep", 0.01, 10000, [100]),
        ("caffe_examples/mnist/lenet_adadelta_solver", "AdaDelta", "fixed", 1.0, 10000, [100]),
        ("caffe_examples/mnist/lenet_solver_adam", "Adam", "fixed", 0.001, 10000, [100]),
        ("caffe_examples/mnist/lenet_solver_rmsprop", "RMSProp", "inv", 0.01, 10000, [100]),
        ("openmv/cifar10_fast/cifar10_fast_solver", "SGD", "multistep", 0.001, 70000, [100]),
        ("openmv/lenet/lenet_solver", "SGD", "inv", 0.01, 10000, [100]),
        ("openmv/smile/smile_solver", "SGD", "step", 0.01, 60000, [30]),
    ],
)
def test_published_solvers_read_and_find_their_nets(
    path: str, kind: str, policy: str, rate: float, iterations: int, tests: list[int]
) -> None:
    assert MODELS
    found = read_solver(MODELS / f"{path}.prototxt")
    assert (found.type, found.lr_policy, found.base_lr, found.max_iter) == (
        kind, policy, rate, iterations,
    )  # fmt: skip
    assert [reference.iterations for reference in found.tests] == tests
    for reference in (found.train, *found.tests):
        assert read_net(found, reference).net.layer


def test_every_field_has_caffes_default(tmp_path: Path) -> None:
    found = read_solver(solver(tmp_path, BASE))
    assert found.type == "SGD"
    assert (found.momentum, found.momentum2, found.rms_decay) == (0, 0.999, 0.99)
    assert (found.delta, found.weight_decay, found.regularization_type) == (1e-8, 0, "L2")
    assert (found.iter_size, found.average_loss, found.display, found.snapshot) == (1, 1, 0, 0)
    assert found.clip_gradients == -1
    assert found.snapshot_after_train
    assert found.test_initialization
    assert (found.snapshot_format, found.random_seed, found.weights) == ("BINARYPROTO", None, ())
    assert found.tests == ()
    assert found.snapshot_prefix == tmp_path / "solver"


def test_every_field_is_read(tmp_path: Path) -> None:
    text = BASE.replace("fixed", "multistep") + (
        "gamma: 0.1 stepvalue: 5 stepvalue: 5 stepvalue: 9 type: 'Adam' momentum: 0.8 momentum2: "
        "0.9 rms_decay: 0.5 delta: 0.001 weight_decay: 0.25 regularization_type: 'L1' iter_size: 3 "
        "average_loss: 4 display: 5 snapshot: 6 snapshot_after_train: false snapshot_format: HDF5 "
        "test_iter: 7 test_interval: 8 test_initialization: false clip_gradients: 2.5 "
        "random_seed: 11 snapshot_prefix: 'a/b' weights: 'x,y' weights: 'z' solver_mode: CPU "
        "device_id: 3 debug_info: true power: 2 stepsize: 4 train_state { stage: 's' level: 2 }"
    )
    found = read_solver(solver(tmp_path, text))
    assert (found.gamma, found.power, found.stepsize, found.stepvalue) == (0.1, 2, 4, (5, 5, 9))
    assert (found.type, found.momentum, found.momentum2, found.rms_decay) == ("Adam", 0.8, 0.9, 0.5)
    assert (found.delta, found.weight_decay, found.regularization_type) == (0.001, 0.25, "L1")
    assert (found.iter_size, found.average_loss, found.display, found.snapshot) == (3, 4, 5, 6)
    assert (found.test_interval, found.clip_gradients, found.random_seed) == (8, 2.5, 11)
    assert not found.snapshot_after_train
    assert not found.test_initialization
    assert (found.snapshot_format, found.weights) == ("HDF5", ("x", "y", "z"))
    assert found.snapshot_prefix == Path("a/b")
    assert (found.train.level, found.train.stages) == (2, ("s",))


@pytest.mark.parametrize(
    ("number", "kind"),
    list(enumerate(["SGD", "NESTEROV", "ADAGRAD", "RMSPROP", "ADADELTA", "ADAM"])),
)
def test_the_older_solver_type_is_read(number: int, kind: str, tmp_path: Path) -> None:
    for value in (kind, number):
        found = read_solver(solver(tmp_path, f"{BASE} solver_type: {value}"))
        assert found.type.upper() == kind


def test_nets_inside_the_solver_and_nets_for_tests_alone(tmp_path: Path) -> None:
    (tmp_path / "net.prototxt").write_text(NET)
    text = BASE.replace('net: "net.prototxt"', f"net_param {{ {NET} }}")
    text += (
        f'test_net_param {{ {NET.replace("data", "one")} }} test_net: "net.prototxt" test_iter: 1 '
        "test_iter: 2 test_iter: 3 test_interval: 9 test_state { stage: 'a' } test_state { } "
        "test_state { level: 4 }"
    )
    found = read_solver(solver(tmp_path, text))
    assert [reference.iterations for reference in found.tests] == [1, 2, 3]
    assert [reference.stages for reference in found.tests] == [("a",), (), ()]
    assert [reference.level for reference in found.tests] == [0, 0, 4]
    tops = [read_net(found, one).net.layer[0].top[0] for one in (found.train, *found.tests)]
    assert tops == ["data", "one", "data", "data"]


def test_an_older_net_inside_the_solver_is_upgraded(tmp_path: Path) -> None:
    old = "net_param { layers { name: 'r' type: RELU bottom: 'data' top: 'r' } }"
    found = read_solver(solver(tmp_path, BASE.replace('net: "net.prototxt"', old)))
    assert read_net(found, found.train).net.layer[0].type == "ReLU"


def test_a_net_is_found_from_the_working_directory_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    found = read_solver(solver(tmp_path / "a" / "b", BASE.replace("net.proto", "b/net.proto")))
    for number, folder in enumerate((tmp_path / "a", tmp_path)):  # above the solver, then here
        (folder / "b").mkdir(exist_ok=True)
        (folder / "b" / "net.prototxt").write_text(NET.replace("data", f"top{number}"))
        monkeypatch.chdir(folder)
        assert read_net(found, found.train).net.layer[0].top[0] == f"top{number}"
        monkeypatch.undo()
        assert read_net(found, found.train).net.layer[0].top[0] == "top0"


REFUSED = {
    "base_lr: 0.01": "expected base_lr, found none",
    "max_iter: 100": "expected max_iter, found none",
    'lr_policy: "fixed"': "expected lr_policy, found none",
    'net: "net.prototxt"': "expected one net to train (net, net_param, train_net, "
    "train_net_param), found none",
}

WRONG = {
    'lr_policy: "cosine"': "solver.prototxt:3: expected lr_policy fixed, step, exp, inv, "
    "multistep, poly or sigmoid, found 'cosine'",
    'lr_policy: "step"': "expected gamma with lr_policy 'step', found none",
    'lr_policy: "step" gamma: 0.1': "expected stepsize with lr_policy 'step', found none",
    'lr_policy: "step" gamma: 0.1 stepsize: 0': "expected stepsize of at least 1",
    'lr_policy: "multistep" gamma: 0.1': "expected stepvalue with lr_policy",
    'lr_policy: "inv" gamma: 0.1': "expected power with lr_policy 'inv', found none",
    'lr_policy: "exp" gamma: -1': "expected gamma of at least 0, found -1",
}

ADDED = {
    'type: "Lion"': "expected type SGD, Nesterov, AdaGrad, RMSProp, AdaDelta or Adam, found 'Lion'",
    'type: "SGD" solver_type: SGD': "expected type or the older solver_type, found both",
    "solver_type: 9": "found at line:column",
    'train_net: "x"': "expected one net to train (net, net_param, train_net, train_net_param), "
    "found net and train_net",
    "momentum: 1": "expected momentum of at least 0 and below 1, found 1",
    "momentum: nan": "expected momentum",
    "clip_gradients: nan": "expected a finite clip_gradients, found nan",
    "snapshot: -2000000000": "expected snapshot of at least 0, found -2,000,000,000",
    "average_loss: 1048577": "expected average_loss of at least 1 and at most 1,048,576, found "
    "1,048,577",
    "weight_decay: inf": "expected weight_decay of at least 0, found inf",
    "weight_decay: -1": "expected weight_decay of at least 0",
    "iter_size: 0": "expected iter_size of at least 1",
    "average_loss: 0": "expected average_loss of at least 1",
    "snapshot: -5": "expected snapshot of at least 0",
    'regularization_type: "L3"': "expected regularization_type L1 or L2, found 'L3'",
    "stepvalue: 5 stepvalue: 4": "expected stepvalues of 0 or more that rise, found [5, 4]",
    "test_iter: 5": "expected test_interval of 1 or more with test_iter, found none",
    "test_iter: 0 test_interval: 5": "expected test_iter of 1 or more, found 0",
    'test_net: "x" test_interval: 5': "expected one test_iter for every test net",
    "test_iter: 1 test_interval: 1 test_state { } test_state { }": "expected one test_state",
    'type: "AdaGrad" momentum: 0.9': "expected no momentum with AdaGrad, found 0.9",
    'type: "RMSProp" momentum: 0.9': "expected no momentum with RMSProp, found 0.9",
    "speed: 7": 'found at line:column 5:1 : Message type "qrig.caffe.SolverParameter" has no',
    "max_iter: 0": "found at line:column",
    'snapshot_prefix: "a\\000b"': "expected a path",
}


@pytest.mark.parametrize("field", REFUSED)
def test_a_field_that_is_missing_is_named(field: str, tmp_path: Path) -> None:
    with pytest.raises(FileFormatError) as caught:
        read_solver(solver(tmp_path, BASE.replace(field, "")))
    assert REFUSED[field] in str(caught.value)


@pytest.mark.parametrize("field", WRONG)
def test_a_policy_that_cannot_be_is_named_with_its_line(field: str, tmp_path: Path) -> None:
    with pytest.raises(FileFormatError) as caught:
        read_solver(solver(tmp_path, BASE.replace('lr_policy: "fixed"', field)))
    assert WRONG[field] in str(caught.value)


@pytest.mark.parametrize("field", ADDED)
def test_a_field_that_cannot_be_is_named(field: str, tmp_path: Path) -> None:
    with pytest.raises(FileFormatError) as caught:
        read_solver(solver(tmp_path, BASE + field))
    assert ADDED[field] in str(caught.value)
    assert str(tmp_path / "solver.prototxt") in str(caught.value)


def test_a_limit_is_told_to_the_last_digit(tmp_path: Path) -> None:
    text = BASE.replace("max_iter: 100", "max_iter: 2147483647")
    expected = "expected max_iter of at least 1 and at most 1,073,741,824, found 2,147,483,647;"
    with pytest.raises(FileFormatError, match=expected):
        read_solver(solver(tmp_path, text))
    with pytest.raises(FileFormatError, match=r"base_lr of at least 0, found -0\.001;"):
        read_solver(solver(tmp_path, BASE.replace("base_lr: 0.01", "base_lr: -0.001")))


@pytest.mark.parametrize("text", ["", "{", "net { net {", "\0", "\x89HDF", "a" * 100])
def test_what_is_no_solver_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"solver\.prototxt"):
        read_solver(solver(tmp_path, text))


def test_a_net_that_is_nowhere_is_named(tmp_path: Path) -> None:
    found = read_solver(solver(tmp_path, BASE))
    with pytest.raises(FileFormatError, match=r"expected the net 'net\.prototxt'"):
        read_net(found, found.train)


STATE = SolverState(
    7,
    "somewhere/net_iter_7.caffemodel",
    2,
    (
        np.linspace(0, 1, 6, dtype=np.float32).reshape(2, 3),
        np.ones(3, dtype=np.float32),
    ),
)
NAMES = ("x.solverstate", "x.solverstate.h5")


def equal(first: SolverState, second: SolverState) -> bool:
    plain = ("iteration", "learned_net", "current_step")
    return all(getattr(first, name) == getattr(second, name) for name in plain) and all(
        np.array_equal(one, other) for one, other in zip(first.history, second.history, strict=True)
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_state_is_read_as_it_was_written(name: str, tmp_path: Path) -> None:
    write_solver_state(tmp_path / name, STATE)
    assert equal(read_solver_state(tmp_path / name), STATE)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_an_hdf5_state_has_caffes_layout(tmp_path: Path) -> None:
    path = tmp_path / "x.solverstate.h5"
    write_solver_state(path, STATE)
    with h5py.File(path) as file:
        assert set(file) == {"iter", "learned_net", "current_step", "history"}
        assert file["iter"].shape == (1,)
        assert file["iter"].dtype == np.int32
        assert set(file["history"]) == {"0", "1"}
        assert file["history/0"].dtype == np.float32
        kind = file["learned_net"].id.get_type()
        assert kind.get_size() == len(STATE.learned_net) + 1  # Caffe reads up to its null
        assert kind.get_strpad() == h5py.h5t.STR_NULLTERM


def test_a_state_of_old_caffe_with_legacy_shapes_is_read(tmp_path: Path) -> None:
    made = message("SolverState")(iter=3, learned_net="a")
    blob = made.history.add(num=1, channels=1, height=2, width=2)
    blob.data.extend([1, 2, 3, 4])
    path = tmp_path / "old.solverstate"
    path.write_bytes(made.SerializeToString())
    assert read_solver_state(path).history[0].shape == (1, 1, 2, 2)


def test_the_weights_of_a_state_are_found_beside_it(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="expected the weights 'somewhere/net_iter_7"):
        learned_net(tmp_path / "x.solverstate", STATE)
    (tmp_path / "net_iter_7.caffemodel").write_bytes(b"x")
    found = learned_net(tmp_path / "x.solverstate", STATE)
    assert found == tmp_path / "net_iter_7.caffemodel"


def test_a_state_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected a file in a folder that is there"):
        write_solver_state(tmp_path / "no" / "x.solverstate", STATE)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_a_state_that_is_cut_short_is_refused(name: str, tmp_path: Path) -> None:
    write_solver_state(tmp_path / name, STATE)
    data = (tmp_path / name).read_bytes()
    for length in (0, 1, 8, len(data) // 2, len(data) - 1):
        (tmp_path / name).write_bytes(data[:length])
        with pytest.raises(FileFormatError, match=r"x\.solverstate"):
            read_solver_state(tmp_path / name)


def test_a_state_of_numbers_that_are_none_is_refused(tmp_path: Path) -> None:
    bad = SolverState(1, "", 0, (np.array([1, np.nan], dtype=np.float32),))
    for name in NAMES:
        write_solver_state(tmp_path / name, bad)
        with pytest.raises(FileFormatError, match="expected finite numbers"):
            read_solver_state(tmp_path / name)


def _spoil(path: Path, name: str, value: Any) -> None:
    with h5py.File(path, "r+") as file:
        del file[name]
        if value is not None:
            file[name] = value


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("iter", None),
        ("iter", np.array([1], dtype=np.float32)),
        ("iter", np.array([1, 2], dtype=np.int32)),
        ("iter", np.array([-4], dtype=np.int32)),
        ("learned_net", np.array([1], dtype=np.int32)),
        ("learned_net", None),
        ("history", np.array([1], dtype=np.float32)),
        ("history/0", np.array([1], dtype=np.int64)),
        ("history/0", None),
        ("history/1", h5py.SoftLink("/history/0")),
        ("history/1", h5py.ExternalLink("other.h5", "/x")),
        ("current_step", None),
    ],
)
def test_an_hdf5_state_with_a_wrong_member_is_refused(
    member: str, value: Any, tmp_path: Path
) -> None:
    path = tmp_path / "x.solverstate.h5"
    write_solver_state(path, STATE)
    _spoil(path, member, value)
    with pytest.raises(InputError) as caught:
        read_solver_state(path)
    assert str(path) in str(caught.value)


def test_other_messages_are_no_state(tmp_path: Path) -> None:
    path = tmp_path / "x.solverstate"
    net = message("NetParameter")(name="net")
    path.write_bytes(net.SerializeToString())
    with pytest.raises(FileFormatError):
        read_solver_state(path)
