"""Flash of a virtual board through pyOCD: written once, read back, and every fault told."""

from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import evolve

pytest.importorskip("pyocd")
pytest.importorskip("unicorn")

from probe_firmware import ProbeFirmware, build_probe_firmware
from probed_boards import PATIENT, flash_file, flash_holds, state_of, virtual
from qrig.backends.base import Effort
from qrig.backends.probe import Hooks
from qrig.backends.virtual_backend import VirtualBackend, VirtualSource
from qrig.boards import find_board
from qrig.build.flash_image import FlashImage, read_flash_image
from qrig.deadline import Deadline
from qrig.errors import (
    FlashError,
    NetworkTooLargeError,
    ProbeError,
    TargetError,
    TargetUnavailableError,
    WrongBoardError,
)

F746 = "nucleo-f746"
FAMILIES = ("nucleo-f746", "nucleo-f429")
ORIGIN = 0x0800_0000
WRITING = (130, 250, 360)
"""Transfers while flash is erased, programmed and read back."""


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., ProbeFirmware]:
    folder = tmp_path_factory.mktemp("firmware")

    def built(board: str = F746, build_id: str = "0123456789abcdef") -> ProbeFirmware:
        return build_probe_firmware(find_board(board), folder, build_id=build_id)

    return built


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QRIG_STATE", str(tmp_path))


def started(firmware: ProbeFirmware, backend: VirtualBackend | None = None) -> Effort:
    """Start a firmware and stop it; returns what it took."""
    running = (backend or virtual()).start(firmware)
    try:
        return running.effort
    finally:
        running.stop()


def image_of(firmware: ProbeFirmware) -> FlashImage:
    return read_flash_image(firmware.elf)


def failed(firmware: ProbeFirmware, faults: str) -> TargetError:
    """Return what starting a firmware on a board with faults raises."""
    with pytest.raises(TargetError) as caught:
        virtual(faults, limits=evolve(PATIENT, algorithm_s=2.0)).start(firmware)
    return caught.value


@pytest.mark.parametrize("board", FAMILIES)
def test_a_firmware_is_flashed_once(board: str, build: Callable[..., ProbeFirmware]) -> None:
    firmware = build(board)
    assert started(firmware).counts == {"flashed": 1}
    assert flash_holds(firmware.elf, board)
    before = flash_file(board).read_bytes()
    assert started(firmware).counts == {}
    assert flash_file(board).read_bytes() == before
    state = state_of(board)
    assert (state.dirty, state.build) == (None, firmware.build_id)


def test_another_build_is_flashed_over_it(build: Callable[..., ProbeFirmware]) -> None:
    first, second = build(), build(build_id="fedcba9876543210")
    started(first)
    assert started(second).counts == {"flashed": 1}
    assert flash_holds(second.elf, F746)


@pytest.mark.parametrize("place", ["vectors", "build id", "end"])
def test_flash_that_was_changed_meanwhile_is_written_anew(
    build: Callable[..., ProbeFirmware], place: str
) -> None:
    firmware = build()
    started(firmware)
    image = image_of(firmware)
    assert image.build_id_address is not None
    offset = {
        "vectors": 4,
        "build id": image.build_id_address - ORIGIN,
        "end": image.size_bytes - 1,
    }
    with flash_file(F746).open("r+b") as file:
        file.seek(offset[place])
        old = file.read(1)
        file.seek(offset[place])
        file.write(bytes([old[0] ^ 0xFF]))
    assert started(firmware).counts == {"flashed": 1}
    assert flash_holds(firmware.elf, F746)


def test_progress_goes_from_nothing_to_all(build: Callable[..., ProbeFirmware]) -> None:
    told: list[float] = []
    started(build(), virtual(hooks=Hooks(progress=told.append)))
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0.0, 1.0)
    assert len(told) > 5


@pytest.mark.parametrize("transfer", [2, 30, *WRITING, 385])
@pytest.mark.parametrize("kind", ["transfer-error", "transfer-timeout"])
def test_a_transfer_that_fails_once_costs_a_retry(
    build: Callable[..., ProbeFirmware], kind: str, transfer: int
) -> None:
    firmware = build()
    counts = started(firmware, virtual(f"{kind}={transfer}")).counts
    retries = counts.get("connect_retries", 0) + counts.get("flash_retries", 0)
    assert retries == 1 or (retries == 0 and transfer not in WRITING)  # pyOCD may try again itself
    assert counts["flashed"] >= 1
    assert flash_holds(firmware.elf, F746)
    assert state_of(F746).dirty is None


def test_the_first_connection_may_fail(build: Callable[..., ProbeFirmware]) -> None:
    assert started(build(), virtual("connect-fails=1")).counts == {
        "connect_retries": 1,
        "flashed": 1,
    }


def test_a_chip_that_never_answers_is_given_up(build: Callable[..., ProbeFirmware]) -> None:
    error = failed(build(), "connect-fails=99")
    assert type(error) is ProbeError
    assert f"{F746}@virtual:1: expected the probe to connect to the chip" in str(error)
    assert state_of(F746).dirty is None


@pytest.mark.parametrize("transfer", WRITING, ids=["erase", "program", "verify"])
def test_a_probe_unplugged_while_it_writes_leaves_the_board_dirty(
    build: Callable[..., ProbeFirmware], transfer: int
) -> None:
    firmware = build()
    started(firmware)
    other = build(build_id="fedcba9876543210")
    error = failed(other, f"unplug={transfer}")
    assert type(error) is ProbeError
    assert "the probe is gone" in str(error)
    dirty = state_of(F746).dirty
    assert dirty is not None
    assert other.build_id in dirty.why
    # Whatever is in flash now is not trusted, not even the build that was there before.
    assert started(firmware).counts == {"flashed": 1}
    assert flash_holds(firmware.elf, F746)
    assert state_of(F746).dirty is None


def test_a_sector_that_cannot_be_erased_is_named(build: Callable[..., ProbeFirmware]) -> None:
    firmware = build()
    started(firmware)
    error = failed(build(build_id="fedcba9876543210"), "erase-fails=0")
    assert type(error) is FlashError
    for words in ("0x08000000", "result code", "RDP level 0", "write-protected: none"):
        assert words in str(error)
    assert state_of(F746).dirty is not None


def test_write_protection_is_named(build: Callable[..., ProbeFirmware]) -> None:
    firmware = build()
    started(firmware)
    error = failed(build(build_id="fedcba9876543210"), "write-protected=1")
    assert type(error) is FlashError
    assert "0x08008000" in str(error)
    assert "write-protected: sector 1" in str(error)


def test_a_read_protected_chip_is_left_alone(build: Callable[..., ProbeFirmware]) -> None:
    firmware = build()
    error = failed(firmware, "read-protected")
    assert type(error) is FlashError
    assert "RDP level 1" in str(error)
    assert "which erases the chip" in str(error)
    assert state_of(F746).dirty is None


def test_a_stuck_bit_is_found_at_its_address(build: Callable[..., ProbeFirmware]) -> None:
    firmware = build()
    image = image_of(firmware)
    offset = next(o for o in range(20_002, 30_000) if image.data[o] & 8)
    word = offset & ~3
    expected = int.from_bytes(image.data[word : word + 4], "little")
    found = expected & ~(8 << 8 * (offset - word))
    error = failed(firmware, f"stuck-bit={ORIGIN + offset:#010x}.3:0")
    assert type(error) is FlashError
    assert f"{found:#010x} at {ORIGIN + word:#010x} instead of {expected:#010x}" in str(error)
    assert "twice" in str(error)
    assert state_of(F746).dirty is not None


def test_a_flash_algorithm_that_hangs_is_ended(build: Callable[..., ProbeFirmware]) -> None:
    deadline = Deadline.after(2.0 + 0.5 + 10.0)  # its limit, half a second, and the board's start
    error = failed(build(), "algorithm-hangs")
    assert not deadline.expired
    assert type(error) is FlashError
    assert "did not end" in str(error)


def test_another_chip_than_the_one_meant_is_not_flashed(
    build: Callable[..., ProbeFirmware],
) -> None:
    firmware = build()
    started(firmware)
    before = flash_file(F746).read_bytes()
    error = failed(build(build_id="fedcba9876543210"), f"unique-id={'7' * 24}")
    assert type(error) is WrongBoardError
    assert "7" * 24 in str(error)
    assert flash_file(F746).read_bytes() == before


@pytest.fixture
def _no_board(monkeypatch: pytest.MonkeyPatch) -> None:
    def touched(*_anything: object) -> None:
        raise AssertionError("the board was touched")

    monkeypatch.setattr(VirtualSource, "candidates", touched)
    monkeypatch.setattr(VirtualSource, "attach", touched)


@pytest.mark.usefixtures("_no_board")
def test_an_image_larger_than_flash_is_refused_with_the_map(tmp_path: Path) -> None:
    firmware = build_probe_firmware(
        find_board(F746), tmp_path, data_bytes=(1 << 20) + 1, flash_bytes=1 << 21
    )
    with pytest.raises(NetworkTooLargeError, match=r"bytes too many in flash(.|\n)*total +flash"):
        virtual().start(firmware)


@pytest.mark.usefixtures("_no_board")
def test_an_image_beside_flash_is_refused_with_the_map(tmp_path: Path) -> None:
    firmware = build_probe_firmware(find_board(F746), tmp_path, origin=0x0020_0000)
    with pytest.raises(FlashError, match=r"0x08000000 to 0x080fffff(.|\n)*0x00200000 to") as caught:
        virtual().start(firmware)
    assert "nothing was touched" in str(caught.value)


def test_a_board_that_is_not_played_is_told_so() -> None:
    board = find_board("nucleo-l4r5")
    reason = virtual().unavailable(board)
    assert reason is not None
    with pytest.raises(TargetUnavailableError):
        virtual().source.attach(board, virtual().source.candidates(board, None)[0])
