"""Boards whose firmware crashes, hangs or starts over: what is told, and what is tried."""

from pathlib import Path

import pytest

import broken_firmware
from broken_firmware import with_code
from qrig.backends.virtual.faults import Faults
from qrig.errors import FirmwareFaultError, TargetHungError
from qrig.reference import run_reference
from qrig.runs.bench import recoveries_of
from qrig.runs.deployed import LOGITS, Deployed
from qrig.runs.targets import Target, find_target
from tiny_deployment import is_right, tiny_deployment, tiny_network, tiny_pixels
from virtual_boards import use_state, virtual_target

BOARD = "nucleo-f746"
PLACE = f"{BOARD}@virtual"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_state(tmp_path / "state", monkeypatch)


def run(target: Target, code: bytes, folder: Path, times: int = 1) -> Deployed:
    """Run the tiny network with `code` for its beginning."""
    deployment = with_code(tiny_deployment(PLACE), code, folder)
    with Deployed(target, deployment) as deployed:
        for _ in range(times):
            assert is_right(deployed.run(tiny_pixels()), tiny_pixels())
    return deployed


def answers(deployed: Deployed, seed: int = 0) -> bool:
    """Run the tiny network once, untraced, and return whether its output is right."""
    output = deployed.run(tiny_pixels(seed), LOGITS).output
    return output == run_reference(tiny_network(), tiny_pixels(seed)).tensors[-1].tobytes()


CRASHES = [
    (broken_firmware.READS_NOWHERE, "PRECISERR"),
    (broken_firmware.OVERFLOWS, "overflowed"),
    (broken_firmware.IS_UNDEFINED, "UNDEFINSTR"),
]


@pytest.mark.parametrize(("code", "cause"), CRASHES, ids=[cause for _, cause in CRASHES])
def test_a_fault_is_told_with_cause_place_and_layer(
    code: bytes, cause: str, tmp_path: Path
) -> None:
    with pytest.raises(FirmwareFaultError) as caught:
        run(virtual_target(BOARD), code, tmp_path)
    text = str(caught.value)
    assert cause in text
    assert "in layer 'data'" in text
    assert caught.value.exit_code == 3
    if code == broken_firmware.OVERFLOWS:  # there was no room to note where
        assert "where it was is not known" in text
    else:
        assert "at network_run (network.c:" in text
        assert "PC 0x08" in text


def test_the_callers_of_a_fault_are_told(tmp_path: Path) -> None:
    with pytest.raises(FirmwareFaultError) as caught:
        run(virtual_target(BOARD), broken_firmware.IS_UNDEFINED, tmp_path)
    text = str(caught.value)
    places = ["network_run (network.c:", "inference_run (inference.c:", "server_run (server.c:"]
    assert [text.find(place) for place in places] == sorted(text.find(place) for place in places)
    assert all(place in text for place in places)


@pytest.mark.parametrize("target", ["mps2-an386@qemu", "mps2-an500@qemu"])
def test_an_emulator_tells_a_fault_as_well(target: str, tmp_path: Path) -> None:
    chosen = find_target(target)
    deployment = with_code(tiny_deployment(target), broken_firmware.READS_NOWHERE, tmp_path)
    with (
        Deployed(chosen, deployment) as deployed,
        pytest.raises(FirmwareFaultError, match=r"PRECISERR.*(?s:.)*at network_run"),
    ):
        deployed.run(tiny_pixels())


def test_a_hang_is_told_with_its_place_after_one_retry() -> None:
    target = virtual_target(BOARD, Faults(hang_inference=2, hangs_again=True))
    with Deployed(target, tiny_deployment(PLACE)) as deployed:
        deployed.network.slack_s = 1.0
        assert answers(deployed)
        assert deployed.network.step_timeout_s < 30.0, "a hang shows by what the last run took"
        with pytest.raises(TargetHungError) as caught:
            answers(deployed)
        assert len(deployed.hangs) == 1
    text = str(caught.value)
    assert "found the core still at work" in text
    assert "(inference.c:" in text
    assert "called from server_run (server.c:" in text
    assert "PC 0x08" in text


def test_a_hang_that_does_not_come_again_is_got_over() -> None:
    target = virtual_target(BOARD, Faults(hang_inference=2))
    with Deployed(target, tiny_deployment(PLACE)) as deployed:
        deployed.network.slack_s = 1.0
        for seed in range(4):
            assert answers(deployed, seed)
        assert len(deployed.hangs) == 1
        assert "called from server_run (server.c:" in deployed.hangs[0]
        told = recoveries_of(deployed)
    assert len(told["hangs"]) == 1


def test_a_power_dip_is_a_restart_and_the_input_is_repeated() -> None:
    target = virtual_target(BOARD, Faults(power_dip=600_000))
    with Deployed(target, tiny_deployment(PLACE)) as deployed:
        for seed in range(400):
            assert answers(deployed, seed)
            if deployed.restarts:
                break
        assert deployed.restarts == 1
