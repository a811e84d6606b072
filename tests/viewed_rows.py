"""Rows and run.json of a made-up run, and its page as a parser sees it."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser
from typing import Any

import pandas as pd

EMULATED, SILICON = "mps2-an386@qemu", "nucleo-f746zg@probe"
HOSTILE = '<script>alert("$x_{1}$")</script><img src=x onerror=y>\x1b[31m[red]'
LAYERS = (
    ("data", "data", "4x4x1", 0),
    ("conv1", "convolution", "4x4x2", 100),
    ("relu1", "relu", "4x4x2", 0),
)
COLUMNS = """target network input input_index layer_index layer type shape mac
    instructions cycles latency_us verdict first_difference differing"""


def make_rows(
    target: str = EMULATED,
    network: str = "tiny",
    counts: tuple[tuple[int | None, ...], ...] = ((None, 1000, 50), (None, 1003, 70)),
    verdicts: dict[tuple[int, int], str] | None = None,
) -> pd.DataFrame:
    records: list[tuple[Any, ...]] = []
    for index, layers in enumerate(counts):
        for layer, count in enumerate(layers):
            verdict = (verdicts or {}).get((index, layer), "bit-exact")
            found = (
                (f"element of layer {layer}", layer + 1) if verdict == "differs" else (None,) * 2
            )
            latency_us = None if count is None else count / 200
            numbers = (None, count, latency_us) if target == SILICON else (count, None, None)
            place = (target, network, f"input-{index}.png", index, layer)
            records.append((*place, *LAYERS[layer], *numbers, verdict, *found))
    whole = dict.fromkeys(("instructions", "cycles", "differing"), "Int64")
    return pd.DataFrame(records, columns=COLUMNS.split()).astype({**whole, "latency_us": "Float64"})


def make_run(**changes: Any) -> dict[str, Any]:
    mine = {"target": EMULATED, "network": "tiny", "compiler": "gcc 12.2.1"}
    other = {**mine, "target": SILICON}
    flash = {"flash_bytes": 98_304, "flash_total_bytes": 1 << 20}
    sections = [{"name": ".text", "region": "flash", "size_bytes": 98_304}]
    run = {"schema_version": 1, "run_id": "r1", "status": "complete", "verdict": "bit-exact"}
    return {
        **run,
        "started": "2026-03-02T14:07:51+00:00",
        "finished": "2026-03-02T14:09:13+00:00",
        "error": None,
        "stamps": [{**mine, "semantics": {"round": {"half": "up"}}}, {**other, "clock_hz": 25_000}],
        "footprints": [{**mine, **flash, "ram_bytes": 512, "sections": sections}],
        "accuracy": [{**mine, "correct": 3, "labelled": 4}, {**other, "labelled": 0}],
        **changes,
    }


class Page(HTMLParser):
    """Collects tags, attributes and text; fails on tags that do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str]] = []
        self.text = self.headline = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag != "meta":
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] != "style":
            self.text = " ".join([*self.text.split(), *data.split()])
        if self._open and self._open[-1] == "h1":
            self.headline += data

    def values(self, *names: str) -> list[str]:
        return [value for name, value in self.attributes if name in names]
