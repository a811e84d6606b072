"""nightly.toml: which cells it makes, and what is told about its mistakes."""

import json
import re
from pathlib import Path

import pytest

from qrig.errors import FileFormatError, UsageError
from qrig.resources import checkout_root
from qrig.runs.networks import bundled_networks
from qrig.runs.nightly.cell import NightCell, cell_of
from qrig.runs.nightly.config import find_config, read_config
from qrig.runs.targets import DEFAULT_TARGETS

HEAD = 'schema = "qrig-nightly/1"\n'
TABLE = '[matrix.a]\nnetworks = ["lenet-mnist"]\ntargets = ["mps2-an500"]\n'


def _read(folder: Path, text: str) -> tuple[NightCell, ...]:
    path = folder / "nightly.toml"
    path.write_text(text)
    return read_config(path)


def _names(cells: tuple[NightCell, ...]) -> list[str]:
    return [cell.name for cell in cells]


def test_a_table_is_every_combination_of_its_lists(tmp_path: Path) -> None:
    text = (
        HEAD + '[matrix.a]\nnetworks = ["ds-cnn", "lenet-mnist"]\ntargets = ["mps2-an386"]\n'
        'plan = ["fast", "small"]\ntruncate = [false, true]\n'
    )
    assert _names(_read(tmp_path, text)) == [
        f"{network} on mps2-an386@qemu{plan}{truncate}"
        for network in ("ds-cnn", "lenet-mnist")
        for plan in ("", ", plan small")
        for truncate in ("", ", truncate")
    ]


def test_tables_add_up_and_keep_their_own_settings(tmp_path: Path) -> None:
    other = TABLE.replace("matrix.a", "matrix.b") + 'deployments = ["network"]\nsamples = 7\n'
    first, second = _read(tmp_path, HEAD + TABLE + "limit_s = 9\n" + other)
    assert (first.deployment, first.samples, first.limit_s) == ("generated", 20, 9)
    assert (second.deployment, second.samples, second.limit_s) == ("network", 7, 300)
    assert second.name == "lenet-mnist on mps2-an500@qemu, network"


def test_bundled_stands_for_all_networks_that_come_with_it(tmp_path: Path) -> None:
    text = HEAD + TABLE.replace('"lenet-mnist"', '"lenet-mnist", "bundled"')
    cells = _read(tmp_path, text)
    assert sorted(cell.network for cell in cells) == sorted(bundled_networks())


def test_what_suits_the_core_is_not_named(tmp_path: Path) -> None:
    (cell,) = _read(tmp_path, HEAD + TABLE + 'kernels = ["dsp"]\n')
    assert cell.name == "lenet-mnist on mps2-an500@qemu"
    (cell,) = _read(tmp_path, HEAD + TABLE + 'kernels = ["portable"]\n')
    assert cell.options == ("portable kernels",)


def test_a_folder_is_found_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (cell,) = _read(tmp_path, HEAD + TABLE.replace("lenet-mnist", "mine"))
    assert cell.network == "mine"
    assert cell.source == str((tmp_path / "mine").resolve())


def test_a_dialect_says_what_is_computed(tmp_path: Path) -> None:
    text = HEAD + TABLE + 'dialect = "openmv"\ndeployments = ["network"]\n'
    (cell,) = _read(tmp_path, text)
    (target,) = cell.targets()
    assert target.kernels.semantics.is_openmv
    assert cell.options == ("network", "dialect openmv")


def test_a_cell_makes_the_target_of_its_options() -> None:
    cell = NightCell(
        "n", "n", "mps2-an386@qemu", kernels="portable", plan="small", pooling="c", truncate=True
    )
    (target,) = cell.targets()
    assert target.place == "mps2-an386@qemu"
    assert (target.kernels.implementation, target.kernels.plan) == ("portable", "small")
    assert (target.kernels.semantics.pooling, target.kernels.semantics.truncate) == ("c", True)


def test_a_cell_survives_json() -> None:
    cell = NightCell("n", "/n", "mps2-an386@qemu", tuning=("/t.json",), samples=3)
    assert cell_of(json.loads(json.dumps(cell.document()))) == cell


@pytest.mark.parametrize("document", [None, [], {}, {"network": "n"}, {"tuning": 3}, "text"])
def test_what_is_no_cell_is_refused(document: object) -> None:
    with pytest.raises(FileFormatError, match="--fresh"):
        cell_of(document)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (HEAD + TABLE + "foo = 1\n", 5, "foo: expected a known key"),
        (HEAD + TABLE + 'plan = "fast"\n', 5, "plan: expected a list of texts"),
        (HEAD + TABLE + 'plan = ["fastest"]\n', 5, "plan: expected a value that must be in"),
        (HEAD + TABLE + 'plan = ["fast", "fast"]\n', 5, "must have each value once"),
        (HEAD + TABLE + "plan = []\n", 5, "plan: expected a value that must have 1 to 64 values"),
        (HEAD + TABLE + "truncate = [1]\n", 5, "truncate: expected bool"),
        (HEAD + TABLE + "truncate = true\n", 5, "truncate: "),
        (HEAD + TABLE + "samples = 0\n", 5, "samples: expected a value that must be from 1"),
        (HEAD + TABLE + "samples = 2.5\n", 5, "samples: expected int"),
        (HEAD + TABLE + "limit_s = 86401\n", 5, "limit_s: expected a value that must be from 1"),
        (HEAD + TABLE + 'trace = "some"\n', 5, "trace: expected a value that must be in"),
        (HEAD + TABLE + 'kernels = ["asm"]\n', 5, "kernels: expected a value that must be in"),
        (HEAD + TABLE + 'deployments = ["flash"]\n', 5, "deployments: expected a value"),
        (HEAD + TABLE + 'dialect = "openmv"\npooling = ["c"]\n', 2, "dialect openmv alone"),
        (HEAD + '[matrix.a]\nnetworks = ["ds-cnn"]\n', 2, "targets: expected this key"),
        (HEAD + TABLE.replace("lenet-mnist", "lenet"), 2, "expected a network (bundled, "),
        (HEAD + TABLE.replace("lenet-mnist", "a\\u0000b"), 2, "expected a network (bundled, "),
        (HEAD + TABLE.replace("an500", "an501"), 2, "did you mean mps2-an500?"),
        (HEAD + TABLE + TABLE.replace("matrix.a", "matrix.b"), 5, "expected each cell once"),
        (HEAD + TABLE + 'tuning = ["missing.json"]\n', 2, "missing.json: expected a tuning"),
        (HEAD + TABLE + 'cmsis_nn = "missing"\n', 2, "missing: expected a CMSIS-NN"),
        (TABLE, 1, "schema: expected this key"),
        (HEAD.replace("/1", "/2") + TABLE, 1, "schema: expected a value"),
        (HEAD + "jobs = 2\n" + TABLE, 2, "jobs: expected a known key"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    with pytest.raises(FileFormatError) as caught:
        _read(tmp_path, text)
    assert said in str(caught.value)
    assert f"nightly.toml:{line}: " in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        HEAD,
        HEAD + "matrix = 1\n",
        HEAD + "[matrix]\na = 1\n",
        HEAD + "[[matrix]]\n",
        "schema =",
    ],
)
def test_what_has_no_tables_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(FileFormatError, match=r"nightly\.toml"):
        _read(tmp_path, text)


def test_there_are_limits(tmp_path: Path) -> None:
    names = ", ".join(f'"n{number}"' for number in range(65))
    with pytest.raises(FileFormatError, match="networks"):
        _read(tmp_path, HEAD + TABLE.replace('"lenet-mnist"', names))
    tables = [TABLE.replace("matrix.a", f"matrix.a{number}") for number in range(65)]
    with pytest.raises(FileFormatError, match="1 to 64 tables"):
        _read(tmp_path, HEAD + "".join(tables))
    with pytest.raises(FileFormatError, match="at most"):
        _read(tmp_path, HEAD + "#" * (1 << 20) + "\n" + TABLE)


def test_the_number_of_cells_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qrig.runs.nightly.config.MAX_CELLS", 2)
    text = HEAD + TABLE + 'plan = ["fast", "small", "library"]\n'
    with pytest.raises(FileFormatError, match="at most 2 cells"):
        _read(tmp_path, text)


def test_a_file_is_looked_for_here_and_in_the_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = checkout_root()
    assert root is not None
    monkeypatch.chdir(tmp_path)
    assert find_config(None) == root / "nightly.toml"
    (tmp_path / "nightly.toml").touch()
    assert find_config(None) == tmp_path / "nightly.toml"
    assert find_config(Path("other.toml")) == Path("other.toml")
    monkeypatch.setattr("qrig.runs.nightly.config.checkout_root", lambda: None)
    (tmp_path / "nightly.toml").unlink()
    with pytest.raises(UsageError, match="--config"):
        find_config(None)


def test_our_own_night_has_every_bundled_network_on_both_machines() -> None:
    root = checkout_root()
    assert root is not None
    cells = read_config(root / "nightly.toml")
    wanted = {
        f"{network} on {place}" for network in bundled_networks() for place in DEFAULT_TARGETS
    }
    assert wanted <= set(_names(cells))
    assert {option for cell in cells for option in cell.options} >= {
        "plan small", "plan library", "portable kernels", "network", "stored-network",
    }  # fmt: skip


def test_the_document_shows_a_file_that_works(tmp_path: Path) -> None:
    root = checkout_root()
    assert root is not None
    shown = re.findall(r"```toml\n(.*?)```", (root / "docs" / "nightly.md").read_text(), re.DOTALL)
    assert shown
    for text in shown:
        assert len(_read(tmp_path, text)) > 1
