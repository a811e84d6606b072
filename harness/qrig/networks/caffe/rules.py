"""Which layers of a definition belong to the test-phase network (Caffe's NetStateRule)."""

from __future__ import annotations

from typing import Any

from qrig.errors import FileFormatError
from qrig.networks.caffe.prototxt import Definition

TEST = 1
"""The number of phase TEST."""


def layers_of_test_phase(definition: Definition) -> list[tuple[int, Any]]:
    """Return (index, LayerParameter) of the layers of the TEST phase, in file order.

    A layer is in if one of its include rules is met, or, without include rules, if none of its
    exclude rules is. Raises FileFormatError for a layer with both.
    """
    state = definition.net.state
    layers = []
    for index, layer in enumerate(definition.net.layer):
        if layer.include and layer.exclude:
            raise FileFormatError(
                f"{definition.where(index)}: layer {layer.name!r}: expected include or exclude "
                "rules, found both; keep one kind"
            )
        if layer.include:
            wanted = any(_met(rule, state) for rule in layer.include)
        else:
            wanted = not any(_met(rule, state) for rule in layer.exclude)
        if wanted:
            layers.append((index, layer))
    return layers


def _met(rule: Any, state: Any) -> bool:
    stages = set(state.stage)
    return (
        (not rule.HasField("phase") or rule.phase == TEST)
        and (not rule.HasField("min_level") or state.level >= rule.min_level)
        and (not rule.HasField("max_level") or state.level <= rule.max_level)
        and all(stage in stages for stage in rule.stage)
        and not any(stage in stages for stage in rule.not_stage)
    )
