"""A firmware into a chip's flash: not at all if it is there, else written, and read back whole."""

from __future__ import annotations

import io
from collections.abc import Callable

from attrs import frozen

from qrig.backends.base import Effort
from qrig.backends.probe.option_bytes import OptionBytes, read_option_bytes
from qrig.backends.probe.session import ProbeSession
from qrig.backends.probe.trouble import Kind, TroubleError, troubles
from qrig.build.flash_image import FlashImage
from qrig.errors import FlashError

Progress = Callable[[float], None]
"""Told how much is done, from 0 to 1, never less than before."""

_LAST_BYTES = 1024
_BUILD_ID_BYTES = 16
_ERASE, _PROGRAM, _VERIFY = (0.0, 0.3), (0.3, 0.85), (0.85, 1.0)
_READ_BYTES = 1 << 14


@frozen
class Difference:
    """The first word of flash that is not as it should be."""

    address: int
    expected: int
    found: int

    def __str__(self) -> str:
        """Return it as a part of a sentence."""
        return f"{self.found:#010x} at {self.address:#010x} instead of {self.expected:#010x}"


class FlashWriter:
    """Writes one image into the flash of a connected, halted chip."""

    def __init__(
        self, name: str, session: ProbeSession, image: FlashImage, progress: Progress
    ) -> None:
        """Prepare for `image`; `name` is the board's, for messages."""
        self._name = name
        self._session = session
        self._image = image
        self._progress = _Phases(progress)

    def holds(self) -> bool:
        """Whether the flash has this build, by its build id, its vectors and its end.

        Raises TroubleError.
        """
        image = self._image
        if image.build_id_address is None:
            return False
        head = image.build_id_address + _BUILD_ID_BYTES - image.origin
        tail = max(0, image.size_bytes - _LAST_BYTES)
        return self._same(0, head) and self._same(tail, image.size_bytes)

    def check(self) -> None:
        """Raise FlashError if the chip is read-protected or its flash is divided; TroubleError."""
        options = self._options()
        if options.level > 0:
            raise FlashError(
                f"{self._name}: expected a chip that can be programmed, found that {options}; "
                "remove the read protection, which erases the chip, with STM32CubeProgrammer"
            )
        if options.is_divided:
            raise FlashError(
                f"{self._name}: expected flash in one bank, found it divided into two; set nDBANK "
                "in the option bytes with STM32CubeProgrammer"
            )

    def write(self, effort: Effort, *, rewrite: bool) -> None:
        """Write the image and verify it, with one more try if a word differs.

        With `rewrite` sectors are erased even if they look right. Raises FlashError with the first
        word that differs, or with what the flash controller refused; TroubleError.
        """
        self._program(rewrite=rewrite)
        effort.note("flashed")
        if self.find_difference() is None:
            return
        effort.note("flash_retries")
        self._program(rewrite=True)
        difference = self.find_difference()
        if difference is not None:
            raise FlashError(
                f"{self._name}: expected flash to hold what was written, found twice that it does "
                f"not: {difference}; the flash may be worn out: use another board"
            )

    def find_difference(self) -> Difference | None:
        """Return the first word that is not the image's, None if all are; raises TroubleError."""
        image, origin = self._image, self._image.origin
        self._progress.begin(_VERIFY)
        for start in range(0, image.size_bytes, _READ_BYTES):
            expected = image.data[start : start + _READ_BYTES]
            found = self._session.read(origin + start, len(expected))
            if found != expected:
                return _first_difference(origin + start, expected, found)
            self._progress.report((start + len(expected)) / image.size_bytes)
        return None

    def _same(self, start: int, end: int) -> bool:
        found = self._session.read(self._image.origin + start, end - start)
        return found == self._image.data[start:end]

    def _program(self, *, rewrite: bool) -> None:
        from pyocd.core.target import Target
        from pyocd.flash.file_programmer import FileProgrammer

        session, image = self._session, self._image
        session.reset_and_halt()  # a running firmware may have changed clocks and caches
        self._progress.begin(_ERASE)

        def begin_programming(_notification: object) -> None:
            self._progress.begin(_PROGRAM)

        event = Target.Event.PRE_FLASH_PROGRAM
        session.session.subscribe(begin_programming, event)
        try:
            with troubles(f"write {image.size_bytes:,} bytes to flash"):
                programmer = FileProgrammer(
                    session.session,
                    progress=self._progress.report,
                    chip_erase="sector",
                    smart_flash=not rewrite,
                    trust_crc=False,
                    keep_unwritten=False,
                )
                programmer.program(io.BytesIO(image.data), "bin", base_address=image.origin)
        except TroubleError as trouble:
            raise self._explained(trouble) from trouble
        finally:
            session.session.unsubscribe(begin_programming, event)

    def _explained(self, trouble: TroubleError) -> Exception:
        """Return the trouble, or what there is to say of it if the flash controller refused."""
        if trouble.diagnosis.kind not in (Kind.REFUSED, Kind.STUCK):
            return trouble
        try:
            options = str(self._options())
        except TroubleError as unread:
            options = f"the option bytes cannot be read ({unread.diagnosis.text})"
        return trouble.error(self._name, options)

    def _options(self) -> OptionBytes:
        chip = self._session.chip
        return read_option_bytes(chip.family, chip.device_id, self._session.read32)


def _first_difference(address: int, expected: bytes, found: bytes) -> Difference:
    at = next(i for i, (one, other) in enumerate(zip(expected, found, strict=True)) if one != other)
    start = at - (address + at) % 4
    start = max(0, start)
    words = (int.from_bytes(data[start : start + 4], "little") for data in (expected, found))
    return Difference(address + start, *words)


class _Phases:
    """Progress over several phases, each a part of the whole; it never goes back."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._phase = _ERASE
        self._done = 0.0

    def begin(self, phase: tuple[float, float]) -> None:
        """Go on to another phase."""
        self._phase = phase
        self.report(0.0)

    def report(self, share: float) -> None:
        """Report what share of the phase is done."""
        first, past = self._phase
        done = min(past, first + (past - first) * max(0.0, share))
        if done > self._done or done == 0.0:
            self._done = done
            self._progress(done)
