"""One input through one network on one target, as a JSON document."""

from __future__ import annotations

from typing import Any

from qrig.datasets import Sample
from qrig.measure.rows import LayerResult
from qrig.reference import run_reference
from qrig.runs.deploy import deploy
from qrig.runs.deployed import FULL, Deployed
from qrig.runs.energy import CellEnergy, check_power, open_target_power
from qrig.runs.networks import LoadedNetwork
from qrig.runs.stamp import make_stamp
from qrig.runs.targets import Target, check_tunings

SCHEMA = "qrig-run/1"
"""The `schema` of the document."""


def run_once(
    target: Target, loaded: LoadedNetwork, sample: Sample, *, power: str | None = None
) -> dict[str, Any]:
    """Run `sample` and return the document; `verdict` is "bit-exact" or "differs".

    Shapes are [h, w, c]; `crc32` is of the target's tensor; `logits` are the integers before a
    softmax; a counter that is not available is null. A layer that is computed together with
    another names it in `computed_with`, and has no counts of its own. The meter called `power` adds
    `energy_uj` to layers and an `energy` to the document. Raises QrigError.
    """
    check_tunings((target,), (loaded.quantized,))
    target.check_available()
    if power is not None:
        check_power(power, [target])
    deployment = deploy(loaded, target)
    with open_target_power(power, target) as meter, Deployed(target, deployment) as deployed:
        remote = deployed.run(sample.pixels, FULL)
        expected = run_reference(loaded.quantized, sample.pixels, deployment.semantics)
        layers = deployed.compare(remote, expected)
        energy = CellEnergy(deployed, meter)
        layers = energy.add(layers)
        energy.raise_failure()
    network = loaded.quantized
    logits = _integers(remote.tensors[network.logits_stage])
    top1 = logits.index(max(logits))
    exact = all(layer.comparison.verdict == "bit-exact" for layer in layers)
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "target": target.name,
        "network": loaded.name,
        "input": sample.name,
        "layers": [_layer(layer) for layer in layers],
        "logits": logits,
        "top1": top1,
        "label": loaded.labels[top1] if top1 < len(loaded.labels) else None,
        "verdict": "bit-exact" if exact else "differs",
        "notices": list(loaded.notices),
        "stamp": make_stamp(target, deployment),
    }
    if energy.measured is not None:
        document["energy"] = energy.document()
        document["notices"] += energy.measured.notices
    if network.stages[-1].type == "softmax":
        document["softmax"] = _integers(remote.output)
    return document


def _layer(layer: LayerResult) -> dict[str, Any]:
    return {
        "name": layer.name,
        "type": layer.type,
        "shape": list(layer.shape),
        "crc32": layer.comparison.crc32_target,
        "instructions": layer.instructions,
        "cycles": layer.cycles,
        "computed_with": layer.computed_with,
        **({"energy_uj": layer.energy["energy_uj"]} if "energy_uj" in layer.energy else {}),
        "match": layer.comparison.verdict == "bit-exact",
        "first_difference": layer.comparison.first_difference,
    }


def _integers(tensor: bytes) -> list[int]:
    return [byte - 256 if byte > 127 else byte for byte in tensor]
