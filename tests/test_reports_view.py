from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

from qrig.errors import UsageError
from qrig.reports import tables
from qrig.reports.html import render_report, write_report
from viewed_rows import EMULATED, HOSTILE, SILICON, Page, make_rows, make_run


def one(table: pd.DataFrame, **match: str) -> dict[Any, Any]:
    for column, value in match.items():
        table = table[table[column] == value]
    (record,) = table.to_dict("records")
    return {column: None if pd.isna(value) else value for column, value in record.items()}


def page_of(rows: pd.DataFrame, **changes: Any) -> Page:
    return Page(render_report(rows, make_run(**changes)))


def test_layer_table_condenses_inputs_and_keeps_missing_kinds_missing() -> None:
    rows = pd.concat([make_rows(), make_rows(SILICON, counts=((None, 400, 20),))])
    table = tables.layer_table(rows)
    conv = one(table, target=EMULATED, layer="conv1")
    assert (conv["instructions_median"], conv["instructions_min"]) == (1001.5, 1000)
    assert (conv["instructions_max"], conv["inputs"], conv["mac"]) == (1003, 2, 100)
    assert conv["instructions_per_mac"] == pytest.approx(10.015)
    for name in ("cycles_median", "cycles_min", "cycles_per_mac", "latency_us_median"):
        assert conv[name] is None
    silicon = one(table, target=SILICON, layer="conv1")
    assert (silicon["cycles_median"], silicon["latency_us_median"]) == (400, 2.0)
    assert silicon["instructions_median"] is silicon["instructions_per_mac"] is None
    assert one(table, target=EMULATED, layer="data")["instructions_median"] is None
    assert one(table, target=EMULATED, layer="relu1")["instructions_per_mac"] is None
    assert table["layer"].tolist() == ["data", "conv1", "relu1"] * 2


def test_a_layer_has_the_worst_verdict_of_its_inputs() -> None:
    verdicts = {(0, 1): "not-traced", (0, 2): "not-traced", (1, 2): "differs"}
    table = tables.layer_table(make_rows(verdicts=verdicts))
    assert table["verdict"].tolist() == ["bit-exact", "not-traced", "differs"]
    assert table["differs"].tolist() == [0, 0, 1]


def test_summary_sums_layers_and_counts_what_was_compared() -> None:
    blind = {(index, layer): "not-traced" for index in (0, 1) for layer in range(3)}
    partly = make_rows(verdicts={(0, 1): "not-traced", (1, 2): "differs"})
    silicon = make_rows(SILICON, verdicts={(0, 2): "not-traced"})
    dark = make_rows(network="dark", verdicts=blind)
    table = tables.summary_table(pd.concat([partly, silicon, dark]))
    tiny = one(table, target=EMULATED, network="tiny")
    assert (tiny["inputs"], tiny["layers"], tiny["mac"]) == (2, 3, 100)
    assert (tiny["layers_checked"], tiny["bit_exact"], tiny["verdict"]) == (5, 4, "differs")
    assert tiny["instructions_median"] == (1050 + 1073) / 2
    assert tiny["cycles_median"] is None
    board = one(table, target=SILICON)
    assert (board["cycles_median"], board["verdict"]) == (1061.5, "bit-exact")
    assert board["latency_us_median"] == pytest.approx(1061.5 / 200)
    assert board["instructions_median"] is None
    assert one(table, network="dark")["verdict"] == "not-traced"


def test_an_input_that_was_cut_short_does_not_lower_the_total() -> None:
    rows = make_rows(counts=((None, 1000, 50), (None, 1000)))
    assert one(tables.summary_table(rows))["instructions_median"] == 1050


def test_first_difference_is_the_lowest_layer_of_the_lowest_input() -> None:
    verdicts = {(1, 0): "differs", (0, 2): "differs", (0, 1): "differs"}
    rows = pd.concat([make_rows(verdicts=verdicts), make_rows(SILICON)]).iloc[::-1]
    first = one(tables.first_differences(rows))
    assert first["target"] == EMULATED
    assert (first["input"], first["layer"], first["differing"]) == ("input-0.png", "conv1", 2)
    assert first["first_difference"] == "element of layer 1"


@pytest.mark.parametrize("empty", [pd.DataFrame(), make_rows().iloc[:0]])
def test_absent_rows_and_columns_are_missing(empty: pd.DataFrame) -> None:
    for table in (tables.layer_table, tables.summary_table, tables.first_differences):
        assert table(empty).empty
        assert list(table(empty).columns) == list(table(make_rows()).columns)
    assert tables.counters_present(empty) == []
    narrow = make_rows().drop(columns=["cycles", "latency_us"])
    assert tables.layer_table(narrow)["cycles_median"].isna().all()


def test_cell_text() -> None:
    text = tables.cell_text
    assert [text(1_234_567), text(1001.0), text(1001.5)] == ["1,234,567", "1,001", "1,001.5"]
    assert [text(0), text(0.0425), text(2, "cycles_per_mac")] == ["0", "0.0425", "2.00"]
    assert [text(pd.NA), text(None), text(float("nan"))] == ["", "", ""]
    assert [text(20_000.2, "current_ua"), text(0.5, "current_ua")] == ["20,000", "0.5"]
    assert text(0.004, "energy_rse_median") == "0.40%"
    assert text("a\x1b[0m\u202e") == "a\ufffd[0m\ufffd"


def test_rendered_table_aligns_numbers_and_reads_no_markup() -> None:
    frame = tables.layer_table(make_rows(network=HOSTILE))
    table = tables.render_table(frame, "[bold]layers")
    justify = dict(zip((str(c.header) for c in table.columns), table.columns, strict=True))
    assert justify["instructions, median"].justify == "right"
    assert justify["verdict"].justify == "left"
    assert "cycles, median" not in justify
    wide: dict[str, Any] = {"width": 400, "_environ": {"TERM": "xterm"}}  # 80 in a dumb terminal
    console = Console(record=True, force_terminal=True, file=io.StringIO(), **wide)
    console.print(table)
    styled = console.export_text(styles=True)
    assert "[bold]layers" in styled
    assert "1,001.5" in styled
    assert "\x1b[32mbit-exact" in styled
    assert "\x1b[31m" not in styled


def test_tables_do_not_load_matplotlib() -> None:
    code = "import sys, qrig.reports.tables; sys.exit('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], timeout=60, check=False)
    assert done.returncode == 0


def test_page_is_complete_in_itself_and_leads_with_the_verdict() -> None:
    rows = pd.concat([make_rows(), make_rows(SILICON)])
    text = render_report(rows, make_run())
    page = Page(text)
    assert "://" not in text
    assert not {"script", "link", "img", "iframe", "object"} & page.tags.keys()
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert all(value.startswith("#") for value in page.values("href", "src"))
    assert page.headline == "Bit-exact"
    assert "All 12 layer outputs that were compared equal the reference" in page.text
    assert page.tags["svg"] == 4
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert page.text.index("Summary") < page.text.index("Cost") < page.text.index("Layers")


def test_page_holds_the_numbers() -> None:
    text = page_of(make_rows()).text
    assert "1,001.5 94.3% 1,000 to 1,003 10.02" in text
    assert "inference 100 1,061.5" in text
    assert "flash 96 KiB of 1 MiB, 9.4% RAM 512 bytes" in text
    assert "3 4 75.0%" in text
    assert "Started 2026-03-02 14:07:51 UTC Took 1 min 22 s" in text
    assert "cycles, median" not in text
    assert "First differences" not in text


def test_shared_parts_of_stamps_are_shown_once() -> None:
    text = page_of(make_rows()).text
    assert text.count("gcc 12.2.1") == 1
    assert "All deployments compiler gcc 12.2.1" in text
    assert "semantics.round.half up" in text
    assert "clock_hz 25,000" in text


def test_page_escapes_names() -> None:
    names = ("target", "network", "input", "layer", "type", "first_difference")
    rows = make_rows(verdicts={(0, 1): "differs"}).assign(**dict.fromkeys(names, HOSTILE))
    hostile = {"target": HOSTILE, "network": HOSTILE}
    section = {"name": HOSTILE, "region": HOSTILE, "size_bytes": 1}
    page = page_of(
        rows,
        **dict.fromkeys(("run_id", "error", "status", "started", "verdict"), HOSTILE),
        stamps=[{**hostile, HOSTILE: HOSTILE, "n": {HOSTILE: [HOSTILE]}}],
        footprints=[{**hostile, "flash_bytes": 1, "sections": [section]}],
        accuracy=[{**hostile, "correct": 1, "labelled": 1}],
    )
    assert page.tags["script"] == page.tags["img"] == 0
    assert '<script>alert("$x_{1}$")</script>' in page.text
    assert "\x1b" not in page.text


def test_rows_that_differ_outrank_a_verdict_that_does_not_say_so() -> None:
    page = page_of(make_rows(verdicts={(1, 1): "differs", (1, 2): "differs"}))
    assert page.headline == "Differs"
    shown = ("2 of 6 layer outputs differ from the", "First differences", "1 of 2 differ")
    assert [words for words in (*shown, "element of layer 1") if words not in page.text] == []


HEADLINES = {
    ("complete", "bit-exact"): "Bit-exact",
    ("complete", None): "No verdict",
    ("interrupted", "bit-exact"): "Bit-exact so far",
    ("interrupted", "not-traced"): "Interrupted",
    ("failed", "bit-exact"): "Run failed",
    ("failed", "differs"): "Differs",
    ("failed", None): "Run failed",
}


@pytest.mark.parametrize(("end", "headline"), HEADLINES.items())
def test_headline(end: tuple[str, str | None], headline: str) -> None:
    page = page_of(make_rows(), status=end[0], verdict=end[1], error="the board fell silent")
    assert page.headline == headline
    assert "the board fell silent" in page.text


@pytest.mark.parametrize("empty", [pd.DataFrame(), make_rows().iloc[:0]])
def test_a_run_that_failed_before_any_row_has_a_page(empty: pd.DataFrame) -> None:
    error = "expected the banner, found \ud800;\ncheck the cable"
    page = Page(render_report(empty, {"run_id": "r1", "status": "failed", "error": error}))
    assert page.headline == "Run failed"
    assert "No layer output was compared" in page.text
    assert "check the cable" in page.text
    assert page.tags["table"] == page.tags["svg"] == 0
    assert Page(render_report(empty, {})).headline == "No verdict"


def test_report_is_replaced_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.html"
    path.write_text("old", encoding="utf-8")
    write_report(make_rows(), make_run(), path)
    assert path.read_text(encoding="utf-8") == render_report(make_rows(), make_run())

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UsageError, match=r"report\.html: .*No space left"):
        write_report(make_rows(), make_run(run_id="r2"), path)
    assert "r2" not in path.read_text(encoding="utf-8")
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]
