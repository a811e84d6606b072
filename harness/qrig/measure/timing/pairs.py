"""What a block costs behind its predecessor, simulated once for every pair.

A block that follows itself is simulated twelve times in a row; the mean of the last eight counts.
A predecessor that branches to its own start has gone round three times before.
"""

from __future__ import annotations

from attrs import frozen

from qrig.measure.timing.steps import Block, Model, Pass, Step

Cost = tuple[tuple[float, dict[str, float]], ...]
"""Per instruction of a block: its bare cycles, and the cycles of every stall."""

_ROUNDS, _COUNTED = 12, 8
_ROUNDS_BEFORE = 3


@frozen
class _Key:
    source: Block | None
    source_taken: bool
    target: Block
    target_taken: bool


class PairCosts:
    """Prices pairs of blocks with one model and remembers them."""

    def __init__(self, model: Model) -> None:
        """Price with `model`."""
        self._model = model
        self._known: dict[_Key, Cost] = {}

    def cost(self, source: Block | None, target: Block, *, entered: bool, taken: bool) -> Cost:
        """Return what `target` costs behind `source` (None: behind nothing).

        `entered` says whether the branch at the end of `source` was taken to reach it, `taken`
        whether its own branch is.
        """
        own = taken and self._model.own_branch_costs
        key = _Key(source, entered, target, own)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._price(source, target, entered=entered, taken=taken)
        return found

    def _price(self, source: Block | None, target: Block, *, entered: bool, taken: bool) -> Cost:
        last = Pass(target, taken)
        if source is None:
            return _mean(self._model.simulate([last])[-1:])
        if source == target and entered:
            rounds = [Pass(target, True)] * _ROUNDS
            if self._model.own_branch_costs and not taken:
                return _mean(self._model.simulate([*rounds, last])[-1:])
            return _mean(self._model.simulate(rounds)[-_COUNTED:])
        before = [Pass(source, True)] * _ROUNDS_BEFORE if _loops(source) else []
        return _mean(self._model.simulate([*before, Pass(source, entered), last])[-1:])


def _loops(block: Block) -> bool:
    """Return whether the branch at the end of a block goes to its start."""
    instructions = block.instructions
    return bool(instructions) and instructions[-1].target == instructions[0].address


def _mean(rounds: list[list[Step]]) -> Cost:
    """Return the mean over passes through one block."""
    costs: list[tuple[float, dict[str, float]]] = []
    for steps in zip(*rounds, strict=True):
        stalls: dict[str, float] = {}
        for _, lost in steps:
            for reason, cycles in lost:
                stalls[reason] = stalls.get(reason, 0.0) + cycles / len(steps)
        costs.append((sum(bare for bare, _ in steps) / len(steps), stalls))
    return tuple(costs)
