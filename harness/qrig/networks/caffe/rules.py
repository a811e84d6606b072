"""Which layers of a definition belong to the network of a phase (Caffe's NetStateRule)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import frozen

from qrig.errors import FileFormatError
from qrig.networks.caffe.prototxt import Definition

TRAIN = 0
"""The number of phase TRAIN."""

TEST = 1
"""The number of phase TEST."""


def layers_of_phase(
    definition: Definition, phase: int, level: int = 0, stages: Sequence[str] = ()
) -> list[tuple[int, Any]]:
    """Return (index, LayerParameter) of the layers of `phase` (TRAIN or TEST), in file order.

    A layer is in if one of its include rules is met, or, without include rules, if none of its
    exclude rules is. Rules are met by `phase`, by `level` (0: that of the definition's own `state`)
    and by `stages` together with those of that state. Raises FileFormatError for a layer with both
    kinds of rules.
    """
    own = definition.net.state
    state = _State(phase, level or own.level, frozenset({*own.stage, *stages}))
    layers = []
    for index, layer in enumerate(definition.net.layer):
        if layer.include and layer.exclude:
            raise FileFormatError(
                f"{definition.where(index)}: layer {layer.name!r}: expected include or exclude "
                "rules, found both; keep one kind"
            )
        if layer.include:
            wanted = any(state.meets(rule) for rule in layer.include)
        else:
            wanted = not any(state.meets(rule) for rule in layer.exclude)
        if wanted:
            layers.append((index, layer))
    return layers


@frozen
class _State:
    phase: int
    level: int
    stages: frozenset[str]

    def meets(self, rule: Any) -> bool:
        return (
            (not rule.HasField("phase") or rule.phase == self.phase)
            and (not rule.HasField("min_level") or self.level >= rule.min_level)
            and (not rule.HasField("max_level") or self.level <= rule.max_level)
            and self.stages.issuperset(rule.stage)
            and self.stages.isdisjoint(rule.not_stage)
        )
