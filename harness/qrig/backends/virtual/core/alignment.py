"""Loads and stores of several words, or of floats, which fault at an address that is no word's.

Unicorn does them at any address. Each is watched when it is met first, and left alone once it has
been right some times: what is watched for ever costs more than all the rest.
"""

from __future__ import annotations

from collections.abc import Callable

from qrig.backends.virtual.core.engine import Engine
from qrig.backends.virtual.core.thumb import word_accesses

_TRUSTED = 64  # times that an instruction must have been right


class AlignmentTrap:
    """Calls `on_bad(address)` before such an instruction that would fault, and ends the run."""

    def __init__(self, engine: Engine, on_bad: Callable[[int], None]) -> None:
        """Watch nothing yet."""
        self._engine = engine
        self._on_bad = on_bad
        self._hooks: dict[int, int | None] = {}
        self._trusted: list[int] = []

    def watch(self, origin: int, code: bytes) -> bool:
        """Watch what is new in `code`, which begins at `origin`; returns whether there is any.

        Then the engine has to forget that code.
        """
        is_new = False
        for offset, base in word_accesses(code):
            if origin + offset not in self._hooks:
                check = self._checking(base)
                self._hooks[origin + offset] = self._engine.on_instruction(origin + offset, check)
                is_new = True
        return is_new

    def forget_trusted(self) -> None:
        """Have the engine leave alone what has been right often enough; not while it runs."""
        trusted, self._trusted = self._trusted, []
        for address in trusted:
            self._engine.forget_range(address, address + 4)

    def clear(self) -> None:
        """Begin anew: there is other code now. The engine has to forget the old."""
        for hook in self._hooks.values():
            if hook is not None:
                self._engine.remove_hook(hook)
        self._hooks.clear()
        self._trusted.clear()

    def _checking(self, base: str) -> Callable[[int, int, int, int], None]:
        left = _TRUSTED

        def check(_engine: int, address: int, _size: int, _data: int) -> None:
            nonlocal left
            if self._engine[base] & 3:
                self._on_bad(address)
                self._engine.stop()
                return
            left -= 1
            hook = self._hooks.get(address)
            if left <= 0 and hook is not None:
                self._engine.remove_hook(hook)
                self._hooks[address] = None
                self._trusted.append(address)

        return check
