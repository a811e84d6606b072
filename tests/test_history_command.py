"""`qrig history`: the table over time, JSON, single layers, trends, and what it costs to ask."""

import itertools
import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pandas as pd
import pytest

from made_runs import LAYERS, M7, MadeCell, scaled, write_run
from qrig.cli import main
from qrig.errors import UsageError
from qrig.reports.history import read_since
from qrig.reports.trend_plots import Trend, trend_figure

if TYPE_CHECKING:
    from matplotlib.text import Annotation

NAMES = [f"2026010{day}-200000-aaaa" for day in range(1, 4)]


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    for day, name in enumerate(NAMES, start=1):
        sizes = {"flash_bytes": 60_000 + 100 * day, "ram_bytes": 9_000}
        lenet = MadeCell(scaled({"conv2": 1 + day / 100}), sizes=sizes)
        other = MadeCell(network="ds-cnn", target=M7, stamp={"git_revision": "\x1b[31mred"})
        write_run(folder, name, lenet, other, started=f"2026-01-0{day}T20:00:00+00:00")
    return folder


def history(folder: Path, *arguments: object) -> int:
    return main(["history", *map(str, arguments), "--runs", str(folder)])


def test_a_table_for_each_network_and_target(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert history(runs) == 0
    output = capsys.readouterr().out
    assert output.index("ds-cnn on nucleo-f746@probe") < output.index("lenet on mps2-an500@qemu")
    assert all(output.count(name) == 2 for name in NAMES)
    assert "604,000" in output
    assert "60,300" in output
    assert "bit-exact" in output
    assert "91b4b3925ea3" in output
    assert "3 runs, 6 of a network on a target" in output
    assert "\x1b" not in output


def test_choices(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert history(runs, "--network", "lenet", "--last", 1, "--json", "-") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "qrig-history/1"
    (cell,) = document["cells"]
    assert (cell["run_id"], cell["network"]) == (NAMES[2], "lenet")
    assert cell["instructions"] == sum(LAYERS.values()) + 12_000
    for options, count in (
        (("--target", M7), 3),
        (("--since", "2026-01-02"), 4),
        (("--since", "2026-01-02T20:00:01"), 2),
        (("--verdict", "differs"), 0),
        (("--network", "nothing"), 0),
    ):
        assert history(runs, *options, "--json", "-") == 0
        assert len(json.loads(capsys.readouterr().out)["cells"]) == count


def test_what_cannot_be_asked(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert history(tmp_path / "nothing") == 2
    assert "qrig bench" in capsys.readouterr().err
    assert history(runs, "--since", "soon") == 2
    assert history(runs, "--layer", "conv1", "--plot", tmp_path / "x") == 2
    with pytest.raises(UsageError, match="a day or a time"):
        read_since("31.1.2026")


def test_runs_that_cannot_be_read_are_noted(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (runs / NAMES[0] / "run.json").write_text("{")
    assert history(runs) == 0
    captured = capsys.readouterr()
    assert "1 run cannot be read" in captured.out
    assert NAMES[0] in captured.err
    assert history(runs, "--check") == 1
    assert NAMES[0] in capsys.readouterr().out


def test_checking(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert history(runs, "--check") == 0
    assert "agrees with the files" in capsys.readouterr().out


def test_a_layer(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert history(runs, "--layer", "conv2", "--network", "lenet") == 0
    output = capsys.readouterr().out
    assert "conv2 of lenet on mps2-an500@qemu" in output
    assert "412,000" in output
    assert history(runs, "--layer", "conv2", "--last", 2, "--json", "-") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "qrig-layer-history/1"
    assert {row["run_id"] for row in document["rows"]} == set(NAMES[1:])
    assert {row["cycles"] for row in document["rows"]} == {None}
    assert history(runs, "--layer", "nothing") == 0
    assert "no run has a layer 'nothing'" in capsys.readouterr().out


def test_sql(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("duckdb")
    assert (
        history(runs, "--sql", "select network, count(*) as n from cells group by 1 order by 1")
        == 0
    )
    assert capsys.readouterr().out == "network,n\nds-cnn,3\nlenet,3\n"
    assert history(runs, "--sql", "nonsense") == 2


def test_plots(runs: Path, tmp_path: Path) -> None:
    out = tmp_path / "plots"
    assert history(runs, "--plot", out) == 0
    stems = {path.stem for path in out.iterdir()}
    assert stems == {
        "trend-instructions-lenet",
        "trend-instructions-ds-cnn",
        "trend-instructions-lenet-mps2-an500-qemu-layers",
        "trend-instructions-ds-cnn-nucleo-f746-probe-layers",
        "trend-flash-lenet",
        "trend-ram-lenet",
    }
    assert all((out / f"{stem}.png").read_bytes().startswith(b"\x89PNG") for stem in stems)
    text = "".join(ET.parse(out / "trend-flash-lenet.svg").getroot().itertext())  # noqa: S314
    assert "flash, bytes, 3 runs" in text
    assert "mps2-an500@qemu 60,300" in text
    assert "2026-01-01" in text
    layers = ET.parse(out / "trend-instructions-lenet-mps2-an500-qemu-layers.svg")  # noqa: S314
    text = "".join(layers.getroot().itertext())
    assert text.index("conv2 412,000") < text.index("conv1 100,000") < text.index("pool1 20,000")


def test_plots_of_nothing(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert history(runs, "--plot", tmp_path / "p", "--network", "nothing") == 2
    assert "numbers to draw" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert history(runs, "--plot", tmp_path / "file") == 2


def test_many_lines_keep_their_names_apart() -> None:
    values = pd.DataFrame({f"layer{number}": [1.0, 5.0 + number / 100] for number in range(20)})
    figure = trend_figure(Trend("x", "title", "cycles", values, ["2026-01-01", "2026-01-02"]))
    (axes,) = figure.axes
    heights = [cast("Annotation", text).xy[1] for text in axes.texts]
    assert len(heights) == 12
    assert min(high - low for high, low in itertools.pairwise(heights)) > 0.06
    assert min(heights) >= 0


def test_a_line_that_ends_before_the_others_is_named_by_its_last_number() -> None:
    values = pd.DataFrame({"a": [1.0, 2.0, None], "b": [4.0, 3.0, 5.0]})
    figure = trend_figure(Trend("x", "title", "cycles", values, ["", "", ""]))
    assert [text.get_text() for text in figure.axes[0].texts] == ["b 5", "a 2"]


def test_the_table_needs_no_pandas(runs: Path) -> None:
    """It would take longer to load than the question takes."""
    script = (
        "import sys\n"
        "from qrig.cli import main\n"
        f"assert main(['history', '--runs', {str(runs)!r}]) == 0\n"
        "sys.exit('pandas' in sys.modules or 'pyarrow' in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
