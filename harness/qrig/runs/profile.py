"""Profiling: one input of a network on a target, counted to the last instruction and priced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import attrs
import pandas as pd
from attrs import field, frozen

from qrig.boards import Board
from qrig.build import Deployment, build_deployment
from qrig.build.image import read_image
from qrig.datasets import Sample
from qrig.errors import TargetUnavailableError, UndeterminedProfileError
from qrig.measure.profile_counts import read_program
from qrig.measure.profile_tables import LayerFacts, profile_tables
from qrig.measure.rows import MODEL_COLUMNS, LayerResult
from qrig.measure.timing import price_profile
from qrig.profiles import Profile, ProfileRequest
from qrig.profiles.profile import MEMORY
from qrig.reference import run_reference
from qrig.runs.deployed import CRC, LOGITS, Deployed
from qrig.runs.modelled import model_texts, modelled_caches
from qrig.runs.networks import LoadedNetwork
from qrig.runs.targets import Target

PLACEMENT_STEP_BYTES = 4
"""How far one placement's code lies behind that of the one before; functions are aligned to 4."""

_ATTEMPTS = 3


@frozen(eq=False)
class ProfiledCell:
    """One network on one target, profiled.

    `layers` are its rows, `tables` those of `qrig.measure.profile_columns`. `profile` is None, and
    the tables are empty, if the target only counts instructions; `notices` say why. `unknown` are
    sentences about instructions that a model does not know.
    """

    target: Target
    loaded: LoadedNetwork
    deployment: Deployment
    sample: Sample
    boards: Mapping[str, Board]
    layers: tuple[LayerResult, ...] = field(repr=False)
    profile: Profile | None = field(default=None, repr=False)
    tables: Mapping[str, pd.DataFrame] = field(factory=dict, repr=False)
    notices: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def models(self) -> dict[str, str]:
        """What the columns of each model stand for, by their suffix."""
        return model_texts(self.boards)


def profile_cell(
    target: Target,
    loaded: LoadedNetwork,
    sample: Sample,
    boards: Mapping[str, Board],
    *,
    placements: int = 1,
    counts: str = MEMORY,
) -> ProfiledCell:
    """Profile `sample` on `target` and price it on `boards` (by suffix, see `modelled_boards`).

    `counts` is a mode of profiles; only with memory counts is there something to price. With
    several `placements` the firmware is linked again with its code shifted, and the least and
    largest cycles are noted. A target that takes no profiles counts instructions alone. Raises
    TargetError, BuildError, InputError.
    """
    target.check_available()
    deployment = build_deployment(loaded.quantized, target.board, target.kernels)
    cell = profile_deployment(target, loaded, deployment, sample, boards, counts=counts)
    if cell.profile is None:
        return cell
    request = _request(counts, boards)
    others = [
        _profiled(target, loaded, _shifted(cell, number), sample, boards, request)
        for number in range(1, placements)
    ]
    return attrs.evolve(cell, tables=_with_spread(cell, others)) if others else cell


def profile_deployment(
    target: Target,
    loaded: LoadedNetwork,
    deployment: Deployment,
    sample: Sample,
    boards: Mapping[str, Board],
    *,
    counts: str = MEMORY,
) -> ProfiledCell:
    """Profile a deployment that is built already; everything else as in `profile_cell`."""
    reason = target.backend.unprofiled()
    if reason is not None:
        return _counted(target, loaded, deployment, sample, boards, reason)
    request = _request(counts, boards)
    return _profiled(target, loaded, deployment, sample, boards, request)


def _request(counts: str, boards: Mapping[str, Board]) -> ProfileRequest:
    return ProfileRequest(counts, modelled_caches(boards) if counts == MEMORY else ())


def _shifted(cell: ProfiledCell, number: int) -> Deployment:
    return build_deployment(
        cell.loaded.quantized,
        cell.target.board,
        cell.target.kernels,
        text_shift_bytes=number * PLACEMENT_STEP_BYTES,
    )


def _profiled(
    target: Target,
    loaded: LoadedNetwork,
    deployment: Deployment,
    sample: Sample,
    boards: Mapping[str, Board],
    request: ProfileRequest,
) -> ProfiledCell:
    profile, layers = _taken(target, deployment, sample, request)
    image = read_image(deployment.elf)
    program = read_program(profile, image)
    priced = {
        suffix: price_profile(profile, image, board, code=program.code)
        for suffix, board in boards.items()
        if request.mode == MEMORY
    }
    facts = tuple(LayerFacts(layer.name, layer.type, layer.mac) for layer in layers)
    tables = profile_tables(
        program,
        priced,
        facts,
        {"target": target.name, "network": loaded.name},
        {suffix: boards[suffix].clock_hz for suffix in priced},
    )
    return ProfiledCell(
        target=target,
        loaded=loaded,
        deployment=deployment,
        sample=sample,
        boards=boards,
        layers=_with_counts(layers, tables["layers"]),
        profile=profile,
        tables=tables,
        unknown=unknown_instructions(tables["instructions"]),
    )


def _taken(
    target: Target, deployment: Deployment, sample: Sample, request: ProfileRequest
) -> tuple[Profile, tuple[LayerResult, ...]]:
    """Run `sample` and return its profile and layers.

    If counts of blocks leave an edge open, a second run counts that one, too.
    """
    network = deployment.network
    for _ in range(_ATTEMPTS):
        with Deployed(target, deployment, request) as deployed:
            remote = deployed.run(sample.pixels, LOGITS)
            expected = run_reference(network, sample.pixels, deployment.semantics)
            layers = deployed.compare(remote, expected)
            try:
                return deployed.running.profile(), layers
            except UndeterminedProfileError as error:
                reason = error
    raise reason


def _counted(
    target: Target,
    loaded: LoadedNetwork,
    deployment: Deployment,
    sample: Sample,
    boards: Mapping[str, Board],
    reason: str,
) -> ProfiledCell:
    if target.backend.counts == "none":
        raise TargetUnavailableError(f"{target.name}: {reason}")
    with Deployed(target, deployment) as deployed:
        remote = deployed.run(sample.pixels, CRC)
        expected = run_reference(loaded.quantized, sample.pixels, deployment.semantics)
        layers = deployed.compare(remote, expected)
    notice = f"{target.name}: no profile, instructions per layer alone: {reason}"
    return ProfiledCell(target, loaded, deployment, sample, boards, layers, notices=(notice,))


def _with_counts(layers: tuple[LayerResult, ...], table: pd.DataFrame) -> tuple[LayerResult, ...]:
    """Return layers with the profile's instructions and the models' columns."""
    return tuple(
        layer
        if layer.computed_with is not None
        else attrs.evolve(
            layer,
            instructions=int(row["instructions"]),
            model={
                str(name): float(value)
                for name, value in row.items()
                if name in MODEL_COLUMNS and not pd.isna(value)
            },
        )
        for layer, row in zip(layers, table.to_dict("records"), strict=True)
    )


def unknown_instructions(instructions: pd.DataFrame) -> tuple[str, ...]:
    """Say which executed instructions no model knows: once each, most executed first."""
    found = instructions[instructions["class"] == "unknown"]
    sums: Counter[tuple[int, str, str]] = Counter()
    for row in found.to_dict("records"):
        sums[row["address"], row["function"], row["bytes"]] += row["executions"]
    return tuple(
        f"{address:#010x} in {function}: expected an instruction the timing models know, found "
        f"{code} (executed {count:,} times); its layers have no model cycles"
        for (address, function, code), count in sums.most_common()
    )


def _with_spread(cell: ProfiledCell, others: list[ProfiledCell]) -> dict[str, pd.DataFrame]:
    """Return the tables with the least and largest cycles of every placement."""
    layers = cell.tables["layers"].copy()
    for suffix in cell.boards:
        name = f"model_cycles_{suffix}"
        spread = pd.concat([one.tables["layers"][name] for one in (cell, *others)], axis="columns")
        layers[f"{name}_min"] = spread.min(axis="columns", skipna=False)
        layers[f"{name}_max"] = spread.max(axis="columns", skipna=False)
    return {**cell.tables, "layers": layers}
