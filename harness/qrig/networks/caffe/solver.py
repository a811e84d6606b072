"""Solver files: how a network is trained (Caffe's SolverParameter in text format)."""

from __future__ import annotations

import math
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from attrs import frozen
from google.protobuf import text_format

from qrig.errors import FileFormatError
from qrig.networks.caffe.places import find_named
from qrig.networks.caffe.prototxt import Definition, definition_of, read_prototxt
from qrig.networks.caffe.schema import message
from qrig.networks.files import read_text
from qrig.networks.written import exact

SOLVER_TYPES = ("SGD", "Nesterov", "AdaGrad", "RMSProp", "AdaDelta", "Adam")
"""The update rules, in the order of the old `solver_type` enum."""

POLICIES: dict[str, tuple[str, ...]] = {
    "fixed": (),
    "step": ("gamma", "stepsize"),
    "exp": ("gamma",),
    "inv": ("gamma", "power"),
    "multistep": ("gamma", "stepvalue"),
    "poly": ("power",),
    "sigmoid": ("gamma", "stepsize"),
}
"""Every `lr_policy`, and the fields it cannot do without."""

MAX_ITERATIONS = 1 << 30
"""Largest number of iterations qrig trains."""

_TRAIN_FIELDS = ("net", "net_param", "train_net", "train_net_param")


@frozen(eq=False)
class NetReference:
    """A net a solver trains or tests: a file's name or a definition of its own, and its state.

    `iterations` is the number of batches a test takes, 0 for the net that is trained.
    """

    name: str
    definition: Any | None
    level: int
    stages: tuple[str, ...]
    iterations: int = 0


@frozen(eq=False)
class Solver:
    """How a network is trained; names and meanings are those of Caffe's SolverParameter."""

    path: Path
    train: NetReference
    tests: tuple[NetReference, ...]
    type: str
    base_lr: float
    lr_policy: str
    max_iter: int
    gamma: float
    power: float
    stepsize: int
    stepvalue: tuple[int, ...]
    momentum: float
    momentum2: float
    rms_decay: float
    delta: float
    weight_decay: float
    regularization_type: str
    clip_gradients: float
    iter_size: int
    test_interval: int
    test_initialization: bool
    display: int
    average_loss: int
    snapshot: int
    snapshot_after_train: bool
    snapshot_prefix: Path
    snapshot_format: str
    random_seed: int | None
    weights: tuple[str, ...]


def read_solver(path: Path) -> Solver:
    """Read the solver file at `path`.

    Raises FileFormatError for a file that is no solver, for a field that is missing or out of its
    range, and for a learning-rate policy, update rule or regularisation Caffe does not have.
    """
    what = "a Caffe solver (prototxt)"
    text = read_text(path, what=what)
    fields = message("SolverParameter")()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # protobuf decodes odd escapes in a way Python warns of
            text_format.Parse(text, fields)
    except (text_format.ParseError, RecursionError) as error:
        reason = " ".join(str(error).split())[:300]
        raise FileFormatError(
            f"{path}: expected {what}, found at line:column {reason}; correct the line"
        ) from error
    return _Reader(path, text, fields).solver()


def read_net(solver: Solver, reference: NetReference) -> Definition:
    """Return the definition of one of the solver's nets.

    A file is looked for from the working directory, as Caffe does, then beside the solver and
    above it. Raises FileFormatError if it is nowhere or broken.
    """
    if reference.definition is not None:
        net = message("NetParameter")()
        net.CopyFrom(reference.definition)
        return definition_of(solver.path, net)
    found = find_named(reference.name, solver.path)
    if found is None:
        raise FileFormatError(
            f"{solver.path}: expected the net {reference.name!r} at that place, from the working "
            "directory or the solver's folder, found no such file; correct the solver's net"
        )
    return read_prototxt(found)


class _Reader:
    """Checks one message and says where in the file a wrong field is."""

    def __init__(self, path: Path, text: str, fields: Any) -> None:
        self.path, self.text, self.fields = path, text, fields

    def fail(self, field: str, expected: str, found: str) -> FileFormatError:
        at = re.search(rf"^[^#\n]*?\b{field}\b", self.text, re.MULTILINE)
        line = f":{self.text.count(chr(10), 0, at.start()) + 1}" if at else ""
        return FileFormatError(
            f"{self.path}{line}: expected {expected}, found {found}; correct the solver"
        )

    def number(self, field: str, low: float, high: float = math.inf, *, below: bool = False) -> Any:
        """Return a number of low..high, `high` itself excluded with `below`."""
        value = getattr(self.fields, field)
        if not (math.isfinite(value) and low <= value <= high and not (below and value == high)):
            upper = f" and {'below' if below else 'at most'} {exact(high)}"
            allowed = f"{exact(low)}{'' if high == math.inf else upper}"
            wanted = f"a finite {field}" if low == -math.inf else f"{field} of at least {allowed}"
            raise self.fail(field, wanted, exact(value))
        # What the file says: fields are float32, and 0.001 would become 0.0010000000474974513.
        return float(str(np.float32(value))) if isinstance(value, float) else value

    def choice(self, field: str, value: str, allowed: tuple[str, ...]) -> str:
        if value not in allowed:
            found = repr(value) if self.fields.HasField(field) else "none"
            raise self.fail(field, f"{field} {', '.join(allowed[:-1])} or {allowed[-1]}", found)
        return value

    def required(self, *names: str, why: str = "") -> None:
        for name in names:
            repeated = name == "stepvalue"
            if not (self.fields.stepvalue if repeated else self.fields.HasField(name)):
                raise self.fail(name, f"{name}{why}", "none")

    def solver(self) -> Solver:
        fields = self.fields
        self.required("base_lr", "max_iter", "lr_policy")
        policy = self.choice("lr_policy", fields.lr_policy, tuple(POLICIES))
        self.required(*POLICIES[policy], why=f" with lr_policy {policy!r}")
        kind = self._type()
        if kind in ("AdaGrad", "RMSProp") and fields.momentum != 0:
            raise self.fail("momentum", f"no momentum with {kind}", f"{fields.momentum:g}")
        return Solver(
            path=self.path,
            train=self._train(),
            tests=self._tests(),
            type=kind,
            lr_policy=policy,
            max_iter=self.number("max_iter", 1, MAX_ITERATIONS),
            stepvalue=self._steps(),
            regularization_type=self.choice(
                "regularization_type", fields.regularization_type, ("L1", "L2")
            ),
            clip_gradients=self.number("clip_gradients", -math.inf),
            test_initialization=fields.test_initialization,
            snapshot_after_train=fields.snapshot_after_train,
            snapshot_prefix=self._prefix(),
            snapshot_format="HDF5" if fields.snapshot_format == 0 else "BINARYPROTO",
            random_seed=fields.random_seed if fields.random_seed >= 0 else None,
            weights=tuple(name for text in fields.weights for name in text.split(",")),
            **self._numbers(),
        )

    def _numbers(self) -> dict[str, Any]:
        """Return the fields that are plain numbers with a range."""
        sigmoid = self.fields.lr_policy == "sigmoid"  # falls where gamma is negative
        numbers = {name: self.number(name, 0) for name in ("base_lr", "power")}
        numbers["gamma"] = self.number("gamma", -math.inf if sigmoid else 0)
        for name in ("weight_decay", "delta", "display", "snapshot", "test_interval"):
            numbers[name] = self.number(name, 0)
        for name in ("momentum", "momentum2", "rms_decay"):
            numbers[name] = self.number(name, 0, 1, below=True)
        for name in ("iter_size", "average_loss"):
            numbers[name] = self.number(name, 1, 1 << 20)
        stepped = self.fields.lr_policy == "step"
        return {**numbers, "stepsize": self.number("stepsize", 1 if stepped else 0)}

    def _type(self) -> str:
        if not self.fields.HasField("solver_type"):
            return self.choice("type", self.fields.type, SOLVER_TYPES)
        if self.fields.HasField("type"):
            raise self.fail("solver_type", "type or the older solver_type", "both")
        return SOLVER_TYPES[self.fields.solver_type]

    def _steps(self) -> tuple[int, ...]:
        steps = tuple(self.fields.stepvalue)
        if any(step < 0 for step in steps) or list(steps) != sorted(steps):
            raise self.fail("stepvalue", "stepvalues of 0 or more that rise", str(list(steps)[:9]))
        return steps

    def _train(self) -> NetReference:
        given = [name for name in _TRAIN_FIELDS if self.fields.HasField(name)]
        if len(given) != 1:
            raise self.fail(
                given[1] if given else "net",
                f"one net to train ({', '.join(_TRAIN_FIELDS)})",
                " and ".join(given) or "none",
            )
        return self._reference(getattr(self.fields, given[0]), self.fields.train_state, 0)

    def _tests(self) -> tuple[NetReference, ...]:
        """Return the test nets: those of their own, then `net` for what test_iter has more."""
        fields = self.fields
        own = [*fields.test_net_param, *fields.test_net]
        shared = [value for name in ("net_param", "net") for value in self._given(name)]
        counts = list(fields.test_iter)
        missing = len(counts) - len(own)
        if missing < 0 or (missing and not shared) or len(counts) > 64:
            raise self.fail(
                "test_iter", "one test_iter for every test net (at most 64)", f"{len(counts)}"
            )
        states = list(fields.test_state) or [message("NetState")()] * len(counts)
        if len(states) != len(counts):
            raise self.fail("test_state", "one test_state for every test net", f"{len(states)}")
        if counts and fields.test_interval < 1:
            raise self.fail("test_interval", "test_interval of 1 or more with test_iter", "none")
        if any(not 1 <= count <= MAX_ITERATIONS for count in counts):
            raise self.fail("test_iter", "test_iter of 1 or more", f"{min(counts)}")
        nets = own + shared * missing
        return tuple(map(self._reference, nets, states, counts))

    def _given(self, name: str) -> list[Any]:
        return [getattr(self.fields, name)] if self.fields.HasField(name) else []

    def _reference(self, net: Any, state: Any, iterations: int) -> NetReference:
        inline = not isinstance(net, str)
        if inline and not (net.layer or net.layers):
            raise self.fail("net_param", "a net with layers", "none")
        return NetReference(
            name=self.path.name if inline else net,
            definition=net if inline else None,
            level=state.level,
            stages=tuple(state.stage),
            iterations=iterations,
        )

    def _prefix(self) -> Path:
        """Return the snapshot prefix; Caffe's own default is the solver's name without suffix."""
        text = self.fields.snapshot_prefix
        if "\0" in text:
            raise self.fail("snapshot_prefix", "a path", repr(text))
        if not text:
            return self.path.with_suffix("")
        try:
            folder = text.endswith("/") or Path(text).is_dir()
        except OSError as error:
            raise self.fail("snapshot_prefix", "a path", str(error.strerror)) from error
        return Path(text) / self.path.stem if folder else Path(text)
