"""Faults of virtual boards as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from property_runs import tried
from qrig.backends.virtual.faults import (
    VARIABLE,
    Faults,
    StuckBit,
    parse_faults,
    requested_faults,
)
from qrig.errors import UsageError

_COUNTS = st.none() | st.integers(1, 1 << 40)
_FAULTS = st.builds(
    Faults,
    transfer_error=_COUNTS,
    transfer_timeout=_COUNTS,
    unplug=_COUNTS,
    connect_fails=st.integers(0, 5),
    stuck_bits=st.lists(
        st.builds(StuckBit, st.integers(0, 0xFFFF_FFFF), st.integers(0, 7), st.integers(0, 1)),
        max_size=3,
    ).map(tuple),
    erase_failures=st.lists(st.integers(0, 31), max_size=3).map(tuple),
    write_protected=st.lists(st.integers(0, 31), max_size=3).map(tuple),
    read_protected=st.booleans(),
    algorithm_hangs=st.booleans(),
    hang_inference=_COUNTS,
    hangs_again=st.booleans(),
    hang_after_s=st.none() | st.floats(0.001, 1e6),
    rx_drop=_COUNTS,
    rx_garble=_COUNTS,
    tx_drop=_COUNTS,
    tx_garble=_COUNTS,
    unique_id=st.none() | st.just("00112233445566778899aabb"),
    no_cycle_counter=st.booleans(),
    no_hse=st.booleans(),
    power_dip=_COUNTS,
)


@given(_FAULTS)
@tried(100)
def test_faults_are_the_same_after_their_way_through_text(faults: Faults) -> None:
    assert parse_faults(str(faults)) == faults


def test_a_text_names_faults() -> None:
    faults = parse_faults(
        "unplug=0x100, stuck-bit=0x08000150.3:1,erase-fails=2,erase-fails=3,no-hse"
    )
    assert faults == Faults(
        unplug=256,
        stuck_bits=(StuckBit(0x0800_0150, 3, 1),),
        erase_failures=(2, 3),
        no_hse=True,
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("unplugged=1", "erase-fails.*found 'unplugged'"),
        ("unplug", "'unplug' can have, found ''"),
        ("unplug=0", "found '0'"),
        ("unplug=many", "found 'many'"),
        ("no-hse=1", "found '1'"),
        ("stuck-bit=0x100", "found '0x100'"),
        ("stuck-bit=0x100.8:0", "found"),
        ("erase-fails=32", "found '32'"),
        ("hang-after-s=-1", "found '-1'"),
        ("hang-after-s=nan", "found 'nan'"),
        ("unique-id=123", "found '123'"),
    ],
)
def test_what_is_no_fault_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_faults(text)


def test_the_environment_requests_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert requested_faults() == Faults()
    monkeypatch.setenv(VARIABLE, "rx-drop=1000")
    assert requested_faults() == Faults(rx_drop=1000)
