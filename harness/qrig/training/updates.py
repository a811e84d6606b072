"""The update rules of Caffe's six solvers, in place on PyTorch tensors.

Formulas: `SGDSolver`, `NesterovSolver`, `AdaGradSolver`, `RMSPropSolver`, `AdaDeltaSolver` and
`AdamSolver`. `gradient` holds clipping, iter_size and decay already; `rate` the blob's lr_mult.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from attrs import frozen
from torch import Tensor

from qrig.networks.caffe.solver import Solver


@frozen
class Step:
    """What an update needs besides tensors: the solver, the blob's rate, the iteration from 0."""

    solver: Solver
    rate: float
    iteration: int


History = Sequence[Tensor]
"""What a rule remembers of one blob, each of the blob's shape."""

Rule = Callable[[Tensor, Tensor, History, Step], None]


@frozen
class Update:
    """An update rule and how many tensors it remembers of every blob."""

    slots: int
    apply: Rule


def _sgd(values: Tensor, gradient: Tensor, history: History, step: Step) -> None:
    (velocity,) = history
    velocity.mul_(step.solver.momentum).add_(gradient, alpha=step.rate)
    values.sub_(velocity)


def _nesterov(values: Tensor, gradient: Tensor, history: History, step: Step) -> None:
    (velocity,) = history
    momentum = step.solver.momentum
    values.add_(velocity, alpha=momentum)
    velocity.mul_(momentum).add_(gradient, alpha=step.rate)
    values.sub_(velocity, alpha=1 + momentum)


def _adagrad(values: Tensor, gradient: Tensor, history: History, step: Step) -> None:
    (squares,) = history
    squares.addcmul_(gradient, gradient)
    values.addcdiv_(gradient, squares.sqrt().add_(step.solver.delta), value=-step.rate)


def _rmsprop(values: Tensor, gradient: Tensor, history: History, step: Step) -> None:
    (squares,) = history
    decay = step.solver.rms_decay
    squares.mul_(decay).addcmul_(gradient, gradient, value=1 - decay)
    values.addcdiv_(gradient, squares.sqrt().add_(step.solver.delta), value=-step.rate)


def _adadelta(values: Tensor, gradient: Tensor, history: History, step: Step) -> None:
    squares, updates = history
    momentum, delta = step.solver.momentum, step.solver.delta
    squares.mul_(momentum).addcmul_(gradient, gradient, value=1 - momentum)
    change = (updates + delta).div_(squares + delta).sqrt_().mul_(gradient)
    updates.mul_(momentum).addcmul_(change, change, value=1 - momentum)
    values.sub_(change, alpha=step.rate)


def _adam(values: Tensor, gradient: Tensor, history: History, step: Step) -> None:
    mean, squares = history
    momentum, momentum2 = step.solver.momentum, step.solver.momentum2
    mean.mul_(momentum).add_(gradient, alpha=1 - momentum)
    squares.mul_(momentum2).addcmul_(gradient, gradient, value=1 - momentum2)
    count = step.iteration + 1
    correction = math.sqrt(1 - momentum2**count) / (1 - momentum**count)
    divisor = squares.sqrt().add_(step.solver.delta)
    values.addcdiv_(mean, divisor, value=-step.rate * correction)


UPDATES: dict[str, Update] = {
    "SGD": Update(1, _sgd),
    "Nesterov": Update(1, _nesterov),
    "AdaGrad": Update(1, _adagrad),
    "RMSProp": Update(1, _rmsprop),
    "AdaDelta": Update(2, _adadelta),
    "Adam": Update(2, _adam),
}
"""The update rule of every solver type."""
