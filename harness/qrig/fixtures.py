"""The fixtures of the pytest plugin, registered when there are targets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from qrig.build import Deployment, build_deployment
from qrig.datasets import Sample
from qrig.errors import QrigError
from qrig.measure.rows import LayerResult, rows_of
from qrig.runs.bench import run_inputs
from qrig.runs.deployed import FULL, Deployed
from qrig.runs.networks import LoadedNetwork, load_network
from qrig.runs.stamp import make_stamp
from qrig.runs.targets import Target

Measure = Callable[..., tuple[LayerResult, ...]]
"""`measure(sample, trace="full")`: run a sample, record its rows, return its layers."""

_OUTPUT_KEY = "qrig_measured"


class TargetTests:
    """Runs tests once per target and keeps what they measure."""

    def __init__(self, config: pytest.Config, targets: tuple[Target, ...], *, named: bool) -> None:
        """Prepare for `targets`, which the user `named` or which are defaults."""
        self._config = config
        self._targets = targets
        self._named = named
        self._rows: list[dict[str, Any]] = []
        self._stamps: dict[str, dict[str, Any]] = {}
        self._report: str | None = None

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run every test that uses a target once per target."""
        if "target" in metafunc.fixturenames:
            metafunc.parametrize(
                "target",
                self._targets,
                indirect=True,
                ids=[t.name for t in self._targets],
                scope="session",
            )

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Group tests by target, so that xdist gives each target to one worker."""
        if not self._config.pluginmanager.hasplugin("xdist"):
            return
        for item in items:
            callspec = getattr(item, "callspec", None)
            target = callspec.params.get("target") if callspec is not None else None
            if isinstance(target, Target):
                item.add_marker(pytest.mark.xdist_group(target.name))

    @pytest.fixture(scope="session")
    def target(self, request: pytest.FixtureRequest) -> Target:
        """The target the test runs on."""
        target: Target = request.param
        reason = target.backend.unavailable()
        if reason is not None:
            if not self._named:
                pytest.skip(f"{target.name}: {reason}")
            target.check_available()
        return target

    @pytest.fixture(scope="session")
    def network(self, request: pytest.FixtureRequest) -> LoadedNetwork:
        """The network: the ini key `qrig_network`, or what an indirect parameter names."""
        return load_network(getattr(request, "param", self._config.getini("qrig_network")))

    @pytest.fixture
    def deployment(self, target: Target, network: LoadedNetwork) -> Deployment:
        """The network built for the target."""
        return build_deployment(network.quantized, target.board)

    @pytest.fixture
    def link(self, target: Target, deployment: Deployment) -> Iterator[Deployed]:
        """The deployment started on the target, with an open session."""
        with Deployed(target, deployment) as deployed:
            yield deployed

    @pytest.fixture
    def measure(self, request: pytest.FixtureRequest, link: Deployed) -> Measure:
        """A function that runs a sample on the target and records every layer."""

        def run(sample: Sample, trace: str = FULL) -> tuple[LayerResult, ...]:
            _, layers, _ = next(run_inputs(link, (sample,), trace))
            self._record(link, sample, layers)
            return layers

        return run

    def _record(self, link: Deployed, sample: Sample, layers: tuple[LayerResult, ...]) -> None:
        target, network = link.target, link.deployment.network
        names = {"target": target.name, "network": network.name}
        seen = {row["input_index"] for row in self._rows if row.items() >= names.items()}
        common = {
            **names,
            "board": target.board.name,
            "backend": target.backend.name,
            "core": target.board.core,
            "input": sample.name,
            "input_index": len(seen),
            "label": sample.label,
        }
        self._rows += rows_of(layers, common, target.board.clock_hz)
        self._stamps[link.deployment.build_id] = make_stamp(target, link.deployment)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Hand the rows to the controller, or write the run."""
        output = getattr(self._config, "workeroutput", None)
        if output is not None:
            output[_OUTPUT_KEY] = {"rows": self._rows, "stamps": self._stamps}
        elif self._rows:
            self._report = self._write()

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Take the rows of an xdist worker."""
        measured = getattr(node, "workeroutput", {}).get(_OUTPUT_KEY)
        if measured:
            self._rows += measured["rows"]
            self._stamps |= measured["stamps"]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say where the results are."""
        if self._report is not None:
            terminalreporter.section("qrig")
            terminalreporter.write_line(self._report)

    def _write(self) -> str:
        from qrig.reports.html import write_report
        from qrig.reports.plots import write_plots
        from qrig.reports.store import RunWriter, new_run_id, runs_folder

        now = datetime.now(UTC).isoformat(timespec="seconds")
        differs = any(row["verdict"] == "differs" for row in self._rows)
        verdict = "differs" if differs else "bit-exact"
        document = {
            "status": "complete",
            "verdict": verdict,
            "started": now,
            "finished": now,
            "error": None,
            "stamps": list(self._stamps.values()),
            "footprints": [],
            "accuracy": [],
        }
        try:
            writer = RunWriter(runs_folder(self._config.getoption("qrig_runs")), new_run_id())
            writer.save_run(document)
            writer.append({**row, "run_id": writer.run_id} for row in self._rows)
            frame = writer.finish()
            write_plots(frame, writer.folder)
            write_report(
                frame, {"run_id": writer.run_id, **document}, writer.folder / "report.html"
            )
        except (QrigError, OSError) as error:
            return f"the results could not be written: {error}"
        return f"{verdict}: {writer.folder / 'report.html'}"
