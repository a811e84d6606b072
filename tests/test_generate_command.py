"""`qrig generate`: what it writes, what it leaves alone, what it refuses."""

import os
import re
import shutil
from pathlib import Path

import pytest

from generated_projects import trained_again
from kernel_networks import pooled_network
from qrig.cli import main
from qrig.codegen.choices import Choice
from qrig.codegen.project import FILES, is_sealed
from qrig.codegen.tuning import Tuning, write_tuning
from qrig.errors import UsageError
from qrig.fixedpoint.digest import network_sha256
from qrig.runs.generate import Wanted, generate_project

ALWAYS = {"README.md", "network.c", "network.h", "parameter.h", "weights.h"}
Captured = pytest.CaptureFixture[str]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def fates(printed: str) -> dict[str, str]:
    lines = [line.split() for line in printed.splitlines() if "/" in line]
    return {Path(words[1]).name: words[0] for words in lines}


@pytest.mark.parametrize(
    ("options", "kernels"),
    [
        ([], {"network_kernels.S"}),
        (["--core", "cortex-m7"], {"network_kernels.S"}),
        (["--core", "portable", "--plan", "small"], {"network_kernels.c"}),
        (["--plan", "library"], set()),
        (["--api", "cmsis-nn"], set()),
    ],
)
def test_a_new_folder(
    options: list[str], kernels: set[str], tmp_path: Path, capsys: Captured
) -> None:
    out = tmp_path / "net"
    assert main(["generate", "lenet-mnist", "--out", str(out), *options]) == 0
    printed = capsys.readouterr().out
    assert fates(printed) == dict.fromkeys(ALWAYS | kernels, "written")
    assert re.search(r"RAM [\d,]+ bytes \(side by side its buffers would take [\d,]+\)", printed)
    assert set(contents(out)) == ALWAYS | kernels
    assert all(is_sealed(text.decode()) for text in contents(out).values())
    assert [path.name for path in tmp_path.iterdir()] == ["net"]
    before = contents(out)
    assert main(["generate", "--network", "lenet-mnist", "--out", str(out), *options]) == 0
    assert set(fates(capsys.readouterr().out).values()) == {"unchanged"}
    assert contents(out) == before


def test_an_empty_folder_and_a_link_to_one(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert main(["generate", "--out", str(tmp_path / "link"), "--plan", "library"]) == 0
    assert (tmp_path / "link").is_symlink()
    assert set(contents(tmp_path / "real")) == ALWAYS


def test_api_core_and_plan_stay_unless_they_are_named(tmp_path: Path, capsys: Captured) -> None:
    out = str(tmp_path / "net")
    command = ["generate", "lenet-mnist", "--out", out]
    assert main([*command, "--core", "portable", "--plan", "small"]) == 0
    first = contents(tmp_path / "net")
    assert main(command) == 0
    assert contents(tmp_path / "net") == first
    capsys.readouterr()
    assert main([*command, "--core", "cortex-m7"]) == 0
    found = fates(capsys.readouterr().out)
    assert found["network_kernels.c"] == "removed"
    assert found["network_kernels.S"] == "written"
    assert "network_kernels.c" not in contents(tmp_path / "net")
    assert main([*command, "--api", "cmsis-nn"]) == 0
    assert main(command) == 0
    text = (tmp_path / "net" / "network.c").read_text()
    assert "(--api cmsis-nn, --core cortex-m7, --plan library)" in text
    assert set(contents(tmp_path / "net")) == ALWAYS


def test_another_mean_is_in_the_weights_alone(tmp_path: Path, capsys: Captured) -> None:
    command = ["generate", "lenet-mnist", "--out", str(tmp_path / "net")]
    assert main(command) == 0
    capsys.readouterr()
    assert main([*command, "--mean", "17"]) == 0
    changed = {name for name, fate in fates(capsys.readouterr().out).items() if fate == "changed"}
    assert changed == {"weights.h"}


def _foreign(folder: Path) -> Path:
    (folder / "main.c").write_text("int main(void) { return 0; }\n")
    return folder / "main.c"


def _edited(folder: Path) -> Path:
    with (folder / "network.c").open("a") as stream:
        stream.write("/* mine */\n")
    return folder / "network.c"


def _edited_inside(folder: Path) -> Path:
    path = folder / "parameter.h"
    path.write_text(path.read_text().replace("RSHIFT 9", "RSHIFT 8"))
    return path


def _of_ours_by_name_alone(folder: Path) -> Path:
    (folder / "weights.h").write_text("#define CONV1_WT {1, 2, 3}\n")
    return folder / "weights.h"


def _nested(folder: Path) -> Path:
    (folder / "README.md").unlink()
    (folder / "README.md").mkdir()
    return folder / "README.md"


def _linked(folder: Path) -> Path:
    (folder / "network.h").rename(folder.parent / "network.h")
    (folder / "network.h").symlink_to(folder.parent / "network.h")
    return folder / "network.h"


@pytest.mark.parametrize(
    "spoil", [_foreign, _edited, _edited_inside, _of_ours_by_name_alone, _nested, _linked]
)
def test_files_of_others_are_not_touched(spoil: object, tmp_path: Path, capsys: Captured) -> None:
    assert callable(spoil)
    out = tmp_path / "net"
    command = ["generate", "lenet-mnist", "--out", str(out), "--plan", "library"]
    assert main(command) == 0
    path = spoil(out)
    before = {each: each.read_bytes() for each in out.iterdir() if each.is_file()}
    capsys.readouterr()
    assert main([*command, "--mean", "9"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"qrig: {path}: expected nothing but files as qrig generate wrote them")
    assert said.endswith("move it elsewhere, or give another folder with --out\n")
    assert before == {each: each.read_bytes() for each in out.iterdir() if each.is_file()}


def test_line_ends_of_another_system_are_no_change(tmp_path: Path, capsys: Captured) -> None:
    out = tmp_path / "net"
    command = ["generate", "lenet-mnist", "--out", str(out), "--plan", "library"]
    assert main(command) == 0
    for path in out.iterdir():
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    capsys.readouterr()
    assert main(command) == 0
    assert set(fates(capsys.readouterr().out).values()) == {"unchanged"}


@pytest.mark.parametrize("place", ["no/such/net", "file", "file/net", "dangling", "x" * 300])
def test_a_place_where_no_folder_can_be(place: str, tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    before = sorted(tmp_path.iterdir())
    assert main(["generate", "--out", str(tmp_path / place)]) == 2
    assert "expected a folder" in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--api", "cmsis-nn", "--plan", "fast"], "expected --plan library with --api cmsis-nn"),
        (["--api", "cmsis-nn", "--tuning", "TUNING"], "found --tuning: it has no other kernels"),
        (["--api", "cmsis-nn", "--pooling", "c"], "expected pooling dsp with --api cmsis-nn"),
        (["--tuning", "TUNING"], "expected a tuning of lenet-mnist, found one of 'pooled'"),
        (["--network", "ds-cnn"], "found both"),
        (["--tuning", "none.json"], "expected a tuning"),
        (["--dialect", "openmv"], "expected semantics that generated C can have"),
    ],
)
def test_options_that_do_not_go_together(
    options: list[str], said: str, tmp_path: Path, capsys: Captured
) -> None:
    tuning = _tuning_of_pooled(tmp_path / "t.json")
    given = [str(tuning) if option == "TUNING" else option for option in options]
    assert main(["generate", "lenet-mnist", "--out", str(tmp_path / "net"), *given]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "net").exists()


def _tuning_of_pooled(path: Path) -> Path:
    network = pooled_network()
    layers = (("conv1", Choice("columns")),)
    found = Tuning("pooled", network_sha256(network), "cortex-m4", "t", "instructions", layers)
    write_tuning(found, path, [])
    return path


def test_what_cmsis_nn_does_not_compute_is_refused_by_name(
    tmp_path: Path, capsys: Captured
) -> None:
    command = ["generate", "ds-cnn", "--out", str(tmp_path / "net"), "--api", "cmsis-nn"]
    assert main(command) == 2
    said = capsys.readouterr().err
    assert "layer 'pool': expected what CMSIS-NN computes, found a pooling that is not" in said
    assert not (tmp_path / "net").exists()


def test_nothing_is_left_of_what_could_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, out = pooled_network(), tmp_path / "net"
    moves = Path.rename

    def full(path: Path, target: Path) -> Path:
        if path.name in broken and path.parent.name != ".old":
            raise OSError(28, "No space left on device")
        return moves(path, target)

    monkeypatch.setattr(Path, "rename", full)
    broken = {"files"}
    with pytest.raises(UsageError, match="No space left on device"):
        generate_project(network, out, Wanted())
    assert list(tmp_path.iterdir()) == []
    broken = set()
    generate_project(network, out, Wanted())
    before, other = contents(out), Wanted(core="portable", plan="small")
    shutil.copytree(out, tmp_path / "copy")
    made = generate_project(trained_again(network, 1), tmp_path / "copy", other)
    touched = [name for name, fate in made.files.items() if fate != "unchanged"]
    assert {made.files[name] for name in touched} == {"changed", "removed", "written"}
    for name in touched:
        broken = {name}
        with pytest.raises(UsageError, match="No space left on device"):
            generate_project(trained_again(network, 1), out, other)
        assert contents(out) == before, name
        assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "net"]


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root writes everywhere")
    tmp_path.chmod(0o500)
    with pytest.raises(UsageError, match="expected a folder that files can be written to"):
        generate_project(pooled_network(), tmp_path / "net", Wanted())
    tmp_path.chmod(0o700)


def test_only_what_changed_is_touched(tmp_path: Path) -> None:
    network, out = pooled_network(), tmp_path / "net"
    generate_project(network, out, Wanted())
    for path in out.iterdir():
        os.utime(path, (1, 1))
    made = generate_project(network, out, Wanted(plan="library"))
    times = {path.name: path.stat().st_mtime for path in out.iterdir()}
    assert made.files["network_kernels.S"] == "removed"
    assert {name for name, time in times.items() if time == 1} == {
        name for name, fate in made.files.items() if fate == "unchanged"
    }


def test_seals() -> None:
    assert is_sealed("") is False
    assert is_sealed("int x;\n") is False
    line = "/* Made by qrig; sha256 of the lines above: 0123456789abcdef */\n"
    assert is_sealed(f"int x;\n{line}") is None
    assert is_sealed(line) is None
    assert set(FILES) >= ALWAYS
