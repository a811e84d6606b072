"""Firmware in Renode: bit-exact networks, exact counts, the same flash, and how it ends."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from full_runs import FULL_RUN
from hand_made import hand_made
from qrig.backends.renode import RunningRenode
from qrig.build import build_deployment
from qrig.build.deployment import Deployment
from qrig.build.flash_image import read_flash_image
from qrig.build.image import read_image
from qrig.datasets import Sample
from qrig.datasets import read_image as read_picture
from qrig.deadline import Deadline
from qrig.errors import (
    FirmwareFaultError,
    FlashError,
    TargetCrashedError,
    TargetHungError,
)
from qrig.link.flash_check import check_flash
from qrig.measure.rows import LayerResult
from qrig.networks.description import NetworkDescription
from qrig.resources import targets_root
from qrig.runs.bench import run_inputs
from qrig.runs.deployed import CRC, FULL, Deployed
from qrig.runs.networks import LoadedNetwork, load_description, load_network
from qrig.runs.targets import Target, find_target
from real_models import MODELS, requires_models
from renode_there import renode_target, requires_renode

pytestmark = requires_renode

BOARDS = ["nucleo-f746", "nucleo-f429"]
_ONE_AT_LEAST = ["nucleo-f746", pytest.param("nucleo-f429", marks=FULL_RUN)]
_OTHERS = ["nucleo-f767", "nucleo-h743", "nucleo-l4r5", "stm32f4-discovery"]
_SAME_CORE = {"cortex-m4": "mps2-an386@qemu", "cortex-m7": "mps2-an500@qemu"}
_CLOCKS = (0x4000_0024, 0xE000_1004)  # TIM2_CNT, DWT_CYCCNT
_SPIN, _UNDEFINED = 0xE7FE, 0xDE00  # b ., udf #0


def _running(deployed: Deployed) -> RunningRenode:
    assert isinstance(deployed.running, RunningRenode)
    return deployed.running


def _soon() -> Deadline:
    return Deadline.after(30.0)


@pytest.fixture(scope="module", params=BOARDS)
def lenet(request: pytest.FixtureRequest) -> Iterator[Deployed]:
    """LeNet on a board in Renode, one for all tests that leave it as it was."""
    target = renode_target(request.param)
    built = build_deployment(load_network("lenet-mnist").quantized, target.board)
    with Deployed(target, built) as deployed:
        yield deployed


def _layers(deployed: Deployed, loaded: LoadedNetwork, samples: int) -> list[list[LayerResult]]:
    """Run samples, each layer compared."""
    found = []
    for _, layers, _ in run_inputs(deployed, loaded.samples[:samples], FULL):
        assert {layer.comparison.verdict for layer in layers} == {"bit-exact"}
        found.append(list(layers))
    assert len(found) == samples
    return found


def _counts(layers: list[LayerResult]) -> list[int]:
    return [layer.instructions for layer in layers if layer.instructions is not None]


def test_lenet_is_bit_exact_and_counted_as_qemu_counts(lenet: Deployed) -> None:
    loaded = load_network("lenet-mnist")
    counts = [_counts(layers) for layers in _layers(lenet, loaded, 3)]
    assert len(counts[0]) >= 4
    assert counts[0] == counts[1] == counts[2], "the same instructions whatever the pixels"
    target = find_target(_SAME_CORE[lenet.target.board.core])
    if target.backend.unavailable(target.board):
        pytest.skip(f"{target.name}: {target.backend.unavailable(target.board)}")
    with Deployed(target, build_deployment(loaded.quantized, target.board)) as deployed:
        (elsewhere,) = (_counts(layers) for layers in _layers(deployed, loaded, 1))
    apart = {ours - theirs for ours, theirs in zip(counts[0], elsewhere, strict=True)}
    assert len(apart) == 1, "each layer differs by what starting the counter takes, if at all"
    assert abs(apart.pop()) <= 8


@requires_models
@pytest.mark.parametrize("board", BOARDS)
def test_arms_network_is_bit_exact(board: str) -> None:
    assert MODELS is not None
    folder = MODELS / "arm_cifar10"
    loaded = load_description(
        NetworkDescription(
            "arm-m4",
            folder / "cifar10_m4_train_test.prototxt",
            folder / "cifar10_m4_iter_70000.caffemodel.h5",
            folder / "cifar10_m4.pkl",
            mean=str(folder / "cifar10_mean_rounded.npy"),
        )
    )
    shape = loaded.quantized.input.shape
    paths = sorted((MODELS / "images" / "foolbox").glob("cifar10_*.png"))[:2]
    samples = tuple(Sample(path.name, read_picture(path, shape)) for path in paths)
    target = renode_target(board)
    with Deployed(target, build_deployment(loaded.quantized, target.board)) as deployed:
        _layers(deployed, attrs.evolve(loaded, samples=samples), 2)


@pytest.mark.parametrize("board", [pytest.param(name, marks=FULL_RUN) for name in _OTHERS])
def test_the_other_boards_are_bit_exact(board: str) -> None:
    target, loaded = renode_target(board), load_network("lenet-mnist")
    with Deployed(target, build_deployment(loaded.quantized, target.board)) as deployed:
        banner = deployed.session.banner
        assert (banner.board, banner.reset) == (board, "power")
        _layers(deployed, loaded, 1)


def test_the_flash_holds_what_the_elf_loads(lenet: Deployed) -> None:
    image = read_flash_image(lenet.deployment.elf)
    running = _running(lenet)
    assert running.read_flash(image.size_bytes, _soon()) == image.data
    for segment in image.segments:
        start = running.read_memory(segment.address, min(64, len(segment.data)), _soon())
        assert start == segment.data[:64]
    check_flash(lenet.session, image)


def test_flash_that_is_not_written_is_erased(lenet: Deployed) -> None:
    assert lenet.target.board.memory is not None
    code = lenet.target.board.memory.code
    end = code.origin + code.size_bytes
    assert _running(lenet).read_memory(end - 1024, 1024, _soon()) == 1024 * b"\xff"


def test_a_damaged_flash_is_told_by_the_firmware(lenet: Deployed) -> None:
    image = read_flash_image(lenet.deployment.elf)
    monitor, address = _running(lenet).monitor, image.origin + image.size_bytes // 2
    (value,) = _running(lenet).read_memory(address, 1, _soon())
    monitor.run(f"sysbus WriteByte {address:#x} {value ^ 1}", _soon())
    try:
        with pytest.raises(FlashError, match="by the firmware's own reading"):
            check_flash(lenet.session, image)
    finally:
        monitor.run(f"sysbus WriteByte {address:#x} {value}", _soon())
    check_flash(lenet.session, image)


def test_a_reset_in_use_is_taken_up_again(lenet: Deployed) -> None:
    loaded, restarts = load_network("lenet-mnist"), lenet.restarts
    assert lenet.session.banner.debugger is False
    lenet.running.remedies()[0].apply()
    _layers(lenet, loaded, 1)
    assert lenet.restarts == restarts + 1
    assert lenet.session.banner.reset == "software"


def test_coarse_time_keeps_pace_with_the_counter(lenet: Deployed) -> None:
    def clocks() -> tuple[int, int]:
        monitor.run("pause", _soon())
        lines = monitor.run("; ".join(f"sysbus ReadDoubleWord {a:#x}" for a in _CLOCKS), _soon())
        monitor.run("start", _soon())
        ticks, cycles = (int(line, 16) for line in lines)
        return ticks, cycles

    monitor = _running(lenet).monitor
    earlier = clocks()
    _layers(lenet, load_network("lenet-mnist"), 1)
    later = clocks()
    ticks, cycles = (
        after - before & 0xFFFF_FFFF for before, after in zip(earlier, later, strict=True)
    )
    per_tick = lenet.target.board.clock_hz // 10_000
    assert ticks > 10
    apart = cycles - ticks * per_tick & 0xFFFF_FFFF
    assert min(apart, 2**32 - apart) <= 2 * per_tick, "one that lags would be no help to the other"


def _built(board: str) -> tuple[Target, Deployment]:
    target = renode_target(board)
    return target, build_deployment(hand_made().quantized, target.board)


def _patch(deployed: Deployed, function: str, instruction: int) -> None:
    """Put an instruction at the beginning of a function."""
    (symbol,) = (
        symbol
        for symbol in read_image(deployed.deployment.elf).symbols
        if symbol.name.startswith(function)
    )
    monitor = _running(deployed).monitor
    monitor.run(f"sysbus WriteWord {symbol.address:#x} {instruction:#x}", _soon())


@pytest.mark.parametrize("board", _ONE_AT_LEAST)
def test_a_fault_is_reported_with_its_place(board: str) -> None:
    target, built = _built(board)
    with Deployed(target, built) as deployed:
        _patch(deployed, "arm_fully_connected_q7", _UNDEFINED)
        with pytest.raises(FirmwareFaultError) as caught:
            deployed.run(hand_made().samples[0].pixels, CRC)
    text = str(caught.value)
    assert "in layer 'ip1'" in text
    assert "arm_fully_connected_q7" in text
    assert "UNDEFINSTR" in text or "undefined" in text
    assert "called from" in text, "the stack was read"


@pytest.mark.parametrize("board", _ONE_AT_LEAST)
def test_a_hang_is_explained(board: str) -> None:
    target, built = _built(board)
    with Deployed(target, built) as deployed:
        deployed.network.timeout_s = 2.0
        _patch(deployed, "arm_fully_connected_q7", _SPIN)
        with pytest.raises(TargetHungError) as caught:
            deployed.run(hand_made().samples[0].pixels, CRC)
        assert len(deployed.hangs) == 1, "it was reset and tried once more"
    assert "still at work" in str(caught.value)
    assert "at arm_fully_connected_q7" in str(caught.value)
    assert "called from" in str(caught.value)


def test_a_renode_that_is_killed_is_a_crash() -> None:
    target, built = _built(BOARDS[0])
    with Deployed(target, built) as deployed:
        os.killpg(_running(deployed).pid, signal.SIGKILL)
        with pytest.raises(TargetCrashedError) as caught:
            deployed.run(hand_made().samples[0].pixels, CRC)
    assert "SIGKILL" in str(caught.value)
    assert "Machine started" in str(caught.value), "the log's tail is there"


def test_a_run_that_is_killed_leaves_no_renode(tmp_path: Path) -> None:
    _, built = _built(BOARDS[0])
    group = tmp_path / "group"
    code = (
        "import os, signal, sys, tempfile; from pathlib import Path\n"
        "tempfile.tempdir = sys.argv[1]; from fake_renode import PaperFirmware\n"
        "from qrig.backends.renode import RenodeBackend; from qrig.boards import find_board\n"
        "run = RenodeBackend().start(PaperFirmware(find_board(sys.argv[2]), Path(sys.argv[3])))\n"
        "Path(sys.argv[4]).write_text(str(run.pid)); os.kill(os.getpid(), signal.SIGKILL)"
    )
    command = [sys.executable, "-c", code, tmp_path, BOARDS[0], built.elf, group]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    killed = subprocess.run(list(map(str, command)), env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    limit = time.monotonic() + 20.0
    while _group(int(group.read_text())) and time.monotonic() < limit:
        time.sleep(0.1)
    assert _group(int(group.read_text())) == []


def _group(number: int) -> list[int]:
    """The processes of a group that are no zombies."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == number and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def test_folders_may_have_blanks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "my boards"
    shutil.copytree(targets_root(), folder)
    monkeypatch.setattr("qrig.backends.renode.backend.targets_root", lambda: folder)
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    target, built = _built(BOARDS[0])
    with Deployed(target, built) as deployed:
        _layers(deployed, hand_made(), 1)
