"""Counting executed instructions, exactly.

The hook of a block adds the number of its instructions, found once per block. When a run ends
inside a block, at an instruction that has not been executed, the rest of the block is taken off.
"""

from __future__ import annotations

from collections.abc import Callable

from qrig.backends.virtual.core.thumb import count_instructions

NEVER = 1 << 62
"""A count that is never reached."""


class Counter:
    """Instructions executed since the board was made.

    When `total` has passed `limit` before a block is executed, `on_limit` is called; before a block
    is executed for the first time `on_new(address, code)` is.
    """

    __slots__ = ("_address", "_code", "_counts", "_size", "limit", "on_limit", "on_new", "total")

    def __init__(
        self,
        code: Callable[[int, int], bytes],
        on_limit: Callable[[], None],
        on_new: Callable[[int, bytes], None],
    ) -> None:
        """Count; `code(address, size)` returns instructions."""
        self.total = 0
        self.limit = NEVER
        self.on_limit = on_limit
        self.on_new = on_new
        self._code = code
        self._counts: dict[int, int] = {}
        self._address = self._size = 0

    def on_block(self, _engine: int, address: int, size: int, _data: int) -> None:
        """Count a block that is about to be executed."""
        self._address = address
        self._size = size
        try:
            self.total += self._counts[address << 13 | size]
        except KeyError:
            self.total += self._learn(address, size)
            self.on_new(address, self._code(address, size))
        if self.total > self.limit:
            self.on_limit()

    @property
    def completed(self) -> int:
        """Return the count at the beginning of the block that is being executed."""
        if not self._size:
            return self.total
        return self.total - self._learn(self._address, self._size)

    @property
    def place(self) -> tuple[int, int]:
        """What tells one execution of a block from every other."""
        return self._address, self.total

    def is_inside(self, pc: int) -> bool:
        """Whether an address lies in the block that was begun last."""
        return self._address <= pc < self._address + self._size

    def settle(self, pc: int) -> None:
        """Take off what has not been executed, now that a run has ended at `pc`."""
        if self.is_inside(pc):
            self.total -= self._count(pc, self._address + self._size - pc)
        self._size = 0

    def forget_code(self) -> None:
        """Look at all blocks anew: code was changed."""
        self._counts.clear()

    def _learn(self, address: int, size: int) -> int:
        key = address << 13 | size
        if key not in self._counts:
            self._counts[key] = self._count(address, size)
        return self._counts[key]

    def _count(self, address: int, size: int) -> int:
        return count_instructions(self._code(address, size)) if size else 0
