"""The fixtures of the pytest plugin, registered when there are targets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import define, field

from qrig.backends.probe.backend import ProbeBackend
from qrig.backends.probe.hooks import Hooks
from qrig.build.kernel_firmware import build_kernel_firmware
from qrig.build.kernels import OURS, Kernels
from qrig.datasets import Sample
from qrig.errors import QrigError, TargetUnavailableError
from qrig.measure.energy.session import PowerSession
from qrig.measure.rows import LayerResult, rows_of
from qrig.reports.current_line import columns_of
from qrig.runs.bench import recoveries_of, run_inputs
from qrig.runs.deploy import AnyDeployment, deploy
from qrig.runs.deployed import FULL, Deployed
from qrig.runs.energy import CellEnergy, open_target_power
from qrig.runs.networks import LoadedNetwork, load_network
from qrig.runs.resident import ResidentKernels
from qrig.runs.stamp import board_stamp, make_stamp
from qrig.runs.targets import Target

Measure = Callable[..., tuple[LayerResult, ...]]
"""`measure(sample, trace="full")`: run a sample, record its rows, return its layers."""

Resident = Callable[..., ResidentKernels]
"""`resident(kernels=OURS)`: the firmware on the target that calls those kernels."""

_OUTPUT_KEY = "qrig_measured"


@define
class TargetTests:
    """The targets of this test session, which the user `named` or which are defaults.

    `power` names a meter, if there is one. `rows`, `stamps`, `recoveries`, `energy` and `currents`
    (columns of `qrig.reports.current_line`) are what the tests measured and went through, in this
    process and in xdist's workers; `skips` says which targets were skipped, and why.
    """

    targets: tuple[Target, ...]
    named: bool
    power: str | None = None
    rows: list[dict[str, Any]] = field(factory=list)
    recoveries: list[dict[str, Any]] = field(factory=list)
    stamps: dict[str, dict[str, Any]] = field(factory=dict)
    energy: list[dict[str, Any]] = field(factory=list)
    currents: list[dict[str, list[Any]]] = field(factory=list)
    skips: list[str] = field(factory=list)
    summary: list[str] = field(factory=list)

    def record(self, link: Deployed, sample: Sample, layers: tuple[LayerResult, ...]) -> None:
        """Keep the rows of one inference."""
        target, network = link.target, link.deployment.network
        names = {"target": target.name, "network": network.name}
        seen = {row["input_index"] for row in self.rows if row.items() >= names.items()}
        common = {
            **names,
            "board": target.board.name,
            "backend": target.backend.name,
            "core": target.board.core,
            "input": sample.name,
            "input_index": len(seen),
            "label": sample.label,
        }
        self.rows += rows_of(layers, common, target.board.clock_hz)
        self.stamps[f"{target.name} {link.deployment.build_id}"] = {
            **make_stamp(target, link.deployment),
            **board_stamp(link.session.banner),
        }

    def needs_energy(self, link: Deployed) -> bool:
        """Whether the energy of a deployment like this has not been measured yet."""
        names = {"target": link.target.name, "network": link.deployment.network.name}
        return not any(entry.items() >= names.items() for entry in self.energy)

    def note(self, link: Deployed) -> None:
        """Keep what a deployment went through, added to what the same one did before."""
        names = {"target": link.target.name, "network": link.deployment.network.name}
        known = next((entry for entry in self.recoveries if entry.items() >= names.items()), None)
        if known is None:
            self.recoveries.append({**names, **recoveries_of(link)})
            return
        for key, value in recoveries_of(link).items():
            known[key] = known[key] + value if key in known else value


TARGET_TESTS = pytest.StashKey[TargetTests]()
"""Where the session's TargetTests are, in the stash of pytest's configuration."""


def pytest_sessionstart(session: pytest.Session) -> None:
    """End the session, with exit code 3, if a target that the user named cannot be used."""
    config = session.config
    tests = config.stash[TARGET_TESTS]
    if not tests.named or config.option.collectonly or hasattr(config, "workerinput"):
        return
    try:
        for target in tests.targets:
            target.check_available()
    except TargetUnavailableError as error:
        pytest.exit(str(error), returncode=error.exit_code)
    _show_boards(tests.targets, config)


def _show_boards(targets: tuple[Target, ...], config: pytest.Config) -> None:
    """Let boards that are held by others say so on the terminal, through pytest's capture."""
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return
    for target in targets:
        if isinstance(target.backend, ProbeBackend):
            target.backend.hooks = Hooks(
                waiting=lambda name, holder: reporter.write_line(
                    f"waiting for {name}, which {holder} holds"
                ),
                notice=reporter.write_line,
            )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every test that uses a target once per target, unless it chooses its own."""
    if "target" in metafunc.fixturenames and not _chooses_target(metafunc):
        targets = metafunc.config.stash[TARGET_TESTS].targets
        names = [target.name for target in targets]
        metafunc.parametrize("target", targets, indirect=True, ids=names, scope="session")


def _chooses_target(metafunc: pytest.Metafunc) -> bool:
    for mark in metafunc.definition.iter_markers("parametrize"):
        names = mark.args[0] if mark.args else mark.kwargs.get("argnames", "")
        split = names.split(",") if isinstance(names, str) else names
        if "target" in {name.strip() for name in split}:
            return True
    return False


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Group tests by target, so that xdist's loadgroup gives each target to one worker."""
    if not config.pluginmanager.hasplugin("xdist"):
        return
    for item in items:
        callspec = getattr(item, "callspec", None)
        target = callspec.params.get("target") if callspec is not None else None
        if isinstance(target, Target):
            item.add_marker(pytest.mark.xdist_group(target.name))


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> Target:
    """The target the test runs on."""
    chosen: Target = request.param
    tests = request.config.stash[TARGET_TESTS]
    reason = chosen.backend.unavailable(chosen.board)
    if reason is not None and not tests.named:
        tests.skips.append(f"{chosen.name}: {reason}")
        pytest.skip(tests.skips[-1])
    chosen.check_available()
    return chosen


@pytest.fixture(scope="session")
def network(request: pytest.FixtureRequest) -> LoadedNetwork:
    """The network: the ini key `qrig_network`, or what an indirect parameter names."""
    return load_network(getattr(request, "param", request.config.getini("qrig_network")))


@pytest.fixture
def deployment(target: Target, network: LoadedNetwork) -> AnyDeployment:
    """The network built for the target."""
    return deploy(network, target)


@pytest.fixture
def power(
    request: pytest.FixtureRequest, target: Target, deployment: AnyDeployment
) -> Iterator[PowerSession | None]:
    """The meter beside the target, open and configured; None without --power."""
    with open_target_power(request.config.stash[TARGET_TESTS].power, target) as session:
        yield session


@pytest.fixture
def link(
    request: pytest.FixtureRequest,
    target: Target,
    deployment: AnyDeployment,
    power: PowerSession | None,
) -> Iterator[Deployed]:
    """The deployment started on the target, with an open session."""
    tests = request.config.stash[TARGET_TESTS]
    with Deployed(target, deployment) as deployed:
        yield deployed
        tests.note(deployed)


@pytest.fixture(scope="session")
def resident(target: Target) -> Iterator[Resident]:
    """A function that returns kernels on the target, each choice started once and kept."""
    started: dict[Kernels, ResidentKernels] = {}

    def choose(kernels: Kernels = OURS) -> ResidentKernels:
        if kernels not in started:
            firmware = build_kernel_firmware(target.board, kernels)
            started[kernels] = ResidentKernels(target, firmware)
        return started[kernels]

    yield choose
    for chosen in started.values():
        chosen.stop()


@pytest.fixture
def measure(request: pytest.FixtureRequest, link: Deployed, power: PowerSession | None) -> Measure:
    """A function that runs a sample on the target and records every layer.

    With a meter the first sample of each network on each target has the energy of its layers, too.
    """
    tests = request.config.stash[TARGET_TESTS]

    def run(sample: Sample, trace: str = FULL) -> tuple[LayerResult, ...]:
        _, layers, _ = next(run_inputs(link, (sample,), trace))
        energy = CellEnergy(link, power)
        if power is not None and tests.needs_energy(link):
            layers = energy.add(layers)
        tests.record(link, sample, layers)
        document = energy.document()
        if document is not None:
            tests.energy.append(document)
        if energy.current is not None:
            tests.currents.append(columns_of(energy.current))
        energy.raise_failure()
        return layers

    return run


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand the rows to the controller, or write the run and compare it with the baseline."""
    config = session.config
    tests = config.stash[TARGET_TESTS]
    output = getattr(config, "workeroutput", None)
    if output is not None:
        output[_OUTPUT_KEY] = {
            "rows": tests.rows,
            "stamps": tests.stamps,
            "recoveries": tests.recoveries,
            "energy": tests.energy,
            "currents": tests.currents,
            "skips": tests.skips,
        }
        return
    runs = config.getoption("qrig_runs")
    document = _document(tests)
    if tests.rows:
        tests.summary += _write_run(tests, document, runs)
    baseline = config.getoption("qrig_baseline")
    if baseline is not None and not config.option.collectonly:
        lines, code = _judge(baseline, tests, document, runs)
        tests.summary += lines
        session.exitstatus = session.exitstatus or code


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Take the rows of an xdist worker."""
    measured = getattr(node, "workeroutput", {}).get(_OUTPUT_KEY)
    if measured:
        tests = node.config.stash[TARGET_TESTS]
        tests.rows += measured["rows"]
        tests.stamps |= measured["stamps"]
        tests.recoveries += measured["recoveries"]
        tests.energy += measured["energy"]
        tests.currents += measured["currents"]
        tests.skips += measured["skips"]


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say where the results are."""
    summary = config.stash[TARGET_TESTS].summary
    if summary:
        terminalreporter.section("qrig")
        for line in summary:
            terminalreporter.write_line(line)


def _document(tests: TargetTests) -> dict[str, Any]:
    """Return the run.json of the session, without a verdict."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    notices = [
        f"{entry['network']} on {entry['target']}: {notice}"
        for entry in tests.energy
        for notice in entry["notices"]
    ]
    return {
        "status": "complete",
        "started": now,
        "finished": now,
        "error": None,
        "stamps": list(tests.stamps.values()),
        "footprints": [],
        "accuracy": [],
        "recoveries": tests.recoveries,
        "energy": tests.energy,
        "skips": tests.skips,
        "notices": notices,
    }


def _write_run(tests: TargetTests, document: dict[str, Any], folder: str | None) -> list[str]:
    """Write the rows as a run and return what to tell the user; its number goes into `document`."""
    import pandas as pd

    from qrig.reports.current_line import write_current
    from qrig.reports.publish import publish
    from qrig.reports.store import RunWriter, new_run_id, runs_folder

    try:
        writer = RunWriter(runs_folder(folder), new_run_id())
        writer.append({**row, "run_id": writer.run_id} for row in tests.rows)
        write_current(writer.folder, map(pd.DataFrame, tests.currents))
        document |= {"run_id": writer.run_id, "verdict": writer.verdict}
        publish(writer, {name: value for name, value in document.items() if name != "run_id"})
    except (QrigError, OSError) as error:
        return [f"the results could not be written: {error}"]
    notices = [f"note: {notice}" for notice in document["notices"]]
    return [*notices, f"{writer.verdict}: {writer.folder / 'report.html'}"]


def _judge(
    baseline: str, tests: TargetTests, document: dict[str, Any], folder: str | None
) -> tuple[list[str], int]:
    """Compare the session with `baseline`; return what to tell the user and the exit code."""
    from qrig.reports.store import runs_folder
    from qrig.runs.compare import judge_session

    rows = [{**row, "run_id": document.get("run_id", "")} for row in tests.rows]
    try:
        found = judge_session(baseline, rows, document, folder=runs_folder(folder))
    except QrigError as error:
        return [f"baseline {baseline}: {error}"], error.exit_code
    verdict = f"{found['verdict']} than {baseline}" if found["exit_code"] == 1 else found["verdict"]
    lines = [*found["reasons"], *found["findings"], f"baseline {baseline}: {verdict}"]
    return list(dict.fromkeys(lines)), int(found["exit_code"])
