"""The firmware takes the files that the harness takes: both read the same mutations."""

import numpy as np

from full_runs import FULL
from network_files import Field, NetworkBytes, network_bytes, random_chain
from qrig.errors import FileFormatError
from qrig.fixedpoint.network_file import parse_network_file
from runtime_driver import Driver, Status


def _harness_takes(data: bytes) -> bool:
    try:
        parse_network_file(data, "mutated")
    except FileFormatError:
        return False
    return True


def _both_take(driver: Driver, data: bytes) -> bool:
    """Return whether the firmware takes a file; the harness must say the same."""
    answer = driver.ask(data)
    is_taken = answer.status == Status.OK
    assert is_taken == _harness_takes(data), answer
    return is_taken


def _changed(fields: list[Field], file: NetworkBytes, numbers: np.random.Generator) -> bytes:
    """Return the file with a few of its numbers a little larger, smaller, or anything."""
    data = bytearray(file.data)
    words = [field for field in fields if field.name not in ("weights", "biases")]
    for index in numbers.integers(0, len(words), int(numbers.integers(1, 4))):
        at = words[index].offset
        value = int.from_bytes(data[at : at + 4], "little")
        value = int(
            numbers.choice([value + 1, value - 1, 2 * value, 0, 1, 2, 3, 31, 32, 65535, 2**32 - 1])
        )
        data[at : at + 4] = (value & 0xFFFF_FFFF).to_bytes(4, "little")
    return bytes(data)


def test_the_firmware_takes_what_the_harness_takes() -> None:
    accepted = 0
    with Driver() as driver:
        for seed in range(300 if FULL else 60):
            file = network_bytes(random_chain(seed))
            assert _both_take(driver, bytes(file.data))
            numbers = np.random.default_rng(seed)
            for _ in range(30):
                accepted += _both_take(driver, _changed(file.fields, file, numbers))
    assert accepted > 50
