"""The records of an LMDB environment, read from its file alone.

Layout (Symas LMDB 0.9, 64-bit little-endian; lmdb.h and mdb.c of OpenLDAP): the file is made of
pages. Pages 0 and 1 hold meta records; the one with the higher transaction number counts. Its root
page begins a B+ tree: branch pages point to pages, leaf pages hold keys and values in order, and
a value too long for a leaf lies on overflow pages of its own.

Nothing is mapped, locked or written: every page is read and checked, so that a damaged or truncated
file is an error and not a crash, and a read-only medium is as good as any. A database that another
process writes at the same time may be found damaged.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from attrs import frozen

from qrig.errors import FileFormatError

DATA_FILE = "data.mdb"
"""The name of the file in an environment's folder."""

MAX_VALUE_BYTES = 1 << 26
"""Longest value qrig reads."""

_MAGIC, _VERSION = 0xBEEFC0DE, 1
_META_BYTES = 152
_NO_PAGE = (1 << 64) - 1
_HEADER_BYTES = 16
_BRANCH, _LEAF, _OVERFLOW = 0x01, 0x02, 0x04
_BIG_DATA, _OTHER_DATA = 0x01, 0x06
_SORTED_DUPLICATES = 0x04
_MAX_DEPTH = 32
_PAGE_SIZES = tuple(1 << power for power in range(8, 17))
_ADVICE = "copy the database again"


@frozen
class _Meta:
    """What a meta page says."""

    page_bytes: int
    flags: int
    entries: int
    root: int
    transaction: int


@frozen
class _Node:
    """One entry of a page: its key, and a page (branch) or a value or the place of one (leaf)."""

    key: bytes
    data: bytes = b""
    page: int | None = None
    size: int = 0


class LmdbFile:
    """An LMDB data file that is open for reading; a context manager.

    Raises FileFormatError from every method if the file is not what it should be.
    """

    def __init__(self, path: Path) -> None:
        """Open the environment at `path`, its folder or its data file."""
        self._path = path / DATA_FILE if path.is_dir() else path
        try:
            self._file = os.open(self._path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        except OSError as error:
            raise FileFormatError(
                f"{self._path}: expected the data file of an LMDB database, found none that can be "
                f"read ({error.strerror}); check the path"
            ) from error
        try:
            self._meta = self._read_meta()
        except BaseException:
            os.close(self._file)
            raise

    def __enter__(self) -> Self:
        """Return the open file."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        os.close(self._file)

    @property
    def entries(self) -> int:
        """The number of records, as the file says."""
        return self._meta.entries

    def records(self, places: Iterable[int] | None = None) -> Iterator[tuple[bytes, bytes]]:
        """Yield key and value of every record, or of those at `places`, in the order of the keys.

        Nothing is read behind the last of these places.
        """
        wanted = None if places is None else {int(place) for place in places}
        end = None if wanted is None else max(wanted, default=-1) + 1
        count, last = 0, b""
        root = self._meta.root
        for node in () if root == _NO_PAGE else self._walk(root, b"", 0):
            if count and node.key <= last:
                raise self._damaged(f"keys in order after {_name(last)}", f"{_name(node.key)}")
            if wanted is None or count in wanted:
                yield node.key, self._value(node)
            last = node.key
            count += 1
            if count == end:
                return
        if count != self._meta.entries:
            raise self._damaged(f"{self._meta.entries} records", f"{count}")

    def _walk(self, number: int, below: bytes, depth: int) -> Iterator[_Node]:
        """Yield the leaves of the tree whose root is page `number`, behind the key `below`."""
        behind = f"the records from {_name(below)} on" if below else "the first records"
        page = self._read_page(number, behind)
        (flags,) = struct.unpack_from("<H", page, 10)
        if depth >= _MAX_DEPTH or flags & (_BRANCH | _LEAF) not in (_BRANCH, _LEAF) or flags & 0x20:
            raise self._damaged(f"a tree page {number} with {behind}", f"flags {flags:#x}")
        for node in self._nodes(page, number, leaf=bool(flags & _LEAF)):
            if node.page is not None and flags & _BRANCH:
                yield from self._walk(node.page, node.key or below, depth + 1)
            else:
                yield node

    def _nodes(self, page: bytes, number: int, *, leaf: bool) -> Iterator[_Node]:
        (lower,) = struct.unpack_from("<H", page, 12)
        if not _HEADER_BYTES <= lower <= len(page) or lower % 2:
            raise self._damaged(f"a tree page {number}", f"{lower} bytes of entries")
        for at in struct.unpack_from(f"<{(lower - _HEADER_BYTES) // 2}H", page, _HEADER_BYTES):
            if at < lower or at + 8 > len(page):
                raise self._damaged(f"an entry on page {number}", f"one at {at}")
            low, high, flags, key_bytes = struct.unpack_from("<4H", page, at)
            begin = at + 8 + key_bytes
            if begin > len(page):
                raise self._damaged(f"a key on page {number}", f"one of {key_bytes} bytes")
            key = page[at + 8 : begin]
            if not leaf:
                yield _Node(key, page=low | high << 16 | flags << 32)
                continue
            size = low | high << 16
            if flags & _OTHER_DATA:
                raise self._damaged(f"a value behind {_name(key)}", "a database within")
            end = begin + (8 if flags & _BIG_DATA else size)
            if end > len(page) or size > MAX_VALUE_BYTES:
                raise self._damaged(f"a value behind {_name(key)}", f"one of {size} bytes")
            data = page[begin:end]
            if flags & _BIG_DATA:
                yield _Node(key, page=struct.unpack("<Q", data)[0], size=size)
            else:
                yield _Node(key, data)

    def _value(self, node: _Node) -> bytes:
        if node.page is None:
            return node.data
        where = f"record {_name(node.key)}"
        header = self._read(node.page * self._meta.page_bytes, _HEADER_BYTES, where)
        number, flags = struct.unpack_from("<Q2xH", header)
        if number != node.page or flags != _OVERFLOW:
            raise self._damaged(f"{where} on page {node.page}", f"flags {flags:#x} there")
        return self._read(node.page * self._meta.page_bytes + _HEADER_BYTES, node.size, where)

    def _read_page(self, number: int, behind: str) -> bytes:
        size = self._meta.page_bytes
        if number < 2 or number > (1 << 62) // size:
            raise self._damaged(f"a page with {behind}", f"page {number}")
        page = self._read(number * size, size, behind)
        if struct.unpack_from("<Q", page)[0] != number:
            raise self._damaged(f"page {number} with {behind}", "another page")
        return page

    def _read(self, offset: int, size: int, behind: str) -> bytes:
        try:
            data = os.pread(self._file, size, offset)
        except (OSError, OverflowError) as error:
            raise self._damaged(f"{behind} at byte {offset}", f"none ({error})") from error
        if len(data) != size:
            length = os.fstat(self._file).st_size
            raise self._damaged(f"{behind} at byte {offset}", f"the file cut short at {length}")
        return data

    def _read_meta(self) -> _Meta:
        first = os.pread(self._file, _META_BYTES, 0)
        meta = self._parse_meta(first)
        second = os.pread(self._file, _META_BYTES, meta.page_bytes)
        other = self._parse_meta(second)
        newest = max(meta, other, key=lambda one: one.transaction)
        if newest.entries > os.fstat(self._file).st_size:  # a record takes more than a byte
            raise self._damaged("no more records than bytes", f"{newest.entries:,}")
        return newest

    def _parse_meta(self, data: bytes) -> _Meta:
        if len(data) < _META_BYTES:
            raise self._damaged("two meta pages", f"the file cut short ({len(data)} bytes)")
        magic, version = struct.unpack_from("<II", data, 16)
        if struct.unpack_from("<I", data, 12)[0] == _MAGIC:
            raise FileFormatError(
                f"{self._path}: expected an LMDB file of a 64-bit machine, found one of a 32-bit "
                "machine; make it again with mdb_dump and mdb_load"
            )
        if magic != _MAGIC or version != _VERSION:
            raise FileFormatError(
                f"{self._path}: expected an LMDB data file (version {_VERSION}), found bytes that "
                f"begin with {data[16:24].hex()} there; check the path"
            )
        page_bytes = struct.unpack_from("<I", data, 40)[0]
        flags, _, *_, entries, root = struct.unpack_from("<HH3QQQ", data, 92)
        (transaction,) = struct.unpack_from("<Q", data, 144)
        if page_bytes not in _PAGE_SIZES:
            raise self._damaged("pages of 256 to 65536 bytes", f"{page_bytes}")
        if flags & _SORTED_DUPLICATES:
            raise self._damaged("one value for each key", "a database of duplicates")
        return _Meta(page_bytes, flags, entries, root, transaction)

    def _damaged(self, expected: str, found: str) -> FileFormatError:
        return FileFormatError(f"{self._path}: expected {expected}, found {found}; {_ADVICE}")


def _name(key: bytes) -> str:
    """Return how to write a key in a sentence."""
    return repr(key[:80].decode("utf-8", "backslashreplace"))
