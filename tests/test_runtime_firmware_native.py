"""The firmware that loads networks, as a process under sanitizers, and requests nobody sends."""

import zlib
from collections.abc import Iterator

import attrs
import pytest

from network_files import random_chain
from qrig.build.kernels import Kernels
from qrig.codegen.deployment import MAX_ARENA_BYTES
from qrig.fixedpoint.semantics import Semantics
from qrig.link import open_session
from qrig.link.connect import open_transport
from qrig.link.frames import Message
from qrig.runs.targets import find_target
from runtime_checks import (
    check_arena,
    check_counts,
    check_every_tensor,
    check_images,
    check_inference,
    check_refusals,
    check_store,
    file_of,
    noise,
    small_network,
    tensors_of,
)
from runtime_driver import GRAY, OPENMV, RGB888, Picture, Status
from runtime_link import (
    ARENA,
    BAD_INPUT,
    BAD_REQUEST,
    BAD_STATE,
    CRC,
    FILE,
    IMAGE,
    OK,
    PAUSE,
    STORE,
    Loader,
    forward_request,
    started,
)
from tiny_deployment import board

_NATIVE = "host@native"
_RUNTIME = 64
_NEAR_END = (0xFFFF_FFFF, 0xFFFF_FFF0, MAX_ARENA_BYTES, MAX_ARENA_BYTES - 3)
_IMAGE = Picture(bytes(range(12)), GRAY, 4, 3, (1, 1, 2, 2))


@pytest.fixture
def loader() -> Iterator[Loader]:
    with started(find_target(_NATIVE)) as found:
        yield found


def _write(offset: int, data: bytes = b"1234") -> tuple[int, bytes]:
    return Message.WRITE, offset.to_bytes(4, "little") + data


def _lives(loader: Loader) -> None:
    network = small_network()
    assert loader.load(file_of(network)).code == Status.OK
    pixels = noise(network)
    found = loader.infer(pixels, len(network.stages), PAUSE | CRC)
    check_inference(found, tensors_of(network, pixels), has_tensors=True)


@pytest.mark.parametrize("seed", [None, *range(600, 606)])
def test_every_tensor_in_both_dialects(loader: Loader, seed: int | None) -> None:
    network = small_network() if seed is None else random_chain(seed)
    check_every_tensor(loader, network, file_of(network))


def test_refused_files(loader: Loader) -> None:
    check_refusals(loader)


def test_a_network_that_does_not_fit_the_arena(loader: Loader) -> None:
    check_arena(loader)


def test_images(loader: Loader) -> None:
    check_images(loader)


def test_counts(loader: Loader) -> None:
    check_counts(find_target(_NATIVE), loader)


def test_a_network_in_flash() -> None:
    network = small_network()
    with started(find_target(_NATIVE), file_of(network)) as loader:
        check_store(loader, network)
        request = loader.load_request(file_of(network)[:-1], place=STORE)
        assert loader.status(Message.LOAD, request) == OK  # a file that ends too early
        assert loader.text().startswith("an end of the file")
        too_long = loader.load_request(file_of(network) + b"\0", place=STORE)
        assert loader.status(Message.LOAD, too_long) == BAD_REQUEST


def test_the_banner_says_what_it_is(loader: Loader) -> None:
    banner = loader.session.banner
    assert int(banner.capabilities) & _RUNTIME
    assert banner.arena_bytes == MAX_ARENA_BYTES
    assert "store=0\n" in banner.text
    assert banner.network == "runtime"


def test_nothing_runs_without_a_network(loader: Loader) -> None:
    empty = zlib.crc32(b"").to_bytes(4, "little")
    for _ in range(2):
        assert loader.status(Message.INFER, b"\0" + empty) == BAD_STATE
        assert loader.status(Message.FORWARD, forward_request(_IMAGE, 0)) == BAD_STATE
        assert loader.status(Message.CONTINUE) == BAD_STATE
        assert loader.status(*_write(0)) == BAD_STATE
        assert loader.status(*_write(IMAGE)) == BAD_STATE
        assert loader.status(Message.READ, b"\x01" + bytes(4) + b"\x01\0") == BAD_REQUEST
        assert loader.load(b"CAFE").code == Status.TRUNCATED
    _lives(loader)


def test_a_write_to_the_file_ends_its_network(loader: Loader) -> None:
    network = small_network()
    pixels = noise(network)
    request = b"\0" + zlib.crc32(pixels.tobytes()).to_bytes(4, "little")
    for offset in (FILE, FILE + 4096, FILE + MAX_ARENA_BYTES):
        _lives(loader)
        loader.memory.write(0, pixels.tobytes())
        assert loader.status(Message.INFER, request) == OK
        loader.status(*_write(offset))
        assert loader.status(Message.INFER, request) == BAD_STATE


def test_malformed_requests(loader: Loader) -> None:
    file = file_of(small_network())
    loader.memory.write(FILE, file)
    good = loader.load_request(file)
    for payload in (b"", good[:-1], good + b"\0"):
        assert loader.status(Message.LOAD, payload) == BAD_REQUEST
    for place in (2, 255):
        assert loader.status(Message.LOAD, loader.load_request(file, place=place)) == BAD_REQUEST
    assert loader.status(Message.LOAD, loader.load_request(file, place=STORE)) == BAD_REQUEST
    assert loader.status(Message.LOAD, loader.load_request(file, crc=1)) == BAD_INPUT
    for size in (MAX_ARENA_BYTES + 1, 0xFFFF_FFFF):
        beyond = good[:3] + size.to_bytes(4, "little") + good[7:]
        assert loader.status(Message.LOAD, beyond) == BAD_REQUEST
    answer = loader.ask(Message.LOAD, loader.load_request(file, dialect=2))
    assert tuple(answer[:2]) == (OK, Status.DIALECT)
    for kind in (Message.CALL, Message.FILL, 0x0E, 0x3F):
        assert loader.status(kind, good) == BAD_REQUEST
    _lives(loader)


@pytest.mark.parametrize("base", [FILE, IMAGE])
def test_writes_beyond_the_arena(loader: Loader, base: int) -> None:
    for offset in _NEAR_END:
        _lives(loader)
        place = (base + offset) & 0xFFFF_FFFF
        if base == IMAGE and place >= FILE:
            continue
        assert loader.status(*_write(place)) == BAD_REQUEST
    _lives(loader)
    for offset in (small_network().input.shape.size - 3, 0x3FFF_FFFF):
        assert loader.status(*_write(offset)) == BAD_REQUEST


def test_images_that_are_not_there(loader: Loader) -> None:
    _lives(loader)
    loader.memory.write(IMAGE, _IMAGE.data)
    good = forward_request(_IMAGE, 0)
    assert loader.status(Message.FORWARD, good) == OK
    for payload in (b"", good[:-1], good + b"\0"):
        assert loader.status(Message.FORWARD, payload) == BAD_REQUEST
    assert loader.status(Message.FORWARD, forward_request(_IMAGE, 0, crc=1)) == BAD_INPUT
    for width, height in ((800, 800), (65535, 65535)):
        large = attrs.evolve(_IMAGE, format=RGB888, width=width, height=height)
        assert loader.status(Message.FORWARD, forward_request(large, 0)) == BAD_REQUEST
    empty = attrs.evolve(_IMAGE, data=b"", width=0)
    assert loader.forward(empty, 9).status == Status.IMAGE
    unknown = attrs.evolve(_IMAGE, data=b"", format=200)
    assert loader.forward(unknown, 9).status == Status.IMAGE
    _lives(loader)


def test_nothing_changes_a_network_that_is_paused(loader: Loader) -> None:
    _lives(loader)
    file = file_of(small_network())
    loader.memory.write(IMAGE, _IMAGE.data)
    assert loader.status(Message.FORWARD, forward_request(_IMAGE, PAUSE)) == OK
    for request in (
        *(_write(0), _write(IMAGE), _write(FILE)),
        (Message.LOAD, loader.load_request(file)),
        (Message.FORWARD, forward_request(_IMAGE, 0)),
        (Message.INFER, bytes(5)),
    ):
        assert loader.status(*request) == BAD_STATE
    for stage in range(1, 9):
        answer = loader.ask(Message.CONTINUE)
        assert answer[:3] == bytes([OK, 1, stage])
    assert loader.ask(Message.CONTINUE)[:2] == bytes([OK, 0])
    _lives(loader)


def test_another_session_ends_a_pause(loader: Loader) -> None:
    _lives(loader)
    loader.memory.write(IMAGE, _IMAGE.data)
    assert loader.status(Message.FORWARD, forward_request(_IMAGE, PAUSE)) == OK
    build = loader.firmware.build_id
    again = open_session(open_transport(loader.running.stream), build=build)
    _lives(Loader(loader.running, again, loader.firmware))


def test_a_firmware_for_one_network_loads_no_other() -> None:
    with board() as other:
        for kind in (Message.LOAD, Message.FORWARD):
            assert other.ask(kind, bytes(11)).payload == bytes([BAD_REQUEST])


def test_kernels_with_other_results_are_not_openmvs() -> None:
    target = attrs.evolve(find_target(_NATIVE), kernels=Kernels(Semantics("c")))
    with started(target) as loader:
        assert loader.load(file_of(small_network()), dialect=OPENMV).code == Status.DIALECT
        assert loader.load(file_of(small_network())).code == Status.OK


def test_an_empty_request_for_the_arena(loader: Loader) -> None:
    empty = loader.load_request(b"", place=ARENA)
    assert tuple(loader.ask(Message.LOAD, empty)[:2]) == (OK, Status.TRUNCATED)
