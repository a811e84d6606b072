"""The files of a generated project: the C sources and a README, each with a line that seals it.

The seal is the last line of every file: it tells files that qrig wrote from others, and from those
that a person has changed since.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from qrig import __version__
from qrig.codegen.choices import Choices
from qrig.codegen.generate import ASSEMBLER_CORES, PORTABLE, generate_network, render
from qrig.codegen.interfaces import QRIG_API
from qrig.codegen.layout import make_layout
from qrig.fixedpoint.quantized import QuantizedNetwork
from qrig.fixedpoint.semantics import Semantics

CORES = (*ASSEMBLER_CORES, PORTABLE)
"""The cores a project can be made for."""

NETWORK, README = "network.c", "README.md"

FILES = (
    "weights.h",
    "parameter.h",
    "network.h",
    NETWORK,
    "network_kernels.S",
    "network_kernels.c",
    README,
)
"""Every file that a project can have."""

_DIGITS = 16
_SEALED = "Made by qrig; sha256 of the lines above:"
_SEAL = re.compile(
    rf"(?P<text>.*\n)(/\*|<!--) {_SEALED} (?P<sha256>[0-9a-f]{{{_DIGITS}}}) (\*/|-->)\n", re.DOTALL
)


def project_files(
    network: QuantizedNetwork,
    semantics: Semantics,
    *,
    choices: Choices,
    core: str,
    api: str = QRIG_API,
    plan: str | None = None,
) -> dict[str, str]:
    """Return the files of the project by name; arguments and errors are generate_network's."""
    files = generate_network(network, semantics, choices=choices, core=core, api=api, plan=plan)
    layout = make_layout(network, choices, truncate=semantics.truncate, api=api)
    context: dict[str, Any] = {
        "version": __version__,
        "network": network,
        "layout": layout,
        "own_bytes": layout.arena.size_bytes + layout.products_bytes,
        "api": api,
        "core": core,
        "plan": plan,
        "flags": "".join(f"-D{name} " for name in semantics.definitions),
        "kernels": next((name for name in files if name.startswith("network_kernels")), None),
        "implementation": "dsp" if core in ASSEMBLER_CORES else "portable",
    }
    files[README] = render("README.md.j2", context)
    return {name: _sealed(name, text) for name, text in files.items()}


def is_sealed(text: str) -> bool | None:
    """Return whether qrig wrote this text; None if it did and somebody has changed it since."""
    found = _SEAL.fullmatch(text.replace("\r\n", "\n"))
    if found is None:
        return None if _SEALED in text else False
    return True if _sha256(found["text"]) == found["sha256"] else None


def _sealed(name: str, text: str) -> str:
    begin, end = ("<!--", "-->") if name == README else ("/*", "*/")
    return f"{text}{begin} {_SEALED} {_sha256(text)} {end}\n"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
