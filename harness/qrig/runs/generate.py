"""A network as C sources to keep: which kernels they call, and a folder that holds them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import field, frozen
from attrs.validators import in_, optional

from qrig.build.cmsis_nn_limits import check_layers
from qrig.codegen import Choice, Choices, Layout, make_layout
from qrig.codegen.choose import FAST, LIBRARY_PLAN, PLANS, plan_choices
from qrig.codegen.interfaces import APIS, CMSIS_NN_API, QRIG_API
from qrig.codegen.kept import kept_choices
from qrig.codegen.names import stage_identifiers
from qrig.codegen.project import CORES, NETWORK, project_files
from qrig.codegen.record import TUNED, Record, read_record, used_choices
from qrig.codegen.tuning import Tuning, find_tuning
from qrig.errors import UsageError
from qrig.fixedpoint.quantized import QuantizedNetwork
from qrig.fixedpoint.semantics import DEFAULT, Semantics, check_compiled
from qrig.runs.project_folder import read_project, write_project


@frozen
class Wanted:
    """What a project shall call and compute; what is None stays as it is in the folder.

    In a new folder it is QRIG_API, Cortex-M4 and the plan FAST.
    """

    api: str | None = field(default=None, validator=optional(in_(APIS)))
    core: str | None = field(default=None, validator=optional(in_(CORES)))
    plan: str | None = field(default=None, validator=optional(in_(PLANS)))
    tunings: tuple[Tuning, ...] = ()
    semantics: Semantics = DEFAULT


@frozen(eq=False)
class Project:
    """A folder with a generated network.

    `files` says what became of each file (see qrig.runs.project_folder), `notices` which layers
    got other kernels than they had there, and why.
    """

    folder: Path
    layout: Layout = field(repr=False)
    files: Mapping[str, str]
    notices: tuple[str, ...]


@frozen
class _Chosen:
    """The kernels of a project, the plan they are of, and why some are no longer those before."""

    choices: Choices
    plan: str
    reasons: Mapping[str, str] = field(factory=dict)


def generate_project(network: QuantizedNetwork, folder: Path, wanted: Wanted) -> Project:
    """Write the C sources of `network` to `folder`, which is new or holds a project of ours.

    Kernels that are there stay if they are exact for the new weights. Raises UsageError for a
    folder with other files and for options that do not go together, UnsupportedNetworkError for
    what the API does not compute.
    """
    check_compiled(wanted.semantics)
    before = read_project(folder)
    record = read_record(before.get(NETWORK, ""))
    api = wanted.api or (record.api if record and record.api in APIS else QRIG_API)
    core = wanted.core or (record.core if record and record.core in CORES else CORES[0])
    truncate = wanted.semantics.truncate
    if api == CMSIS_NN_API:
        _check_cmsis_nn(network, wanted)
        chosen = _Chosen({}, LIBRARY_PLAN)
    else:
        kept = record if record and (record.api, record.core) == (api, core) else None
        chosen = _choose(network, wanted, core, kept)
    files = project_files(
        network, wanted.semantics, choices=chosen.choices, core=core, api=api, plan=chosen.plan
    )
    layout = make_layout(network, chosen.choices, truncate=truncate, api=api)
    fates = write_project(folder, files, before)
    same = record is not None and record.is_of(network)
    notices = _notices(layout, record, chosen.reasons) if record and same else ()
    return Project(folder, layout, fates, tuple(notices))


def _check_cmsis_nn(network: QuantizedNetwork, wanted: Wanted) -> None:
    """Refuse what CMSIS-NN cannot be asked; raises UsageError, UnsupportedNetworkError."""
    if wanted.tunings or wanted.plan not in (None, LIBRARY_PLAN):
        found = f"--plan {wanted.plan}" if wanted.plan not in (None, LIBRARY_PLAN) else "--tuning"
        raise UsageError(
            f"expected --plan library with --api {CMSIS_NN_API}, found {found}: it has no other "
            "kernels to choose from; leave one of them out"
        )
    if wanted.semantics.pooling != DEFAULT.pooling:
        raise UsageError(
            f"expected pooling {DEFAULT.pooling} with --api {CMSIS_NN_API}, found "
            f"{wanted.semantics.pooling}: an original pools so on every core with DSP "
            "instructions; leave one of them out"
        )
    check_layers(network, f"generate it without --api {CMSIS_NN_API}")


def _choose(network: QuantizedNetwork, wanted: Wanted, core: str, record: Record | None) -> _Chosen:
    """Choose kernels: measured ones, those of `record` as far as they are exact, or a plan's."""
    truncate = wanted.semantics.truncate
    if wanted.tunings:
        tuning = find_tuning(wanted.tunings, network, core)
        if tuning is None:
            raise UsageError(
                f"expected a tuning of {network.name}, found one of {wanted.tunings[0].network!r}; "
                "leave it out, or generate that network"
            )
        return _Chosen(tuning.choices_for(network, core), TUNED)
    stays = record is not None and wanted.plan in (None, record.plan) and record.is_of(network)
    if record is None or not stays:
        plan = wanted.plan or FAST
        return _Chosen(plan_choices(network, core, plan, truncate=truncate), plan)
    kept = kept_choices(network, record, truncate=truncate)
    choices = dict(kept.choices)
    if kept.reasons:
        plan = record.plan if record.plan in PLANS else FAST
        others = plan_choices(network, core, plan, truncate=truncate)
        choices |= {name: others.get(name, Choice()) for name in kept.reasons}
    return _Chosen(choices, record.plan or FAST, kept.reasons)


def _notices(layout: Layout, record: Record, reasons: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for every layer whose kernel is another than before."""
    names = stage_identifiers(stage.name for stage in layout.network.stages)
    for layer, choice in used_choices(layout).items():
        before = record.kernels.get(names[layer])
        if before is None or before == choice:
            continue
        text = f"layer {layer!r} changed its kernel from {str(before)!r} to {str(choice)!r}"
        if layer in reasons:
            text += f": the former is not exact for these weights, for {reasons[layer]}"
        yield text
