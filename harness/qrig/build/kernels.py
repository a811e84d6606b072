"""The kernels a firmware is linked with: a library, built once and kept in the cache."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from attrs import field, frozen
from attrs.validators import in_, optional

from qrig import __version__
from qrig.boards.board import Board
from qrig.build.cmake import COMPILE_COMMANDS, build_once, digest_files, run_cmake
from qrig.build.cmsis_nn import NAME, CmsisNN
from qrig.build.toolchain import Toolchain
from qrig.codegen import Choices
from qrig.codegen.choose import FAST, PLANS, plan_choices
from qrig.codegen.tuning import Tuning, find_tuning
from qrig.fixedpoint.quantized import QuantizedNetwork
from qrig.fixedpoint.semantics import DEFAULT, Semantics
from qrig.resources import cache_root, firmware_root

IMPLEMENTATIONS = ("dsp", "portable")
"""Our kernels: with the DSP instructions of Cortex-M4/M7 (in C elsewhere), or for any core."""

_ID_DIGITS = 16


@frozen
class Kernels:
    """Whose kernels, in which implementation, and what they compute.

    `implementation` is one of ours; None is what suits the core. With `cmsis_nn` an original
    CMSIS-NN of the user's stands in for our kernels, and nothing but its functions is called.
    `plan` says how ours are chosen (qrig.codegen.choose) for networks that no tuning names.
    """

    semantics: Semantics = DEFAULT
    implementation: str | None = field(default=None, validator=optional(in_(IMPLEMENTATIONS)))
    cmsis_nn: CmsisNN | None = None
    plan: str = field(default=FAST, validator=in_(PLANS))
    tunings: tuple[Tuning, ...] = ()

    def choices_for(self, network: QuantizedNetwork, board: Board) -> Choices:
        """Return the kernel of every convolution of `network` on `board`.

        Raises UsageError if all tunings of `network` are of other weights or another core.
        """
        if self.cmsis_nn is not None:
            return {}
        truncate = self.semantics.truncate
        tuning = find_tuning(self.tunings, network, board.core)
        if tuning is not None:
            return tuning.choices_for(network, board.core)
        return plan_choices(
            network, board.core, self.plan, truncate=truncate, memories=board.memory
        )

    @property
    def label(self) -> str:
        """What tells targets with these kernels from others; empty for our own."""
        return NAME if self.cmsis_nn is not None else ""

    def implementation_for(self, board: Board) -> str:
        """Return the implementation of ours that `board` gets."""
        return self.implementation or ("portable" if board.is_native else "dsp")


OURS = Kernels()
"""Our own kernels as they come."""


@frozen
class KernelLibrary:
    """A library of kernels: the archive, the folder of its arm_nnfunctions.h, and what it is.

    `id` names everything it was built from and how; `sha256` is of its sources alone.
    """

    name: str
    sha256: str
    id: str
    archive: Path = field(repr=False)
    headers: Path = field(repr=False)
    compile_commands: Path = field(repr=False)


@frozen
class _Project:
    """What CMake builds a library from: a project of ours and its variables.

    `home` is a folder in the variables whose place does not matter; `sha256` is of the kernels'
    sources, `firmware_sha256` of everything of ours that takes part.
    """

    name: str
    source: Path
    headers: Path
    home: Path
    variables: dict[str, object]
    sha256: str
    firmware_sha256: str


def kernel_library(kernels: Kernels, board: Board, toolchain: Toolchain) -> KernelLibrary:
    """Build the kernels with `toolchain`, or take them from the cache; raises BuildError."""
    project = _original(kernels.cmsis_nn, board) if kernels.cmsis_nn else _ours(kernels, board)
    variables = {**project.variables, "QRIG_KERNEL_OPTIONS": kernels.semantics.definitions}
    identity = [
        *(toolchain.version, toolchain.flags, project.name),
        *(project.sha256, project.firmware_sha256, sorted(variables.items())),
    ]
    text = json.dumps(identity, default=str).replace(str(project.home), "")
    found = hashlib.sha256(text.encode()).hexdigest()[:_ID_DIGITS]
    folder = cache_root() / "kernels" / found
    build_once(
        folder,
        lambda: run_cmake(project.source, folder, toolchain, variables),
        {"kernels": project.name, "compiler": toolchain.version},
    )
    return KernelLibrary(
        name=project.name,
        sha256=project.sha256,
        id=found,
        archive=folder / "libkernels.a",
        headers=project.headers,
        compile_commands=folder / COMPILE_COMMANDS,
    )


def _ours(kernels: Kernels, board: Board) -> _Project:
    implementation = kernels.implementation_for(board)
    folder = firmware_root() / "kernels"
    sha256 = _sha256([*folder.glob("*"), *(folder / implementation).rglob("*")])
    return _Project(
        name=f"qrig {__version__}, {implementation}",
        source=folder,
        headers=folder,
        home=folder,
        variables={"QRIG_KERNELS": implementation},
        sha256=sha256,
        firmware_sha256=sha256,
    )


def _original(original: CmsisNN, board: Board) -> _Project:
    folder = firmware_root() / "cmsis_nn"
    return _Project(
        name=original.name,
        source=folder,
        headers=folder / "interface",
        home=original.folder.parent,
        variables={
            "QRIG_CMSIS_NN_SOURCES": original.sources,
            "QRIG_CMSIS_NN_INCLUDES": original.includes,
            "QRIG_CMSIS_NN_DEFINITIONS": original.definitions(board),
        },
        sha256=original.sha256,
        firmware_sha256=_sha256(firmware_root().rglob("*")),
    )


def _sha256(paths: Iterable[Path]) -> str:
    """Return a digest of our files among `paths` and of how they are compiled."""
    root = firmware_root()
    return digest_files(root, {*paths, root / "compile.cmake"})
