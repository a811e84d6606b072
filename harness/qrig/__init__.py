"""qrig: a hardware-in-the-loop harness for fixed-point networks on Cortex-M4/M7."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qrig.runs.net import Net

__version__ = "0.1.0"


def load(network: Any, **options: Any) -> Net:
    """Load a network and return what answers for it; `qrig.runs.net.load` has the options."""
    from qrig.runs.net import load as load_net

    return load_net(network, **options)
