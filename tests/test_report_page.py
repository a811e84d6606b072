"""The page of a run in a real browser: wide and narrow, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import page_questions as ask
from headless_browser import Browser, browser_path
from made_runs import LAYERS, M4, QEMU, MadeCell, write_run
from profile_tables import MODELS, make_tables, network
from qrig.reports.publish import write_page
from qrig.reports.store import load_run
from report_runs import BASE, LONG, write_both

PROGRAM = browser_path()
pytestmark = pytest.mark.skipif(
    PROGRAM is None, reason="there is no Chromium or Chrome on the PATH (apt-get install chromium)"
)
VIEWS = [(width, scheme) for width in (1280, 400) for scheme in ("light", "dark")]
HOSTILE = "<script>document.title = 1</script><img src=x onerror=y>"
FACTORS = {"conv2": 0.9, "ip1": 1.04}


def page_of(folder: Path) -> Path:
    rows, run = load_run(folder)
    return write_page(folder, rows, run)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert PROGRAM is not None
    with Browser(PROGRAM) as started:
        yield started


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return a page with everything, the first page of all, a long one, and one of a failure."""
    folder = tmp_path_factory.mktemp("runs")
    base, new = write_both(folder, FACTORS)
    names = [LONG, *(f"conv{number}" for number in range(40)), "网络层", "a b" * 30]
    many = [
        MadeCell(lambda layer, index: {"instructions": 10 + len(layer) * 997}, "deep", target,
                 layers=names, stamp={"compiler_flags": "-O2 " * 60})
        for target in ("mps2-an386@qemu", "mps2-an500@qemu", "a-board-with-a-long-name@renode")
    ]  # fmt: skip
    long = write_run(folder, "20260202-200000-cccc", *many)
    wrong = MadeCell(
        lambda layer, index: {"verdict": "differs", "first_difference": HOSTILE, "differing": 2},
        network=HOSTILE,
    )
    error = f"{M4}: expected the target to keep running, found that it did not\n  pc 0x08001234"
    failed = write_run(
        folder, "20260203-200000-dddd", wrong, status="failed", verdict="differs", error=error
    )
    folders = {"all": new, "first": base, "long": long, "failed": failed}
    found = {name: page_of(path) for name, path in folders.items()}
    profiled = write_run(folder, "20260204-200000-eeee", MadeCell(), models=MODELS)
    rows, run = load_run(profiled)
    tables = make_tables({(QEMU, "lenet"): network()}, spread=0.1)
    return {**found, "profile": write_page(profiled, rows, run, tables)}


@pytest.mark.parametrize("page", ["all", "first", "long", "failed", "profile"])
@pytest.mark.parametrize(("width", "scheme"), VIEWS)
def test_everything_can_be_read(
    browser: Browser, pages: dict[str, Path], page: str, width: int, scheme: str
) -> None:
    browser.open(pages[page], width=width, scheme=scheme)
    browser.answer(ask.OPEN_DETAILS)
    whole, window = browser.answer(ask.WIDTHS)
    assert (whole, window) == (width, width)
    for question in (ask.OUTSIDE, ask.OVERLAPS, ask.FAINT, ask.UNNAMED, ask.UNREACHABLE):
        assert browser.answer(question) == []
    assert browser.answer(ask.LOADED) == []


@pytest.mark.parametrize("width", [1280, 400])
def test_bars_and_ghosts_are_as_long_as_their_numbers(
    browser: Browser, pages: dict[str, Path], width: int
) -> None:
    browser.open(pages["all"], width=width, scheme="light")
    charts = browser.answer(ask.BARS)
    titles = ("Latency", "Instructions", "Model cycles, Cortex-M7", "Energy", "Model energy")
    assert [chart["label"] for chart in charts] == [f"{title} of fashion" for title in titles]
    for chart in charts:
        drawn = [(row[number], row[box]) for row in chart["rows"] for number, box in PAIRS]
        largest = max(number for number, _ in drawn)
        targets = 1 if chart["label"] in ("Latency of fashion", "Energy of fashion") else 2
        assert len(drawn) == 2 * targets * len(LAYERS)
        assert chart["room"] > 0.25 * width
        for number, box in drawn:
            # A ghost's outline is half a pixel outside it on each side.
            assert box == pytest.approx(chart["room"] * number / largest, abs=1.6)
        conv2 = chart["rows"][targets * list(LAYERS).index("conv2")]
        assert conv2["ghost"] > conv2["bar"] * 1.1


PAIRS = (("now", "bar"), ("before", "ghost"))


def test_a_page_without_a_run_before_has_no_ghosts(
    browser: Browser, pages: dict[str, Path]
) -> None:
    browser.open(pages["first"], width=1280, scheme="light")
    rows = [row for chart in browser.answer(ask.BARS) for row in chart["rows"]]
    assert rows
    assert {(row["ghost"], row["before"]) for row in rows} == {(None, None)}
    assert "There is no earlier run to compare with" in text_of(browser, "header")


def test_the_verdict_comes_first(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["all"], width=400, scheme="dark")
    assert text_of(browser, "h1") == "Bit-exact"
    versus = text_of(browser, ".versus")
    assert versus.startswith(f"Worse than run {BASE}: fashion on ")
    assert "ip1 +4.00 %" in versus
    top, height = place_of(browser, ".versus")
    assert top + height < 900
    assert place_of(browser, "h1")[0] < top < place_of(browser, "section")[0]
    browser.open(pages["failed"], width=1280, scheme="light")
    assert text_of(browser, "h1") == "Differs"
    assert "pc 0x08001234" in text_of(browser, ".problem")
    assert browser.answer("document.querySelectorAll('script, img').length") == 0
    assert HOSTILE in text_of(browser, "table")


@pytest.mark.parametrize("width", [1280, 400])
def test_the_current_has_its_layers_marked(
    browser: Browser, pages: dict[str, Path], width: int
) -> None:
    browser.open(pages["all"], width=width, scheme="light")
    bands = browser.answer(
        "[...document.querySelectorAll('.bands > span')].map((one) => {"
        "const box = one.getBoundingClientRect(); return [box.left, box.width]})"
    )
    areas = browser.answer(
        "[...document.querySelectorAll('.current g.area:has(title)')].map((one) => {"
        "const box = one.querySelector('polygon').getBoundingClientRect();"
        "return [box.left, box.width, box.height]})"
    )
    assert len(bands) == len(areas) == len(LAYERS)
    for (left, wide), (start, across, high) in zip(bands, areas, strict=True):
        assert (left, wide) == (pytest.approx(start, abs=2), pytest.approx(across, abs=3))
        assert high > 100
    (edge,) = browser.answer("[document.querySelector('.current svg').getBoundingClientRect().top]")
    assert max(high for *_, high in areas) <= 190
    assert edge > 0


def test_the_rest_of_the_run_is_there(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["all"], width=1280, scheme="dark")
    headings = browser.answer("[...document.querySelectorAll('h2')].map((one) => one.textContent)")
    assert headings == [
        *("Summary", "Cost per layer", "Current over time", "Power measurement", "Layers"),
        *("Footprint", "Accuracy"),
        *("Retries and recoveries", "Skipped", "Notices", "Stamp"),
    ]
    power = text_of(browser, '[aria-label="Power measurement"] tbody')
    assert power == f"fashion {M4} lpm01a:0042 120 39.6 0.021 5,210.4 -0.04"
    counts = browser.answer(
        "[...document.querySelectorAll('.confusion tbody tr')].map((row) =>"
        "[...row.querySelectorAll('td.count')].map((one) => Number(one.textContent) || 0))"
    )
    assert counts[6] == [0, 0, 0, 0, 5, 0, 20, 0]
    assert len(counts) == len(counts[0]) == 8
    boxes = browser.answer(
        "[...document.querySelectorAll('.plan .box rect')].map((one) => {"
        "const box = one.getBoundingClientRect(); return [box.width, box.height]})"
    )
    assert len(boxes) == 3 * 4
    assert all(width > 4 and height > 4 for width, height in boxes)


def test_the_scheme_changes_the_colours(browser: Browser, pages: dict[str, Path]) -> None:
    grounds = []
    for scheme in ("light", "dark"):
        browser.open(pages["all"], width=1280, scheme=scheme)
        grounds.append(browser.answer("getComputedStyle(document.body).backgroundColor"))
    assert grounds == ["rgb(247, 245, 240)", "rgb(20, 23, 26)"]


def test_a_picture_of_the_page(browser: Browser, pages: dict[str, Path], tmp_path: Path) -> None:
    browser.open(pages["all"], width=400, scheme="light")
    browser.picture(tmp_path / "page.png")
    picture = (tmp_path / "page.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert int.from_bytes(picture[16:20], "big") == 400
    assert int.from_bytes(picture[20:24], "big") > 2000


def text_of(browser: Browser, selector: str) -> str:
    found = browser.answer(f"document.querySelector('{selector}').innerText")
    return " ".join(str(found).split())


def place_of(browser: Browser, selector: str) -> tuple[float, float]:
    box: Any = browser.answer(
        f"(() => {{const box = document.querySelector('{selector}').getBoundingClientRect();"
        "return [box.top, box.height]})()"
    )
    return float(box[0]), float(box[1])
