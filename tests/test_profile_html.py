"""A profile on the page of a run: what is there, escaped, and nothing without a profile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import pytest

from profile_tables import (
    HOSTILE,
    M7_TARGET,
    MODELS,
    Block,
    Function,
    Layer,
    Op,
    convolution,
    make_tables,
    network,
    softmax,
)
from qrig.reports.html import render_report, write_report
from qrig.reports.profile_html import profile_sections
from viewed_rows import Page, make_rows, make_run

SOURCE = [f"line_{number}();" for number in range(1, 300)]


def page_of(tables: dict[str, pd.DataFrame], **changes: Any) -> tuple[str, Page]:
    options = {"models": MODELS, "read_source": lambda _: SOURCE, **changes}
    text = render_report(make_rows(), make_run(), tables, **options)
    return text, Page(text)


def tables_of(layers: Sequence[Layer], **options: Any) -> dict[str, pd.DataFrame]:
    return make_tables({(M7_TARGET, "lenet"): layers}, **options)


def test_sections_follow_the_order_of_the_summary() -> None:
    sections = profile_sections(make_tables(), MODELS)
    names = [(one.network, one.target) for one in sections]
    assert names == sorted(names)
    assert [len(one.listings) for one in sections] == [3, 3, 5, 5]
    assert [bool(one.notice) for one in sections] == [True, True, False, False]


def test_the_page_holds_the_profile() -> None:
    text, page = page_of(tables_of(network(), spread=0.1))
    for words in (
        "M7 cortex-m7 on nucleo-f746 at 216 MHz",
        "estimates of a timing model",
        "Cost of one inference",
        "model cycles M7",
        "inference 141,850 3.21 221,890 109,565",
        "20,239 to 22,263",
        "arm_nn_mat_mult conv2, convolve.c:57",
        "convolve.c:57 line_57();",
        "800010c ldr r3, [r0], #4 16,384 2.00 1.00 M4 operand 1 M7 operand 0.5",
        "llvm-mca M7 cycles per iteration 2.50 (the model is +60.0% from it)",
    ):
        assert words in page.text
    assert page.tags["details"] >= 5
    # Mix and icicle, each for wide and for narrow pages; labels of the icicle clip in svg.
    assert text.count("<svg viewBox") == 4
    assert page.text.index("Layers") < page.text.index("Profile") < page.text.index("Footprint")


def test_it_needs_nothing_but_itself() -> None:
    text, page = page_of(make_tables())
    assert "://" not in text
    assert not {"script", "link", "img", "iframe", "object"} & page.tags.keys()
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert all(value.startswith("#") for value in page.values("href", "src"))
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert text == page_of(make_tables())[0]


def test_without_a_profile_the_page_is_the_same_as_ever() -> None:
    plain = render_report(make_rows(), make_run())
    assert plain == render_report(make_rows(), make_run(), None)
    assert plain == render_report(make_rows(), make_run(), {}, models=MODELS)
    assert plain == render_report(make_rows(), make_run(), make_tables({}), models=MODELS)
    assert "rofile" not in plain
    assert "below" not in plain
    assert "listing" not in plain


def test_everything_is_escaped() -> None:
    block = Block(1, 2, (Op(HOSTILE, m7={HOSTILE.replace(",", ""): 1.0}),), file=HOSTILE)
    bad = Layer(HOSTILE, (Function(HOSTILE, (block,), (HOSTILE,)),))
    unknown = Layer(HOSTILE, (Function(HOSTILE, (Block(1, 2, (Op(HOSTILE, "unknown"),)),)),))
    cells = {(HOSTILE, HOSTILE): [bad, unknown], (HOSTILE, "known"): [bad]}
    models = {"m7": HOSTILE}
    text, page = page_of(make_tables(cells), models=models, read_source=lambda _: [HOSTILE])
    assert page.tags["script"] == page.tags["img"] == 0
    assert page.text.count('<script>alert("$x_{1}$")</script>') > 20
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_missing_numbers_are_blank_and_said_aloud() -> None:
    _, page = page_of(tables_of([convolution(), softmax()], memory=False))
    assert "No model cycles M4 and M7 for prob" in page.text
    assert "vcvt.f32.s32 (10 times)" in page.text
    assert "share of instructions" in page.text
    assert "loads" not in page.text
    for word in ("None", "nan", "<NA>"):
        assert word not in page.text


@pytest.mark.parametrize("absent", ["functions", "stacks", "instructions", "loops", "layers"])
def test_a_table_that_is_empty_leaves_its_part_out(absent: str) -> None:
    tables = tables_of(network())
    _, page = page_of({**tables, absent: tables[absent].iloc[:0]})
    heading = {"functions": "Functions, without", "loops": "Hottest loops"}
    assert heading.get(absent, "\0") not in page.text
    assert "Profile" in page.text


def test_no_source_leaves_the_places() -> None:
    _, page = page_of(tables_of(network()), read_source=None, models=None)
    assert "convolve.c:57 0800010c" in page.text
    assert "line_57" not in page.text
    assert "on nucleo-f746 at" not in page.text


def test_the_page_is_written_with_the_profile(tmp_path: Any) -> None:
    path = tmp_path / "report.html"
    tables = tables_of(network())
    write_report(make_rows(), make_run(), path, tables, models=MODELS)
    expected = render_report(make_rows(), make_run(), tables, models=MODELS)
    assert path.read_text(encoding="utf-8") == expected
    assert "Hottest loops" in expected
