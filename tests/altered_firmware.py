"""Firmware that is not what was meant: slower kernels, other weights, other shifts.

The kernels are altered in a copy of `firmware/`, or in what qrig writes for a network, and built
and run as any others.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import attrs
import pytest

from hand_made import changed
from qrig.build import Deployment, build_deployment, deployment, kernels, toolchain
from qrig.codegen import generate_network
from qrig.fixedpoint.quantized import QuantizedNetwork
from qrig.resources import firmware_root
from qrig.runs.networks import LoadedNetwork
from qrig.runs.targets import Target

GENERATED_KERNELS = "network_kernels.S"


@attrs.frozen
class SlowerKernel:
    """A kernel of a file in `firmware/kernels` with instructions that do nothing behind `after`.

    With `file` GENERATED_KERNELS it is one that qrig writes, and `after` the name of its function:
    its innermost loop gets them. `layers` are the ones that compute with it, `function` is where
    the profile sees it, `loop` the file of its loop, None outside of any.
    """

    file: str
    after: str
    nops: int
    layers: tuple[str, ...]
    function: str
    loop: str | None = None

    def apply(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        """Have everything that is built from now on built with it; `folder` takes a copy."""
        if self.file == GENERATED_KERNELS:
            self._alter_generated(patch)
            return
        firmware = folder / "firmware"
        shutil.copytree(firmware_root(), firmware)
        path = firmware / "kernels" / self.file
        text = path.read_text()
        assert text.count(self.after) == 1
        nothing = f'__asm volatile("{"nop;" * self.nops}");'
        path.write_text(text.replace(self.after, f"{self.after} {nothing}"))
        for module in (deployment, kernels, toolchain):
            patch.setattr(module, "firmware_root", lambda: firmware)

    def _alter_generated(self, patch: pytest.MonkeyPatch) -> None:
        def altered(*arguments: Any, **options: Any) -> dict[str, str]:
            sources = generate_network(*arguments, **options)
            before = sources[GENERATED_KERNELS]
            loop = rf"(\n{self.after}:\n(?:(?!\.size).)*?\n(?P<label>\d):\n)"
            end = r"((?:(?!\n\d:\n)(?!\.size).)*?\n\tbne\.w\t(?P=label)b\n)"
            nothing = "\tnop\n" * self.nops
            after, count = re.subn(loop + end, rf"\1{nothing}\3", before, flags=re.DOTALL)
            assert count == 1
            return {**sources, GENERATED_KERNELS: after}

        patch.setattr(deployment, "generate_network", altered)


def built_instead(
    loaded: LoadedNetwork, target: Target, layer: str, **changes: object
) -> tuple[Deployment, QuantizedNetwork]:
    """Build what is meant to be `loaded` with fields of one layer changed; return both.

    The deployment says that it is the network that was meant, and has the same kernels.
    """
    meant = build_deployment(loaded.quantized, target.board)
    other = with_layer(loaded.quantized, layer, **changes)
    built = build_deployment(other, target.board, choices=meant.choices)
    layout = attrs.evolve(built.layout, network=loaded.quantized)
    return attrs.evolve(built, layout=layout), other


def with_layer(network: QuantizedNetwork, layer: str, **changes: object) -> QuantizedNetwork:
    """Return the network with fields of the layer of that name replaced."""
    names = [one.name for one in network.layers]
    return changed(network, names.index(layer), **changes)
