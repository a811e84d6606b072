"""The file of a profile: what is read is what was written, and anything else is refused by name."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given, settings

from full_runs import FULL, FULL_RUN
from qrig.errors import FileFormatError
from qrig.profiles.file import SCHEMA, profile_of, read_profile, write_profile
from qrig.profiles.profile import (
    LAYER,
    MEMORY,
    MODES,
    Access,
    Block,
    Cache,
    DataFills,
    Edge,
    InstructionFills,
    MemoryRange,
    Phase,
    Profile,
)
from random_profiles import profiles

HERE = Path("profile.json")
DROP = object()


def example() -> Profile:
    """A small profile in which every kind of record occurs."""
    phase = Phase(
        "conv1",
        LAYER,
        1,
        (Edge(-1, 0, 1), Edge(0, 1, 7)),
        {1: 3},
        (Access(0x8000, 0, 4, 5, 1, 1, 0, 2), Access(0x8002, -1, 1, 1, 0, 0, 0, 0)),
        (DataFills(0, 0x8000, 0, 2, 0),),
        (InstructionFills(1, 1, 4),),
    )
    return Profile(
        "a test",
        MEMORY,
        "cortex-m7",
        "0123456789abcdef" * 4,
        1,
        (MemoryRange("code", 0, 1 << 20), MemoryRange("data", 0x2000_0000, 1 << 16)),
        (
            Cache("d", "data", 1024, 32, 4, ("code", "data")),
            Cache("i", "instruction", 1024, 32, 2, ("code",)),
        ),
        (Block(0x8000, 4, 2), Block(0x8004, 6, 2)),
        (phase,),
    )


def document(folder: Path) -> dict[str, Any]:
    """The document of `example`."""
    path = folder / "example.json"
    write_profile(path, example())
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


@pytest.mark.parametrize("mode", MODES)
def test_a_profile_reads_back_as_it_was_written(
    mode: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("written") / "profile.json"

    @settings(max_examples=2000 if FULL else 100, deadline=None, derandomize=True)
    @given(profiles(mode))
    def check(profile: Profile) -> None:
        write_profile(path, profile)
        assert attrs.asdict(read_profile(path)) == attrs.asdict(profile)

    check()


def test_what_a_file_says_arrives(tmp_path: Path) -> None:
    profile = profile_of(HERE, document(tmp_path))
    assert [layer.name for layer in profile.layers] == ["conv1"]
    (layer,) = profile.layers
    assert profile.executions(layer) == {0: 1, 1: 7}
    assert profile.instructions(layer) == 16
    assert profile.blocks[1].end == 0x800A
    assert profile.caches[1].memories == ("code",)


def edited(folder: Path, keys: str, value: object) -> dict[str, Any]:
    """Return the example with the value at a dotted path replaced or dropped."""
    changed = document(folder)
    *way, last = [int(key) if key.isdigit() else key for key in keys.split(".")]
    table: Any = changed
    for key in way:
        table = table[key]
    if value is DROP:
        del table[last]
    else:
        table[last] = value
    return changed


_TYPES: list[object] = [DROP, None, True, 0.5, "x", {}, [1], [[1]], [["x"]], -1, 1 << 63, 10**4000]
_TOP_LEVEL = ("inferences", "memories", "caches", "blocks", "phases")
_TEXTS = ("source", "mode", "core", "elf_sha256")
_PHASE = ("visits", "edges", "mispredicted", "accesses", "data_fills", "instruction_fills")


def refusal(folder: Path, changed: object) -> str:
    """Return how a file of a document is refused: in one sentence that names it."""
    path = folder / "profile.json"
    path.write_text(json.dumps(changed), encoding="utf-8")
    with pytest.raises(FileFormatError) as caught:
        read_profile(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "expected " in message
    assert "found " in message
    assert message.isprintable()
    assert len(message) < 400 + len(str(path))
    return message


@pytest.mark.parametrize("keys", [*_TOP_LEVEL, *_TEXTS, *(f"phases.0.{key}" for key in _PHASE)])
@pytest.mark.parametrize("value", _TYPES, ids=lambda value: repr(value)[:12])
def test_values_of_a_wrong_type_are_named_by_their_key(
    tmp_path: Path, keys: str, value: object
) -> None:
    if value == "x" and keys in ("source", "core"):
        return
    last = keys.rpartition(".")[2]
    assert last in refusal(tmp_path, edited(tmp_path, keys, value))


@pytest.mark.parametrize(
    ("keys", "value", "words"),
    [
        ("schema", "qrig-profile/2", 'schema: expected "qrig-profile/1", found qrig-profile/2'),
        ("schema", DROP, "schema: expected"),
        ("schema", [SCHEMA], "schema: expected"),
        ("mode", "all", "mode: expected blocks or edges or memory, found all"),
        ("mode", "a\nb\x1b[2J", "mode: expected"),
        ("elf_sha256", "0" * 63, "elf_sha256: expected 64"),
        ("elf_sha256", "A" * 64, "elf_sha256: expected 64"),
        ("elf_sha256", "0" * 64 + "\n", "elf_sha256: expected 64"),
        ("memories.1", 7, "memories: expected a list of objects"),
        ("memories.1.name", DROP, "memories[1].name: expected text"),
        ("memories.1.origin", -1, "memories[1].origin: expected a count"),
        ("memories.1.origin", True, "memories[1].origin: expected a count"),
        ("memories.1.size_bytes", 0, "memories[1].size_bytes: expected 1 or more"),
        ("memories.1.size_bytes", 1 << 63, "memories[1].size_bytes: expected a count"),
        ("caches.0.kind", "unified", "caches[0].kind: expected data or instruction"),
        ("caches.0.kind", ["data"], "caches[0].kind: expected text"),
        ("caches.0.line_bytes", 0, "caches[0]: expected"),
        ("caches.0.line_bytes", 2, "caches[0]: expected"),
        ("caches.0.line_bytes", 2.0, "caches[0].line_bytes: expected a count"),
        ("caches.0.ways", 0, "caches[0]: expected"),
        ("caches.0.ways", 3, "caches[0]: expected a size that lines"),
        ("caches.0.size_bytes", 0, "caches[0]: expected"),
        ("caches.0.size_bytes", 1000, "caches[0]: expected"),
        ("caches.0.memories", ["flash"], "caches[0].memories: expected names of memories"),
        ("caches.0.memories", "code", "caches[0].memories: expected"),
        ("caches.0.memories", [["code"]], "caches[0].memories: expected"),
        ("caches.0.memories", [{}], "caches[0].memories: expected"),
        ("caches.0.memories", DROP, "caches[0].memories: expected"),
        ("blocks.1", [0x8004, 6], "blocks[1]: expected 3 integers"),
        ("blocks.1", [0x8004, 6, 2, 0], "blocks[1]: expected 3 integers"),
        ("blocks.1", [0x8004, 6, True], "blocks[1]: expected 3 integers"),
        ("blocks.1", [0x8005, 6, 2], "blocks[1]: expected [address, bytes, instructions] of Thumb"),
        ("blocks.1", [0x8004, 2, 2], "blocks[1]: expected"),
        ("blocks.1", [0x8004, 10, 2], "blocks[1]: expected"),
        ("blocks.1", [0x8004, 0, 0], "blocks[1]: expected"),
        ("blocks.1", [-2, 4, 2], "blocks[1]: expected"),
        ("blocks.1", [-1, 4, 2], "blocks[1]: expected"),
        ("blocks.1", [0x8004, -1, -1], "blocks[1]: expected"),
        ("blocks.1", [(1 << 32) - 4, 6, 2], "blocks[1]: expected an end within 32 bits"),
        ("blocks.1", [1 << 62, 6, 2], "blocks[1]: expected an end within 32 bits"),
        ("phases.0.kind", "conv", "phases[0].kind: expected start-up or harness"),
        ("phases.0.name", 1, "phases[0].name: expected text"),
        ("phases.0.visits", -1, "phases[0].visits: expected a count"),
        ("phases.0.edges.1", [0, 2, 1], "phases[0].edges: expected indices from 0 to 1, found 2"),
        ("phases.0.edges.1", [0, -1, 1], "phases[0].edges[1]: expected 3 integers"),
        ("phases.0.edges.1", [-2, 1, 1], "phases[0].edges[1]: expected 3 integers"),
        ("phases.0.edges.1", [2, 1, 1], "phases[0].edges: expected indices from -1 to 1, found 2"),
        ("phases.0.edges.1", [0, 1, -1], "phases[0].edges"),
        ("phases.0.edges.1", [0, 1, 1 << 63], "phases[0].edges[1]: expected 3 integers"),
        ("phases.0.edges.1", [0, 1, False], "phases[0].edges[1]: expected 3 integers"),
        ("phases.0.mispredicted.0", [2, 1], "phases[0].mispredicted: expected indices"),
        ("phases.0.mispredicted.0", [-1, 1], "phases[0].mispredicted: expected"),
        ("phases.0.mispredicted.0", [0, -1], "phases[0].mispredicted: expected"),
        ("phases.0.mispredicted.0", [0, True], "phases[0].mispredicted: expected"),
        ("phases.0.mispredicted.0", [[0], 1], "phases[0].mispredicted: expected"),
        ("phases.0.accesses.0.0", -1, "phases[0].accesses"),
        ("phases.0.accesses.0.1", 2, "phases[0].accesses: expected indices from -1 to 1, found 2"),
        ("phases.0.accesses.0.3", -1, "phases[0].accesses"),
        ("phases.0.accesses.0", [0] * 7, "phases[0].accesses[0]: expected 8 integers"),
        ("phases.0.data_fills.0.0", 1, "phases[0].data_fills: expected the number of a cache for"),
        ("phases.0.data_fills.0.0", 2, "phases[0].data_fills: expected the number of a cache for"),
        ("phases.0.data_fills.0.0", -1, "phases[0].data_fills"),
        ("phases.0.data_fills.0.2", -1, "phases[0].data_fills"),
        ("phases.0.data_fills.0.3", -1, "phases[0].data_fills"),
        ("phases.0.instruction_fills.0.0", 0, "phases[0].instruction_fills: expected the number"),
        ("phases.0.instruction_fills.0.0", -1, "phases[0].instruction_fills"),
        ("phases.0.instruction_fills.0.1", 2, "phases[0].instruction_fills: expected indices"),
        ("phases.0.instruction_fills.0.1", -1, "phases[0].instruction_fills"),
        ("phases.0.instruction_fills.0.2", -1, "phases[0].instruction_fills"),
    ],
)
def test_every_mistake_is_named_by_its_record(
    tmp_path: Path, keys: str, value: object, words: str
) -> None:
    assert f": {words}" in refusal(tmp_path, edited(tmp_path, keys, value))


@pytest.mark.parametrize("document", [[], 1, "x", None, {}, {"schema": 1}, {"schema": SCHEMA}])
def test_documents_of_another_kind_are_refused(tmp_path: Path, document: object) -> None:
    assert "take the profile again" in refusal(tmp_path, document)


@pytest.mark.parametrize(
    "data",
    [b"{", b"{}x", b'{"a": \xff}', b"\xff\xfe\0", b'{"a": ' + b"9" * 5000 + b"}", b"\0", b"nan x"],
)
def test_what_is_no_json_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "profile.json"
    path.write_bytes(data)
    with pytest.raises(FileFormatError, match="not JSON") as caught:
        read_profile(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", ["schema", "mode", "blocks", "elf_sha256", "caches", "phases"])
@pytest.mark.parametrize("brackets", [("[", "]"), ('{"a":', "}")])
def test_what_is_nested_deeply_is_refused(
    tmp_path: Path, key: str, brackets: tuple[str, str]
) -> None:
    """At every depth up to where the parser gives up, and far beyond."""
    path, text = tmp_path / "profile.json", json.dumps(edited(tmp_path, key, "@"))
    for depth in (10, 100, *range(300, 1100, 7), 10_000, 100_000):
        nested = brackets[0] * depth + "1" + brackets[1] * depth
        path.write_text(text.replace('"@"', nested))
        with pytest.raises(FileFormatError, match=r"profile\.json: ") as caught:
            read_profile(path)
        assert len(str(caught.value)) < 500


def test_a_file_cut_short_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    write_profile(path, example())
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(FileFormatError, match=r"profile\.json: expected a profile"):
            read_profile(path)


def _folder(path: Path) -> None:
    path.mkdir()


def _empty(path: Path) -> None:
    path.touch()


def _nothing(_: Path) -> None:
    return


@pytest.mark.parametrize("make", [_folder, _empty, _nothing])
def test_what_is_no_file_is_refused(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = tmp_path / "profile.json"
    make(path)
    with pytest.raises(FileFormatError, match=r"profile\.json: expected a profile"):
        read_profile(path)


def places(part: Any) -> list[tuple[Any, Any]]:
    """Return every place of a document: the table or list, and the key or index in it."""
    if not isinstance(part, dict | list):
        return []
    keys = list(part) if isinstance(part, dict) else list(range(len(part)))
    return [(part, key) for key in keys] + [found for key in keys for found in places(part[key])]


_VALUES: list[object] = [
    None, True, False, 0, 1, -1, 2, 3, 7, 0.5, 1e308, 1 << 31, 1 << 32, 1 << 63, 10**30, "", "x",
    "code", "data", "instruction", "\ud800", "\n", [], {}, [[]], [{}], {"name": {}}, [1, 2, 3],
]  # fmt: skip


def mutated(chance: random.Random, original: dict[str, Any]) -> bytes:
    """Change, drop or double a few parts of a document, and sometimes bytes of its text."""
    changed = json.loads(json.dumps(original))
    for _ in range(chance.randrange(0, 4)):
        table, key = chance.choice(places(changed))
        other, from_key = chance.choice(places(changed))
        what = chance.randrange(4)
        if what == 0:
            table[key] = json.loads(json.dumps(chance.choice(_VALUES)))
        elif what == 1:
            table[key] = json.loads(json.dumps(other[from_key]))
        elif what == 2 and len(table) > 1:
            del table[key]
        elif isinstance(table, list):
            table.insert(key, json.loads(json.dumps(table[key])))
    data = bytearray(json.dumps(changed).encode())
    for _ in range(chance.choice((0, 0, 1, 3))):
        at = chance.randrange(len(data))
        what = chance.randrange(3)
        if what == 0:
            data[at] ^= 1 << chance.randrange(8)
        elif what == 1:
            del data[at : at + chance.randrange(1, 9)]
        else:
            data[at:at] = data[at : at + chance.randrange(1, 20)]
    return bytes(data)


def read_or_refused(path: Path) -> Profile | FileFormatError:
    """Read a profile or return how it is refused; anything else comes through."""
    try:
        return read_profile(path)
    except FileFormatError as error:
        return error


@pytest.mark.parametrize(
    ("seed", "count"),
    [(1, 3000), *(pytest.param(seed, 15_000, marks=FULL_RUN) for seed in (2, 3))],
)
def test_mutated_files_are_read_or_refused(tmp_path: Path, seed: int, count: int) -> None:
    chance, original, path = random.Random(seed), document(tmp_path), tmp_path / "mutated.json"
    refused = 0
    for _ in range(count):
        path.write_bytes(mutated(chance, original))
        found = read_or_refused(path)
        if isinstance(found, FileFormatError):
            refused += 1
            assert str(found).startswith(f"{path}: ")
            assert str(found).isprintable()
            continue
        for phase in found.phases:
            assert min(found.executions(phase).values(), default=0) >= 0
            assert found.instructions(phase) >= 0
    assert count // 2 < refused < count
