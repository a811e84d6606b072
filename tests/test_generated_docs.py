"""docs/generated-code.md: its example runs, its options and its table are those of the command."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from qrig.cli import main
from qrig.codegen import make_layout
from qrig.codegen.choose import plan_choices
from qrig.runs.networks import load_network

TEXT = (Path(__file__).resolve().parents[1] / "docs" / "generated-code.md").read_text()


def _block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)
    return str(found)


def test_the_example_runs(tmp_path: Path) -> None:
    loaded = load_network("lenet-mnist")
    (tmp_path / "demo.c").write_text(_block("c"))
    script = _block("sh").replace("qrig generate", f"{sys.executable} -m qrig generate")
    script = script.replace("python3 -c", f"{sys.executable} -c")
    digits = [sample for sample in loaded.samples[:8] if sample.label is not None]
    for number, sample in enumerate(digits):
        (tmp_path / "digit.raw").write_bytes(sample.pixels.tobytes())
        command = script if number == 0 else "./demo < digit.raw"
        result = subprocess.run(
            ["/bin/sh", "-e", "-c", command],
            cwd=tmp_path,
            env=os.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert result.returncode == 0, result.stderr
        assert result.stderr == ""
        assert result.stdout.splitlines()[-1] == str(sample.label)
    assert len({sample.label for sample in digits}) > 3


def test_options_are_those_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["generate", "--help"])
    known = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
    named = set(re.findall(r"`(--[a-z-]+)", TEXT))
    assert {"--api", "--core", "--plan", "--tuning", "--truncate"} <= named
    assert named <= known


def test_the_plan_that_is_shown_is_lenet_s() -> None:
    network = load_network("lenet-mnist").quantized
    plan = make_layout(network, plan_choices(network, "cortex-m4")).memory_plan
    assert all(f"    {line.rstrip()}\n" in TEXT for line in plan.lines()[:5])
    head = f"Memory: {plan.total_bytes} bytes; side by side, buffers would take {plan.naive_bytes}."
    assert head in TEXT
