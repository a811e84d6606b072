"""`qrig tune` and its files."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from fast_checks import check_deployment
from hand_made import changed
from kernel_networks import pooled, pooled_network
from qrig.build import build_deployment
from qrig.build.kernels import Kernels
from qrig.cli import main
from qrig.codegen import Choice, make_layout
from qrig.codegen.tuning import SCHEMA, Tuning, read_tuning, write_tuning
from qrig.errors import FileFormatError, NetworkTooLargeError, UsageError
from qrig.fixedpoint.digest import network_sha256
from qrig.fixedpoint.semantics import DEFAULT
from qrig.runs.targets import find_target
from qrig.runs.tune import tune

BOARD = "mps2-an386"


def tuning(*layers: tuple[str, Choice]) -> Tuning:
    network = pooled_network()
    return Tuning(
        network.name, network_sha256(network), "cortex-m4", f"{BOARD}@qemu", "instructions", layers
    )


def test_what_is_written_is_read(tmp_path: Path) -> None:
    found = tuning(("conv1", Choice("sliding", 4, 2, staged=True)))
    write_tuning(found, tmp_path / "t.json", [{"layer": "conv1", "cost": 1.0}])
    assert read_tuning(tmp_path / "t.json") == found
    assert [path.name for path in tmp_path.iterdir()] == ["t.json"]
    assert found.choices_for(pooled_network(), "cortex-m4") == dict(found.layers)


def test_a_tuning_of_something_else_is_refused() -> None:
    found = tuning(("conv1", Choice()))
    network = pooled_network()
    with pytest.raises(UsageError, match="for cortex-m7, found one for cortex-m4"):
        found.choices_for(network, "cortex-m7")
    other = changed(network, 0, bias_shift=3)
    with pytest.raises(UsageError, match="other weights or formats; run qrig tune again"):
        found.choices_for(other, "cortex-m4")
    with pytest.raises(UsageError, match="of convolutions of pooled, found one of 'ip1'"):
        tuning(("ip1", Choice())).choices_for(network, "cortex-m4")


BROKEN = [
    ("{", "expected JSON, found a mistake"),
    ("[]", f"expected schema '{SCHEMA}', found 'list'"),
    ({"schema": "qrig-tuning/9"}, "found 'qrig-tuning/9'"),
    ({"core": 4}, "expected a text for 'core', found 4"),
    ({"network": None}, "expected a text for 'network', found None"),
    ({"choices": []}, r"expected a table 'choices', found \[\]"),
    ({"choices": {"conv1": {"kernel": "magic"}}}, "kernel choice for layer 'conv1', found .*magic"),
    ({"choices": {"conv1": {"kernel": "columns", "staged": 1}}}, "for layer 'conv1'"),
    ({"choices": {"conv1": {"kernel": "sliding", "outputs": "4"}}}, "for layer 'conv1'"),
    ({"choices": {"conv1": {"kernel": "sliding", "outputs": 2, "passes": 0}}}, "layer 'conv1'"),
    ({"choices": {"conv1": {"kernel": "columns", "rows": 1}}}, "for layer 'conv1', found .*rows"),
    ({"choices": {"conv1": "columns"}}, "for layer 'conv1', found 'columns'"),
]


@pytest.mark.parametrize(("content", "found"), BROKEN, ids=[str(n) for n in range(len(BROKEN))])
def test_broken_files(tmp_path: Path, content: str | dict[str, Any], found: str) -> None:
    path = tmp_path / "t.json"
    write_tuning(tuning(("conv1", Choice("columns"))), path, [])
    if isinstance(content, str):
        path.write_text(content)
    else:
        path.write_text(json.dumps(json.loads(path.read_text()) | content))
    with pytest.raises(
        FileFormatError, match=rf"t\.json: expected .*{found.split('expected ')[-1]}"
    ):
        read_tuning(path)


def test_every_kernel_is_measured_and_the_fastest_is_chosen() -> None:
    target, loaded = find_target(BOARD), pooled(1)
    result = tune(target, loaded, loaded.samples[0])
    table = result.table
    assert set(table["layer"]) == {"conv1"}
    assert {"library", "columns"} < set(table["choice"])
    assert (table["verdict"] == "bit-exact").all()
    assert table["cost"].nunique() > 5
    (row,) = table[table["chosen"]].to_dict("records")
    assert row["cost"] == table["cost"].min()
    assert str(result.tuning.choices["conv1"]) == row["choice"]
    assert result.before is not None
    assert result.after <= result.before
    built = build_deployment(
        loaded.quantized, target.board, Kernels(DEFAULT, tunings=(result.tuning,))
    )
    assert dict(built.choices) == dict(result.tuning.choices)
    check_deployment(target, built)


def test_a_ram_limit_is_kept() -> None:
    target, loaded = find_target(BOARD), pooled(1)
    fastest = tune(target, loaded, loaded.samples[0])
    smallest = int(fastest.table["ram_bytes"].min())
    assert smallest < fastest.ram_bytes
    limited = tune(target, loaded, loaded.samples[0], ram_limit_bytes=smallest)
    assert limited.ram_bytes == smallest
    assert make_layout(loaded.quantized, limited.tuning.choices).ram_bytes == smallest
    fitting = limited.table[limited.table["ram_bytes"] == smallest]
    assert math.isclose(fitting["cost"].min(), limited.after)
    with pytest.raises(NetworkTooLargeError, match=r"at most 100 bytes .* allow more with --ram"):
        tune(target, loaded, loaded.samples[0], ram_limit_bytes=100)


def test_the_command_writes_a_file_that_run_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["tune", "--network", "lenet-mnist", "--target", BOARD, "--out", "best.json"]) == 0
    shown = capsys.readouterr().out
    assert "best.json: use it with --tuning best.json" in shown
    measured = json.loads(Path("best.json").read_text())["measured"]
    assert {row["layer"] for row in measured} == {"conv1", "conv2"}
    assert sum(row["chosen"] for row in measured) == 2
    command = [
        "bench",
        "--network",
        "lenet-mnist",
        "--target",
        BOARD,
        "--samples",
        "1",
        "--tuning",
        "best.json",
    ]
    assert main(command) == 0
    assert "bit-exact" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("network", "option", "value", "found"),
    [
        ("lenet-mnist", "--by", "cycles", "(instructions, model-cycles), found 'cycles'"),
        (
            "lenet-mnist",
            "--out",
            "no/such/t.json",
            "--out no/such/t.json: expected a file in a folder that is there, found no ",
        ),
        ("no-such-net", "--by", "instructions", "no-such-net"),
        ("lenet-mnist", "--target", "no-such-board", "no-such-board"),
        ("lenet-mnist", "--ram", "0", "argument --ram: "),
        ("lenet-mnist", "--input", "no.png", "no.png"),
    ],
)
def test_wrong_arguments(
    network: str, option: str, value: str, found: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(["tune", "--network", network, option, value])
    except SystemExit as exit_:
        code = int(exit_.code or 0)
    assert code == 2
    assert found in " ".join(capsys.readouterr().err.split())
