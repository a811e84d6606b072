"""What a virtual board costs: its start with and without flashing, and one inference."""

import os
import tempfile
import time
from collections.abc import Iterator

from qrig.build.flash_image import read_flash_image
from qrig.runs.deploy import deploy
from qrig.runs.deployed import LOGITS, Deployed
from qrig.runs.networks import load_network
from qrig.runs.targets import find_target

_BOARDS = ("nucleo-f746@virtual", "nucleo-f429@virtual")


def run() -> Iterator[str]:
    """Yield seconds of two starts of the bundled LeNet, flash empty and flash as it should be."""
    loaded = load_network("lenet-mnist")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["QRIG_STATE"] = folder
        for name in _BOARDS:
            target = find_target(name)
            deployment = deploy(loaded, target)
            size_bytes = read_flash_image(deployment.elf).size_bytes
            for kind in ("empty flash", "flash as it should be"):
                begun = time.perf_counter()
                with Deployed(target, deployment) as deployed:
                    started = time.perf_counter()
                    deployed.run(loaded.samples[0].pixels, LOGITS)
                    done = time.perf_counter()
                    flashed = deployed.running.effort.counts.get("flashed", 0)
                yield (
                    f"{name}, {kind}: {started - begun:.2f} s from nothing to an open session, "
                    f"{flashed} x {size_bytes:,} bytes flashed and read back; an inference takes "
                    f"{done - started:.2f} s"
                )
