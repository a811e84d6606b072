"""The summary of a night: JSON for programs, Markdown for a mail, one page for a browser."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from night_cells import night_of
from qrig.reports.night_html import night_page
from qrig.reports.night_markdown import night_markdown
from qrig.reports.night_words import TONES, grouped, headline
from qrig.runs.nightly.verdict import EXIT_CODES

NASTY = "a|b `c` <script>alert(1)</script> *d* _e_ [f](g)\n\x1b[31mh \u202ei"


def _cell(name: str, verdict: str, *findings: str, **changes: Any) -> dict[str, Any]:
    network, _, place = name.partition(" on ")
    target, _, option = place.partition(", ")
    usual = {"report": "../../r/report.html", "run": "r", "base_run": None, "seconds": 3.2}
    return {
        "name": name,
        "network": network,
        "target": target,
        "options": [option] if option else [],
        "verdict": verdict,
        "findings": list(findings),
        "outcome": "bit-exact",
        **usual,
        **changes,
    }


def _summary(*cells: dict[str, Any], **changes: Any) -> dict[str, Any]:
    verdicts = [cell["verdict"] for cell in cells]
    return {
        "night": "20260102-023000-abcd",
        "verdict": next((each for each in EXIT_CODES if each in verdicts), "same"),
        "complete": True,
        "counts": {each: verdicts.count(each) for each in EXIT_CODES if each in verdicts},
        "baseline": "20260101-023000-abcd",
        "started": "2026-01-02T02:30:00.123+00:00",
        "finished": "2026-01-02T02:34:00+00:00",
        "revision": "abc",
        "version": "0.1.0",
        "cells": list(cells),
        **changes,
    }


MIXED = _summary(
    _cell("n on a@qemu", "same"),
    _cell("n on b@qemu", "worse", "conv2: instructions 100 to 110 (+10 %)"),
    _cell("n on a@qemu, plan small", "better"),
    _cell("m on a@qemu", "failed", "first line\nsecond line", report=None, run=None),
    _cell("m on b@qemu", "no comparable baseline", "another compiler"),
)


class _Page(HTMLParser):
    """Keeps the text of a page's elements, its links and what it would load."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[tuple[str, str]] = []
        self.links: list[str] = []
        self.loaded: list[str] = []
        self._open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open.append(tag)
        for name, value in attrs:
            if name == "href":
                self.links.append(str(value))
            if name in ("src", "srcset", "onclick", "action"):
                self.loaded.append(str(value))

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if data.strip() and self._open:
            self.texts.append((self._open[-1], data.strip()))

    def of(self, tag: str) -> list[str]:
        """Return the texts of all elements of one kind."""
        return [text for found, text in self.texts if found == tag]


def test_every_verdict_has_a_tone_in_the_same_order() -> None:
    assert list(TONES) == list(EXIT_CODES)


def test_the_verdict_comes_first() -> None:
    said = headline(MIXED)
    assert (said.word, said.tone) == ("Worse", "bad")
    assert said.sentence == (
        "Of 5 cells, 1 is worse, 1 failed, 1 has no comparable baseline, 1 is the same, 1 is "
        "better. Compared with night 20260101-023000-abcd."
    )
    assert ("started", "2026-01-02 02:30 UTC") in said.facts
    assert night_markdown(MIXED).startswith("## qrig nightly: Worse\n")
    page = _Page(night_page(MIXED))
    assert page.of("h1") == ["Worse"]
    assert page.texts.index(("h1", "Worse")) < page.texts.index(("h2", "Worse"))


def test_an_interrupted_night_says_so() -> None:
    summary = _summary(_cell("n on a@qemu", "not run", report=None, run=None), complete=False)
    assert headline(summary).word == "Interrupted"
    assert "1 was not run" in headline(summary).sentence


def test_a_night_without_a_baseline_says_so() -> None:
    summary = _summary(_cell("n on a@qemu", "no comparable baseline"), baseline=None)
    assert headline(summary).sentence.endswith("There is no good night before it.")


def test_cells_are_in_the_order_of_their_verdicts() -> None:
    assert list(grouped(MIXED["cells"])) == [
        "worse", "failed", "no comparable baseline", "same", "better",
    ]  # fmt: skip
    headings = [text for text in _Page(night_page(MIXED)).of("h2") if "cell" not in text]
    assert headings == [
        "Worse", "Failed", "No comparable baseline", "Overview", "Same", "Better",
    ]  # fmt: skip
    text = night_markdown(MIXED)
    places = [text.index(word) for word in ("### Worse", "### Failed", "<summary>Same")]
    assert places == sorted(places)


def test_the_page_links_the_reports_and_loads_nothing() -> None:
    page = _Page(night_page(MIXED))
    assert set(page.links) == {"../../r/report.html"}
    assert len(page.links) == 8  # four cells with a report, in the list and in the overview
    assert page.loaded == []
    assert not re.search(r"https?://|@import|url\(", night_page(MIXED))


def test_the_overview_has_a_row_per_network_and_a_column_per_target() -> None:
    page = night_page(MIXED)
    table = page[page.index("<table>") : page.index("</table>")]
    rows = [re.sub(r"<[^>]+>", " ", row).split() for row in table.split("<tr>")[1:]]
    assert rows == [
        ["network", "a@qemu", "b@qemu"],
        ["n", "✓", "same", "✗", "worse"],
        ["n", "plan", "small", "✓", "better"],
        ["m", "✗", "failed", "○", "no", "comparable", "baseline"],
    ]


def test_what_a_cell_said_stays_in_lines() -> None:
    assert "first line\nsecond line" in night_page(MIXED)
    assert "first line second line" in night_markdown(MIXED)


def test_text_of_others_is_never_markup() -> None:
    nasty = _summary(
        _cell(f"{NASTY} on {NASTY}@qemu", "failed", NASTY, run=NASTY),
        night=NASTY,
        revision=NASTY,
        baseline=NASTY,
    )
    page = night_page(nasty)
    assert "<script" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    text = night_markdown(nasty)
    assert "\x1b" not in text
    code = re.compile(r"`[^`\n]*`")
    outside = code.sub("", text)
    assert "<script" not in outside.replace("\\<", "")
    assert "[f]" not in outside
    assert " *d*" not in outside
    (row,) = [line for line in text.splitlines() if line.startswith("| `")]
    bars = len(re.findall(r"(?<!\\)\|", row))
    assert bars == 5
    assert len(re.findall(r"(?<!\\)`", row)) == 4


def test_of_many_findings_the_first_are_shown_and_the_others_counted() -> None:
    summary = _summary(_cell("n on a@qemu", "worse", *(f"finding {n}." for n in range(20))))
    assert "finding 2.<br>and 17 more |" in night_markdown(summary)
    page = _Page(night_page(summary)).of("p")
    assert page[-2:] == ["finding 11.", "and 8 more"]


def test_a_long_finding_is_cut_in_a_mail() -> None:
    text = night_markdown(_summary(_cell("n on a@qemu", "failed", "x" * 5000)))
    assert len(text) < 1500
    assert "x…" in text


def test_only_the_columns_that_say_something_are_shown() -> None:
    text = night_markdown(_summary(_cell("n on a@qemu", "same")))
    assert "| cell | run | time |" in text


def test_the_files_are_beside_each_other(tmp_path: Path) -> None:
    result = night_of(tmp_path, "good", "crash")
    names = {path.name for path in result.folder.iterdir()}
    assert names == {"night.json", "cells", "summary.json", "summary.md", "summary.html"}
    assert json.loads((result.folder / "summary.json").read_text()) == result.summary
    assert result.summary["schema"] == "qrig-night-summary/1"
    page = _Page((result.folder / "summary.html").read_text())
    assert page.links
    assert all((result.folder / link).is_file() for link in page.links)
    logs = [path for path in (result.folder / "cells").iterdir() if path.suffix == ".log"]
    assert len(logs) == 2


@pytest.mark.parametrize("verdict", EXIT_CODES)
def test_every_verdict_can_be_written(verdict: str) -> None:
    summary = _summary(_cell("n on a@qemu", verdict))
    assert verdict.capitalize() in night_markdown(summary)
    assert verdict in night_page(summary)
