"""Broken input at the command line: exit code 2, one sentence, and not a file written."""

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import h5py
import numpy as np
import pytest
from attrs import frozen
from PIL import Image

import qrig
from qrig.cli import main
from real_models import MODELS, requires_models
from tiny_network import FORMATS, png_bytes, tiny_blobs, write_h5, write_tiny_network

TARGET = "mps2-an386"
FILE_OPTIONS = ("--model", "--weights", "--formats", "--mean", "--input")
SUBPROCESS_TIMEOUT_S = 60


@frozen
class Bench:
    """A folder with everything a run may read or write, and the options of a good run."""

    root: Path
    options: dict[str, str]

    @property
    def json(self) -> Path:
        return self.root / "out" / "run.json"

    def path(self, option: str) -> Path:
        return Path(self.options[option])

    def arguments(self, command: str, **changed: str | None) -> list[str]:
        """Return the command line; `changed` replaces options, None drops one."""
        names = {f"--{key.replace('_', '-')}": value for key, value in changed.items()}
        own = {"--json": str(self.json)} if command == "run" else {"--runs": str(self.root / "r")}
        options = {"--target": TARGET, **self.options, **own, **names}
        pairs = [(name, value) for name, value in options.items() if value is not None]
        return [command, *(part for pair in pairs for part in pair)]

    def listing(self) -> list[tuple[str, int, int]]:
        """List every file and folder with its size and time of change."""
        return sorted(
            (str(path), status.st_size, status.st_mtime_ns)
            for path in [self.root, *self.root.rglob("*")]
            if (status := path.lstat())
        )


def copy_of_m4(folder: Path) -> dict[str, str]:
    """Copy ARM's network into `folder`; return the options that name it."""
    assert MODELS
    sources = {
        "--model": "arm_cifar10/cifar10_m4_train_test.prototxt",
        "--weights": "arm_cifar10/cifar10_m4_iter_70000.caffemodel.h5",
        "--formats": "arm_cifar10/cifar10_m4.pkl",
        "--mean": "arm_cifar10/cifar10_mean_rounded.npy",
        "--input": "images/foolbox/cifar10_00_3.png",
    }
    return {option: str(shutil.copy(MODELS / source, folder)) for option, source in sources.items()}


def make_bench(root: Path, monkeypatch: pytest.MonkeyPatch, network: str = "tiny") -> Bench:
    for name in ("inputs", "work", "out", "cache"):
        (root / name).mkdir()
    monkeypatch.chdir(root / "work")
    monkeypatch.setenv("QRIG_CACHE", str(root / "cache"))
    monkeypatch.setenv("QRIG_RUNS", str(root / "runs"))
    if network == "m4":
        return Bench(root, copy_of_m4(root / "inputs"))
    return Bench(root, write_tiny_network(root / "inputs").options)


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return make_bench(tmp_path, monkeypatch)


def fails(
    bench: Bench, arguments: Sequence[str], capsys: pytest.CaptureFixture[str], words: str = ""
) -> None:
    """Run the command line; it must refuse in one line and leave no trace."""
    before = bench.listing()
    code = main(arguments)
    out, err = capsys.readouterr()
    assert code == 2, err
    assert err.startswith("qrig: ")
    assert err.endswith("\n")
    assert err.count("\n") == 1, err
    assert "Traceback" not in err
    assert words in err
    assert out == ""
    assert bench.listing() == before


def _missing(path: Path) -> None:
    path.unlink()


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _truncated(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])


def _random(path: Path) -> None:
    path.write_bytes(random.Random(0).randbytes(1000))


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("network", ["tiny", pytest.param("m4", marks=requires_models)])
@pytest.mark.parametrize("option", FILE_OPTIONS)
@pytest.mark.parametrize("damage", [_missing, _empty, _truncated, _random, _folder, _pipe])
def test_every_file_damaged_in_every_way(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    damage: Callable[[Path], None],
    option: str,
    network: str,
) -> None:
    bench = make_bench(tmp_path, monkeypatch, network)
    damage(bench.path(option))
    for command in ("run", "bench"):
        fails(bench, bench.arguments(command), capsys, str(bench.path(option)))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('type: "ReLU"', 'type: "PReLU"', "layer 'relu1' is of type 'PReLU'"),
        ('bottom: "data"', 'bottom: "ip1"', "a cycle"),
        ('bottom: "data"', 'bottom: "nothing"', "a misspelt name"),
        ("num_output: 4", "num_output: 1000000000", "num_output of 1 to 65535"),
        ("num_output: 4", "num_output: 0", "num_output of 1 to 65535"),
        ("num_output: 4", "num_output: 60000", "weights of another network"),
        ("pad: 1", "pad: 60000", "at most 67,108,864 elements"),
        ("stride: 2", "stride: 0", "stride"),
        ("MAX kernel_size: 2", "AVE kernel_size: 4 pad: 1", "average pooling with padding"),
        ("num_output: 4", "num_output: 4 group: 2", "2 groups"),
        ('name: "conv1"', 'name: "con\\nv1"', "weights of another network"),
        ('name: "ip1"', 'name: "ip2"', "weights of another network"),
    ],
)
def test_networks_that_cannot_be(
    tiny: Bench, capsys: pytest.CaptureFixture[str], old: str, new: str, words: str
) -> None:
    model = tiny.path("--model")
    text = model.read_text()
    assert old in text
    model.write_text(text.replace(old, new, 1))
    for command in ("run", "bench"):
        fails(tiny, tiny.arguments(command), capsys, words)


def test_weights_of_another_network(tiny: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    weights = tiny.path("--weights")
    write_h5(weights, {"first": tiny_blobs()["conv1"]})
    fails(tiny, tiny.arguments("run"), capsys, "another network")
    write_h5(weights, {**tiny_blobs(), "conv1": [np.ones((4, 3, 5, 5)), np.ones(4)]})
    fails(tiny, tiny.arguments("run"), capsys, "another network")
    write_h5(weights, {**tiny_blobs(), "conv1": [np.full((4, 3, 3, 3), np.nan), np.ones(4)]})
    fails(tiny, tiny.arguments("run"), capsys, "not a number")


def test_weights_that_lead_out_of_the_file(tiny: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    with h5py.File(tiny.path("--weights"), "a") as file:
        del file["data/conv1/1"]
        file["data/conv1/1"] = h5py.ExternalLink("/etc/passwd", "/")
    fails(tiny, tiny.arguments("run"), capsys, "found a link")


def test_a_pickle_that_runs_code_does_not(tiny: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    command = f"touch {tiny.root / 'witness'}"
    tiny.path("--formats").write_bytes(f"cos\nsystem\n(S'{command}'\ntR.".encode())
    for name in ("run", "bench"):
        fails(tiny, tiny.arguments(name), capsys, "it asks for os.system")


def test_images_of_another_size(tiny: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    image = tiny.path("--input")
    Image.new("RGB", (9, 8)).save(image)
    for command in ("run", "bench"):
        fails(tiny, tiny.arguments(command), capsys, "an image of 8x8x3")
    image.write_bytes(png_bytes(60_000, 60_000))
    fails(tiny, tiny.arguments("run"), capsys, str(image))
    image.write_bytes(bytes(191))
    fails(tiny, tiny.arguments("run"), capsys, "raw would be 192 bytes")


def test_means_that_do_not_fit(tiny: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    for text, words in (
        ("1,2", "expected shape (8, 8, 3) or (3,), found (2,)"),
        ("nan", "infinite or not a number"),
        ("1e300", "infinite or not a number"),
        ("1,2,3000", "within ±1023"),
        ("1;2;3", "1;2;3"),
        ("1," * 3000, "found none that can be read"),
    ):
        fails(tiny, tiny.arguments("run", mean=text), capsys, words)


@pytest.mark.parametrize("command", ["run", "bench"])
@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"target": "mps2-an368"}, "did you mean mps2-an386"),
        ({"target": "nothing"}, "expected a board"),
        ({"target": f"{TARGET}@jlink"}, "expected a backend of mps2-an386 (qemu), found 'jlink'"),
        ({"target": "host@qemu"}, "expected a backend of host"),
        ({"weights": None}, "found only some of them"),
        ({"model": None, "weights": None}, "found only some of them"),
        ({"network": "lenet"}, "found both"),
        ({"model": None, "weights": None, "formats": None, "network": "nothing"}, "'nothing'"),
        ({"model": None, "weights": None, "formats": None, "network": "."}, "network.toml"),
        ({"input_shape": "9x9x3"}, "another input shape"),
        ({"input_shape": "70000x1x1"}, "sides of 1 to 65,535"),
        ({"input_shape": "60000x60000x3"}, "sides of 1 to 65,535"),
        ({"model": "x" * 300}, "too long"),
        ({"input": "x" * 300}, "too long"),
    ],
)
def test_options_that_cannot_be(
    tiny: Bench,
    capsys: pytest.CaptureFixture[str],
    command: str,
    changed: dict[str, str | None],
    words: str,
) -> None:
    fails(tiny, tiny.arguments(command, **changed), capsys, words)


@pytest.mark.parametrize(
    "text",
    [
        "",
        'schema = "qrig-network/1"\n',
        'schema = "qrig-network/2"\nname = "x"\n',
        "a = " + "[" * 100_000,
        'schema = "qrig-network/1"\nname = "x"\nmodel = "m"\nweights = "w"\nformats = "f"\n',
        'schema = "qrig-network/1"\nunknown = 1\n',
    ],
)
def test_network_folders_that_cannot_be(
    tiny: Bench, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (tiny.root / "work" / "network.toml").write_text(text)
    changed = dict.fromkeys(("model", "weights", "formats"))
    fails(tiny, tiny.arguments("run", **changed, network="."), capsys)


def test_json_has_to_go_somewhere(tiny: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    for out in (
        tiny.root / "nothing" / "run.json",
        tiny.root,
        tiny.path("--model") / "run.json",
        Path("x" * 300),
    ):
        fails(tiny, tiny.arguments("run", json=str(out)), capsys, f"--json {out}: expected a file")


def test_a_network_too_large_is_answered_with_the_map(
    tiny: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny.path("--model").write_text(
        'input: "data" layer { name: "r" type: "ReLU" bottom: "data" top: "r" }'
    )
    tiny.path("--formats").write_text(json.dumps({**FORMATS, "layers": {}}))
    (tiny.root / "inputs" / "large.raw").write_bytes(bytes(4000 * 4000 * 3))
    before = tiny.listing()
    large = {"input": str(tiny.root / "inputs" / "large.raw"), "input_shape": "4000x4000x3"}
    assert main(tiny.arguments("run", **large)) == 2
    out, err = capsys.readouterr()
    assert err.startswith("qrig: ")
    assert "Traceback" not in err
    assert "ram" in err
    assert out == ""
    assert tiny.listing() == before


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fly"],
        ["run"],
        ["run", "--target", TARGET],
        ["run", "--target", TARGET, "--input", "x", "--input-shape", "32x32"],
        ["run", "--target", TARGET, "--input", "x", "--input-shape", "0x32x3"],
        ["run", "--target", TARGET, "--input", "x", "--input-shape", "-1x32x3"],
        ["run", "--target", TARGET, "--input", "x", "--input-shape", "9" * 5000 + "x1x1"],
        ["bench", "--samples", "0"],
        ["bench", "--samples", "many"],
        ["bench", "--trace", "none"],
        ["run", "--nonsense"],
    ],
)
def test_usage_errors_exit_with_two(
    tiny: Bench, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    before = tiny.listing()
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    out, err = capsys.readouterr()
    assert caught.value.code == 2
    assert err.startswith("usage: qrig")
    assert err.splitlines()[-1].startswith("qrig")
    assert "Traceback" not in err
    assert out == ""
    assert tiny.listing() == before


@pytest.mark.parametrize(
    ("command", "option", "damage"),
    [
        ("run", "--weights", _truncated),
        ("run", "--formats", _random),
        ("bench", "--input", _truncated),
        ("bench", "--model", _folder),
    ],
)
def test_the_program_itself_refuses_in_one_line(
    tiny: Bench, command: str, option: str, damage: Callable[[Path], None]
) -> None:
    damage(tiny.path(option))
    before = tiny.listing()
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(qrig.__file__).parents[1]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    result = subprocess.run(
        [sys.executable, "-m", "qrig", *tiny.arguments(command)],
        capture_output=True,
        text=True,
        timeout=SUBPROCESS_TIMEOUT_S,
        check=False,
        env=environment,
    )
    assert result.returncode == 2, result.stderr
    assert result.stderr.startswith(f"qrig: {tiny.path(option)}: expected ")
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""
    assert tiny.listing() == before
