"""The firmware's windows for a power meter: what the marker does, and what runs between."""

import struct
import subprocess
from pathlib import Path

import pytest

from qrig.resources import firmware_root

LAYER, EMPTY, IDLE_BEGIN, IDLE_END = range(4)
OK, BAD_REQUEST, BAD_STATE = "00", "01", "02"
C = Path(__file__).parent / "c"


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    firmware = firmware_root()
    program = tmp_path_factory.mktemp("measure") / "measure_driver"
    folders = [C / "measure_network", *(firmware / n for n in ("inference", "link", "port"))]
    includes = [f"-I{folder}" for folder in (*folders, firmware / "kernels")]
    sources = [str(C / "measure_driver.c"), str(firmware / "inference" / "measure.c")]
    warnings = ["-Wall", "-Wextra", "-Wconversion", "-Werror"]
    sanitize = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    command = ["gcc", "-std=c11", "-g", *warnings, *sanitize, *includes, *sources]
    subprocess.run([*command, "-o", str(program)], check=True, timeout=120)
    return program


def request(kind: int, stage: int = 0, repetitions: int = 0, pulses: int = 0) -> str:
    return struct.pack("<BBHI", kind, pulses, stage, repetitions).hex()


def answers(driver: Path, *lines: str, state: str = "") -> list[str]:
    """Return what the firmware did and answered, a line per request."""
    command = [str(driver), state]
    text = "\n".join(lines) + "\n"
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, check=True, timeout=20
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def good(ticks: int, status: int = 0) -> str:
    data = struct.pack("<B3xiQ", 0, status, ticks)
    return "reply " + " ".join(f"{byte:02x}" for byte in data)


def test_a_stage_runs_between_the_edges_and_those_before_it_once(driver: Path) -> None:
    (line,) = answers(driver, request(LAYER, stage=2, repetitions=3))
    assert line == "accepted at2 s0*1 s1*1 up s2*3 down none " + good(30)


def test_a_stage_that_fails_ends_its_window(driver: Path) -> None:
    first, second = answers(driver, request(LAYER, 1, 5), request(LAYER, 2, 5), state="fails")
    assert first == "accepted at1 s0*1 up s1*5 down none " + good(50, -3)
    assert second == "accepted at2 s0*1 s1*1 none " + good((1 << 64) - 1, -3)


def test_an_empty_window_calls_nothing_of_the_network(driver: Path) -> None:
    assert answers(driver, request(EMPTY, 0, 1000)) == ["accepted up down " + good(0)]


def test_nothing_runs_from_one_request_to_the_next(driver: Path) -> None:
    unknown = good((1 << 64) - 1)
    assert answers(driver, request(IDLE_BEGIN), request(IDLE_END)) == [
        f"up {unknown}",
        f"down {unknown}",
    ]


def test_pulses_stand_at_either_end(driver: Path) -> None:
    line, begin, end = answers(
        driver,
        request(LAYER, 0, 2, pulses=1),
        request(IDLE_BEGIN, pulses=1),
        request(IDLE_END, pulses=1),
    )
    assert line == "accepted at0 up down s0*2 up down none " + good(20)
    assert begin.startswith("up down reply")
    assert end.startswith("up down reply")


@pytest.mark.parametrize(
    "payload",
    [
        request(4),
        request(255),
        request(LAYER, stage=3, repetitions=1),
        request(LAYER, stage=0, repetitions=1_000_001),
        request(EMPTY, repetitions=1_000_001),
        request(LAYER, 0, 1)[:-2],
        request(LAYER, 0, 1) + "00",
        "",
    ],
)
def test_what_cannot_be_is_refused(driver: Path, payload: str) -> None:
    assert answers(driver, payload or " ") == [f"reply {BAD_REQUEST}"]


def test_windows_do_not_lie_in_windows(driver: Path) -> None:
    lines = answers(
        driver,
        request(IDLE_END),
        request(IDLE_BEGIN),
        request(LAYER, 0, 1),
        request(IDLE_BEGIN),
        request(IDLE_END),
        request(LAYER, 0, 1),
    )
    assert [line.split()[0] for line in lines] == [
        "reply",
        "up",
        "reply",
        "reply",
        "down",
        "accepted",
    ]
    assert [lines[index] for index in (0, 2, 3)] == [f"reply {BAD_STATE}"] * 3


def test_a_new_session_ends_what_the_last_one_left_open(driver: Path) -> None:
    lines = answers(driver, request(IDLE_BEGIN), "S", "S", request(EMPTY, 0, 1))
    assert lines[1:] == ["down session", "session", "accepted up down " + good(0)]


def test_a_paused_network_is_not_measured(driver: Path) -> None:
    assert answers(driver, request(LAYER, 0, 1), state="paused") == [f"reply {BAD_STATE}"]
