"""`qrig profile`: cells profiled one after the other, kept as a run."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from attrs import define, field, frozen

from qrig.datasets import Sample
from qrig.errors import UsageError
from qrig.measure.profile_columns import PROFILE_TABLES
from qrig.measure.rows import rows_of
from qrig.networks.files import write_file
from qrig.profiles import write_profile
from qrig.profiles.profile import MEMORY
from qrig.reports.publish import publish, status_of
from qrig.reports.store import RunWriter, new_run_id
from qrig.runs.ending import run_to_end
from qrig.runs.modelled import model_stamp, modelled_boards
from qrig.runs.networks import LoadedNetwork
from qrig.runs.profile import ProfiledCell, profile_cell
from qrig.runs.stamp import make_stamp
from qrig.runs.targets import Target, check_tunings

Progress = Callable[[str], None]
"""Called with the name of each cell before it is profiled."""


@frozen(eq=False)
class ProfileRun:
    """A finished run: its folder, rows, run.json and the tables of all cells."""

    folder: Path
    rows: pd.DataFrame = field(repr=False)
    run: dict[str, Any] = field(repr=False)
    tables: dict[str, pd.DataFrame] = field(repr=False)
    cells: tuple[ProfiledCell, ...] = field(repr=False)

    @property
    def notices(self) -> tuple[str, ...]:
        """What the user should know."""
        return tuple(notice for cell in self.cells for notice in cell.notices)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Sentences about instructions that no timing model knows."""
        return tuple(dict.fromkeys(text for cell in self.cells for text in cell.unknown))


def profile_run(
    networks: list[LoadedNetwork],
    targets: tuple[Target, ...],
    folder: Path,
    *,
    on: tuple[str, ...] = (),
    sample: Sample | None = None,
    placements: int = 1,
    counts: str = MEMORY,
    progress: Progress = lambda name: None,
) -> ProfileRun:
    """Profile every network on every target and write the run into a new folder under `folder`.

    `sample` replaces the networks' own first sample; `on` names the boards to model; `counts` is a
    mode of profiles. If a cell fails, those before it are kept and the error is raised.
    """
    check_tunings(targets, (loaded.quantized for loaded in networks))
    for loaded in networks:
        if sample is None and not loaded.samples:
            raise UsageError(
                f"{loaded.name}: expected an input, found no samples in its network.toml; give "
                "--input FILE"
            )
    plans = [
        (loaded, target, modelled_boards(target, on)) for loaded in networks for target in targets
    ]
    job = _Job(RunWriter(folder, new_run_id()), placements)

    def work() -> None:
        for loaded, target, boards in plans:
            progress(f"{loaded.name} on {target.name}")
            chosen = sample or loaded.samples[0]
            cell = profile_cell(
                target, loaded, chosen, boards, placements=placements, counts=counts
            )
            job.keep(cell)

    return run_to_end(work, job.finish)


@define
class _Job:
    """A run in progress."""

    writer: RunWriter
    placements: int
    cells: list[ProfiledCell] = field(factory=list)
    started: datetime = field(factory=lambda: datetime.now(UTC))

    def keep(self, cell: ProfiledCell) -> None:
        """Write a cell's rows and profile; they are safe when this returns."""
        if cell.profile is not None:
            stem, profile = self.writer.folder / f"profile-{len(self.cells)}", cell.profile
            elf = cell.deployment.elf
            write_file(stem.with_suffix(".json"), lambda path: write_profile(path, profile))
            write_file(stem.with_suffix(".elf"), lambda path: _copy(elf, path))
        self.cells.append(cell)
        board = cell.target.board
        common = {
            "run_id": self.writer.run_id,
            "target": cell.target.name,
            "board": board.name,
            "backend": cell.target.backend.name,
            "core": board.core,
            "network": cell.loaded.name,
            "input": cell.sample.name,
            "input_index": 0,
            "label": cell.sample.label,
        }
        self.writer.append(rows_of(cell.layers, common, board.clock_hz))

    def finish(self, error: str | None) -> ProfileRun:
        """Write tables and page of what there is."""
        tables = joined_tables(self.cells)
        document = {
            "kind": "profile",
            "status": status_of(error),
            "verdict": self.writer.verdict,
            "started": self.started.isoformat(timespec="seconds"),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "error": error,
            "models": self.cells[0].models if self.cells else {},
            "placements": self.placements,
            "notices": [notice for cell in self.cells for notice in (*cell.notices, *cell.unknown)],
            "stamps": [
                {**make_stamp(cell.target, cell.deployment), **model_stamp(cell.boards)}
                for cell in self.cells
            ],
            "footprints": [],
            "accuracy": [],
        }
        rows = publish(self.writer, document, tables)
        run = {"run_id": self.writer.run_id, **document}
        return ProfileRun(self.writer.folder, rows, run, tables, tuple(self.cells))


def _copy(source: Path, path: Path) -> None:
    shutil.copyfile(source, path)


def joined_tables(cells: list[ProfiledCell]) -> dict[str, pd.DataFrame]:
    """Return the tables of all cells, one below the other; none without any profile."""
    found = [cell.tables for cell in cells if cell.tables]
    if not found:
        return {}
    return {
        name: pd.concat([tables[name] for tables in found], ignore_index=True)
        for name in PROFILE_TABLES
    }
