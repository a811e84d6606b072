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
from qrig.measure.rows import LayerResult, rows_of
from qrig.runs.bench import recoveries_of, run_inputs
from qrig.runs.deploy import AnyDeployment, deploy
from qrig.runs.deployed import FULL, Deployed
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

    `rows`, `stamps` and `recoveries` are what the tests measured and went through, in this process
    and in xdist's workers.
    """

    targets: tuple[Target, ...]
    named: bool
    rows: list[dict[str, Any]] = field(factory=list)
    recoveries: list[dict[str, Any]] = field(factory=list)
    stamps: dict[str, dict[str, Any]] = field(factory=dict)
    summary: str | None = None

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
        self.stamps[link.deployment.build_id] = {
            **make_stamp(target, link.deployment),
            **board_stamp(link.session.banner),
        }

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
    reason = chosen.backend.unavailable(chosen.board)
    if reason is not None and not request.config.stash[TARGET_TESTS].named:
        pytest.skip(f"{chosen.name}: {reason}")
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
def link(
    request: pytest.FixtureRequest, target: Target, deployment: AnyDeployment
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
def measure(request: pytest.FixtureRequest, link: Deployed) -> Measure:
    """A function that runs a sample on the target and records every layer."""

    def run(sample: Sample, trace: str = FULL) -> tuple[LayerResult, ...]:
        _, layers, _ = next(run_inputs(link, (sample,), trace))
        request.config.stash[TARGET_TESTS].record(link, sample, layers)
        return layers

    return run


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand the rows to the controller, or write the run."""
    tests = session.config.stash[TARGET_TESTS]
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_OUTPUT_KEY] = {
            "rows": tests.rows,
            "stamps": tests.stamps,
            "recoveries": tests.recoveries,
        }
    elif tests.rows:
        tests.summary = _write_run(tests, session.config.getoption("qrig_runs"))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Take the rows of an xdist worker."""
    measured = getattr(node, "workeroutput", {}).get(_OUTPUT_KEY)
    if measured:
        tests = node.config.stash[TARGET_TESTS]
        tests.rows += measured["rows"]
        tests.stamps |= measured["stamps"]
        tests.recoveries += measured["recoveries"]


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say where the results are."""
    summary = config.stash[TARGET_TESTS].summary
    if summary is not None:
        terminalreporter.section("qrig")
        terminalreporter.write_line(summary)


def _write_run(tests: TargetTests, folder: str | None) -> str:
    """Write the rows as a run and return what to tell the user."""
    from qrig.reports.publish import publish
    from qrig.reports.store import RunWriter, new_run_id, runs_folder

    now = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        writer = RunWriter(runs_folder(folder), new_run_id())
        writer.append({**row, "run_id": writer.run_id} for row in tests.rows)
        document = {
            "status": "complete",
            "verdict": writer.verdict,
            "started": now,
            "finished": now,
            "error": None,
            "stamps": list(tests.stamps.values()),
            "footprints": [],
            "accuracy": [],
            "recoveries": tests.recoveries,
        }
        publish(writer, document)
    except (QrigError, OSError) as error:
        return f"the results could not be written: {error}"
    return f"{writer.verdict}: {writer.folder / 'report.html'}"
