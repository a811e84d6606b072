"""A deployment without generated code: a network as a file, and a firmware that loads it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs
from attrs import field, frozen

from qrig.boards.board import Board
from qrig.build.footprint import Footprint
from qrig.build.kernels import OURS, KernelLibrary, Kernels
from qrig.build.resident import ResidentFirmware
from qrig.build.runtime_firmware import build_runtime_firmware
from qrig.build.runtime_plan import runtime_plan
from qrig.build.toolchain import Toolchain
from qrig.codegen import Choices
from qrig.codegen.memory_plan import MemoryPlan
from qrig.fixedpoint.network_file import CORRECT, HISTORICAL, file_from_network
from qrig.fixedpoint.quantized import QuantizedNetwork
from qrig.fixedpoint.semantics import DEFAULT, Semantics


@frozen(eq=False)
class RuntimeDeployment:
    """A network, the file it is in, and the firmware that loads that file.

    `is_stored` says that the file lies in the board's flash already; else it is sent to it.
    `semantics` is what is computed: what the kernels are compiled for, or OpenMV's.
    """

    network: QuantizedNetwork = field(repr=False)
    file: bytes = field(repr=False)
    firmware: ResidentFirmware
    semantics: Semantics
    is_stored: bool

    @property
    def board(self) -> Board:
        """The board the firmware was built for."""
        return self.firmware.board

    @property
    def build_id(self) -> str:
        """What the firmware's banner says it is."""
        return self.firmware.build_id

    @property
    def elf(self) -> Path:
        """The firmware."""
        return self.firmware.elf

    @property
    def footprint(self) -> Footprint:
        """Flash and RAM of the firmware, its whole arena among them."""
        return self.firmware.footprint

    @property
    def toolchain(self) -> Toolchain:
        """What compiled the firmware."""
        return self.firmware.toolchain

    @property
    def library(self) -> KernelLibrary:
        """The kernels in the firmware."""
        return self.firmware.library

    @property
    def choices(self) -> Choices:
        """No choices: the loader decides."""
        return {}

    @property
    def carriers(self) -> Mapping[int, int]:
        """No stages that are computed together."""
        return {}

    @property
    def memory_plan(self) -> MemoryPlan:
        """Every buffer that the firmware lays out in its arena."""
        return runtime_plan(self.network, self.board, 0 if self.is_stored else len(self.file))

    @property
    def has_softmax(self) -> bool:
        """Whether the network ends in a softmax, which the file does not hold."""
        return self.network.stages[-1].type == "softmax"


def build_runtime_deployment(
    network: QuantizedNetwork,
    board: Board,
    kernels: Kernels = OURS,
    *,
    batch: int = 1,
    is_stored: bool = False,
) -> RuntimeDeployment:
    """Write `network` as a file and build, or take from the cache, a firmware that loads it.

    `batch` is the batch size in the file. Raises UnsupportedNetworkError for what the format lacks,
    NetworkTooLargeError, and BuildError.
    """
    semantics = kernels.semantics
    dialect = HISTORICAL if semantics.is_openmv else CORRECT
    file = file_from_network(network, batch=batch, dialect=dialect).to_bytes()
    compiled = attrs.evolve(kernels, semantics=DEFAULT) if semantics.is_openmv else kernels
    firmware = build_runtime_firmware(board, compiled, store=file if is_stored else None)
    return RuntimeDeployment(network, file, firmware, semantics, is_stored)
