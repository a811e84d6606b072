"""One solver at work: iterations, tests, and the state between them."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from attrs import frozen
from torch import Tensor

from qrig.errors import FileFormatError, InputError
from qrig.networks.caffe.solver import Solver
from qrig.networks.caffe.solverstate import SolverState
from qrig.training.context import Moment
from qrig.training.feeds import Feed
from qrig.training.net import Net
from qrig.training.parameters import Parameter, Parameters
from qrig.training.rates import advanced_step, learning_rate
from qrig.training.updates import UPDATES, Step

_GROWTH = 1e6
"""How many times its first value (or 1) a loss may become before the training has diverged."""


class DivergedError(InputError):
    """The loss or the weights stopped being numbers of any use."""


@frozen(eq=False)
class Fed:
    """A net and what feeds it; `iterations` is the number of batches of a test."""

    net: Net
    feeds: tuple[Feed, ...]
    iterations: int = 0

    def batch(self, number: int) -> dict[str, Tensor]:
        """Return batch `number`, from 0, of every feed."""
        batch: dict[str, Tensor] = {}
        for feed in self.feeds:
            batch.update(feed.batch(number))
        return batch


@frozen
class Iteration:
    """What an iteration came to: loss and rate, and the train net's other outputs by name."""

    loss: float
    rate: float
    outputs: Mapping[str, float]


class Trainer:
    """Trains one solver's net, from iteration 0 or from a state."""

    def __init__(
        self,
        solver: Solver,
        train: Fed,
        tests: Sequence[Fed],
        parameters: Parameters,
        learnable: Sequence[Parameter],
        seed: int,
    ) -> None:
        """Train `learnable`, those of `parameters` the train net has, by `solver`."""
        self.solver, self.train, self.tests = solver, train, tuple(tests)
        self.parameters, self.seed = parameters, seed
        self.iteration = 0
        self.current_step = 0
        self._learnable = tuple(learnable)
        self._update = UPDATES[solver.type]
        self._history = self._fresh_history()
        self._most: float | None = None
        self._losses: deque[float] = deque(maxlen=solver.average_loss)

    def step(self) -> Iteration:
        """Do one iteration: iter_size batches forward and backward, then the update.

        Raises DivergedError, before the weights change, if the loss is not a finite number or has
        grown a million times.
        """
        gradients: list[Tensor | None] = [None] * len(self._learnable)
        losses = []
        for part in range(self.solver.iter_size):
            number = self.iteration * self.solver.iter_size + part
            passed = self.train.net.forward(self.train.batch(number), Moment(self.seed, number))
            losses.append(self._checked(float(passed.loss.detach())))
            _accumulate(gradients, self._backward(passed.loss))
        self.current_step = advanced_step(self.solver, self.iteration, self.current_step)
        rate = learning_rate(self.solver, self.iteration, self.current_step)
        self._apply(gradients, rate)
        self.iteration += 1
        self._losses.append(sum(losses) / len(losses))
        loss = sum(self._losses) / len(self._losses)
        return Iteration(loss, rate, _numbers(passed.outputs))

    def test(self, which: int, stop: Callable[[], bool]) -> dict[str, float] | None:
        """Return every output of test net `which`, averaged over its batches.

        The batches are the same in every test: they begin at the first record. Returns None if
        `stop` says so before the end.
        """
        fed = self.tests[which]
        sums: dict[str, float] = {}
        with torch.inference_mode():
            for number in range(fed.iterations):
                if stop():
                    return None
                passed = fed.net.forward(fed.batch(number), Moment(self.seed, number))
                for name, value in _numbers(passed.outputs).items():
                    sums[name] = sums.get(name, 0.0) + value
        return {name: total / fed.iterations for name, total in sums.items()}

    def check_finite(self) -> None:
        """Raise DivergedError if a weight or a number of the history is not finite."""
        for index, parameter in enumerate(self._learnable):
            tensors = [parameter.values, *(slot[index] for slot in self._history)]
            if not all(bool(tensor.isfinite().all()) for tensor in tensors):
                raise DivergedError(
                    f"{parameter.name} holds infinite numbers after iteration {self.iteration - 1}"
                )

    def state(self, learned_net: str) -> SolverState:
        """Return where the training stands; `learned_net` is the name of its weights."""
        history = tuple(tensor.numpy().copy() for slot in self._history for tensor in slot)
        return SolverState(self.iteration, learned_net, self.current_step, history)

    def restore(self, state: SolverState, source: str) -> None:
        """Go on from `state`; raises FileFormatError, naming `source`, if it does not fit."""
        count = len(self._learnable) * self._update.slots
        if len(state.history) != count:
            raise FileFormatError(
                f"{source}: expected {count} history blobs for solver {self.solver.type} and this "
                f"network, found {len(state.history)}; this is the state of another training"
            )
        tensors = [tensor for slot in self._history for tensor in slot]
        for index, (tensor, array) in enumerate(zip(tensors, state.history, strict=True)):
            if math.prod(array.shape) != tensor.numel():
                raise FileFormatError(
                    f"{source}: history {index}: expected shape {tuple(tensor.shape)}, found "
                    f"{array.shape}; this is the state of another network"
                )
            tensor.copy_(torch.from_numpy(np.array(array).reshape(tuple(tensor.shape))))
        self.iteration, self.current_step = state.iteration, state.current_step

    def _checked(self, loss: float) -> float:
        if self._most is None and math.isfinite(loss):
            self._most = _GROWTH * max(1.0, abs(loss))
        if self._most is None or not abs(loss) <= self._most:
            raise DivergedError(f"the loss of iteration {self.iteration} is {loss:.4g}")
        return loss

    def _fresh_history(self) -> list[list[Tensor]]:
        shapes = [parameter.values.shape for parameter in self._learnable]
        return [[torch.zeros(shape) for shape in shapes] for _ in range(self._update.slots)]

    def _backward(self, loss: Tensor) -> list[Tensor | None]:
        wanted = [parameter.values for parameter in self._learnable if _learns(parameter)]
        if not loss.requires_grad:
            return [None] * len(self._learnable)
        found = iter(torch.autograd.grad(loss, wanted, allow_unused=True))
        return [next(found) if _learns(parameter) else None for parameter in self._learnable]

    @torch.no_grad()
    def _apply(self, gradients: Sequence[Tensor | None], rate: float) -> None:
        """Clip, normalise, decay and update, in Caffe's order."""
        factor = _clipping(gradients, self.solver.clip_gradients) / self.solver.iter_size
        for index, (parameter, found) in enumerate(zip(self._learnable, gradients, strict=True)):
            values = parameter.values
            gradient = torch.zeros_like(values) if found is None else found
            if factor != 1:
                gradient = gradient * factor
            decay = self.solver.weight_decay * parameter.decay_mult
            if decay:
                lasso = self.solver.regularization_type == "L1"
                gradient = gradient.add(values.sign() if lasso else values, alpha=decay)
            step = Step(self.solver, rate * parameter.lr_mult, self.iteration)
            self._update.apply(values, gradient, [slot[index] for slot in self._history], step)


def _learns(parameter: Parameter) -> bool:
    return bool(parameter.values.requires_grad)


def _accumulate(total: list[Tensor | None], found: Sequence[Tensor | None]) -> None:
    for index, gradient in enumerate(found):
        before = total[index]
        if gradient is not None:
            total[index] = gradient if before is None else before + gradient


def _clipping(gradients: Sequence[Tensor | None], limit: float) -> float:
    """Return what gradients are multiplied by so that their common L2 norm is at most `limit`."""
    if limit < 0:
        return 1.0
    squares = sum(float(gradient.square().sum()) for gradient in gradients if gradient is not None)
    norm = math.sqrt(squares)
    return limit / norm if norm > limit else 1.0


def _numbers(outputs: Mapping[str, Tensor]) -> dict[str, float]:
    """Return the outputs that are one number."""
    return {name: float(value.detach()) for name, value in outputs.items() if value.numel() == 1}
