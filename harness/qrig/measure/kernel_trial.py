"""One call of a kernel in a firmware's arena, with guards around its tensors."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from attrs import define, field, frozen

from qrig.errors import UsageError
from qrig.fixedpoint.interleave import Order, interleaved
from qrig.link.kernels import Argument, Outcome, Piece, RemoteKernels
from qrig.measure.kernel_calls import Companion, KernelCall, Tensor
from qrig.measure.sequence import sequence

GUARD = 0xA5
"""What the arena holds wherever no tensor lies, and in scratch and output before a call."""

_SMALLEST_GAP_BYTES = 64
_EDGE_BYTES = 512
_ALIGN_BYTES = 16

Elements = npt.NDArray[np.int_]


def _flat(values: npt.ArrayLike) -> Elements:
    return np.asarray(values, np.int_).ravel()


@frozen(eq=False)
class Numbers:
    """Elements that are sent as they are, row-major."""

    elements: Elements = field(converter=_flat)

    def of(self, tensor: Tensor) -> Elements:
        """Return the elements for `tensor`; raises UsageError for another count."""
        if self.elements.size != tensor.count:
            raise UsageError(f"expected {tensor.count} elements, found {self.elements.size}")
        return self.elements


@frozen
class Sequence:
    """Elements from a seed; see `qrig.measure.sequence`."""

    seed: int
    shift: int = 0

    def of(self, tensor: Tensor) -> Elements:
        """Return the elements for `tensor`."""
        return sequence(self.seed, tensor.count, tensor.element_bytes, self.shift)


@frozen
class Constant:
    """The same element everywhere."""

    value: int

    def of(self, tensor: Tensor) -> Elements:
        """Return the elements for `tensor`."""
        return np.full(tensor.count, self.value, np.int_)


Contents = Numbers | Sequence | Constant
"""What a tensor holds, in row-major order whatever the order of the tensor."""


@frozen(eq=False)
class Trial:
    """A call and what came of it.

    `intact` says that nothing in the arena changed but what the kernel may write. `scratch_bytes`
    is what the companion function asked for.
    """

    call: KernelCall
    outcome: Outcome
    output_crc32: int
    intact: bool
    scratch_bytes: int
    places: Mapping[str, Piece] = field(repr=False)


@define
class Workbench:
    """Calls kernels of one firmware with tensors laid out in its arena."""

    kernels: RemoteKernels
    _used_bytes: int = 0
    _before: bytes = b""
    _companions: dict[Companion, int] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        """Fill the arena with the guard."""
        self.kernels.fill(Piece(0, self.kernels.arena_bytes), GUARD)

    def run(
        self,
        call: KernelCall,
        contents: Mapping[str, Contents],
        *,
        misaligned: Mapping[str, int] | None = None,
        in_place: bool = False,
    ) -> Trial:
        """Lay out the tensors of `call`, call the kernel, and look at what it changed.

        `misaligned` are bytes by which tensors lie beside an aligned address. With `in_place` the
        output is the input's place. Raises TargetError, and UsageError for tensors that do not fit
        the arena.
        """
        scratch_bytes = self._scratch_bytes(call)
        places = self._places(call, scratch_bytes, misaligned or {}, in_place=in_place)
        before = self._before = self._lay_out(call, contents, places)
        arguments = [_argument(word, call, places) for word in call.words]
        outcome = self.kernels.call(call.name, call.letters, arguments)
        kept = _kept(len(before), [places[name] for name in call.written if name in places])
        return Trial(
            call=call,
            outcome=outcome,
            output_crc32=self.kernels.checksum([places[call.output]]),
            intact=self.kernels.checksum(kept) == _crc32(before, kept),
            scratch_bytes=scratch_bytes,
            places=places,
        )

    def read(self, trial: Trial) -> Elements:
        """Return the output of a trial, which must be the last one."""
        element_bytes = trial.call.tensors[trial.call.output].element_bytes
        data = self.kernels.read(trial.places[trial.call.output])
        return np.frombuffer(data, f"<i{element_bytes}").astype(np.int_)

    def is_untouched(self) -> bool:
        """Whether the last trial changed nothing at all."""
        whole = Piece(0, len(self._before))
        return self.kernels.checksum([whole]) == zlib.crc32(self._before)

    def is_clean(self) -> bool:
        """Whether the arena beyond all that was laid out since the start still is the guard."""
        rest = Piece(self._used_bytes, self.kernels.arena_bytes - self._used_bytes)
        guards = bytes([GUARD]) * rest.size_bytes
        return self.kernels.checksum([rest]) == zlib.crc32(guards)

    def _scratch_bytes(self, call: KernelCall) -> int:
        companion = call.companion
        if companion is None:
            return 0
        if companion not in self._companions:
            outcome = self.kernels.call(companion.name, companion.letters, companion.arguments)
            self._companions[companion] = outcome.value
        return self._companions[companion]

    def _places(
        self,
        call: KernelCall,
        scratch_bytes: int,
        misaligned: Mapping[str, int],
        *,
        in_place: bool,
    ) -> dict[str, Piece]:
        places: dict[str, Piece] = {}
        end = _EDGE_BYTES
        for name, size_bytes in (
            *((name, tensor.size_bytes) for name, tensor in call.tensors.items()),
            ("scratch", scratch_bytes),
        ):
            start = -(-(end + _SMALLEST_GAP_BYTES) // _ALIGN_BYTES) * _ALIGN_BYTES
            places[name] = Piece(start + misaligned.get(name, 0), size_bytes)
            end = places[name].offset + size_bytes
        if in_place:
            places["output"] = places["input"]
        if end + _EDGE_BYTES > self.kernels.arena_bytes:
            raise UsageError(
                f"expected tensors that fit an arena of {self.kernels.arena_bytes:,} bytes, found "
                f"{end:,} bytes for {call.name}; use a board with more memory"
            )
        return places

    def _lay_out(
        self, call: KernelCall, contents: Mapping[str, Contents], places: Mapping[str, Piece]
    ) -> bytes:
        """Fill the arena's used part and return what it then holds."""
        end = max(piece.offset + piece.size_bytes for piece in places.values()) + _EDGE_BYTES
        self._used_bytes = max(self._used_bytes, end)
        image = bytearray([GUARD]) * end
        self.kernels.fill(Piece(0, end), GUARD)
        for name, content in contents.items():
            place, data = places[name], stored(content, call.tensors[name])
            image[place.offset : place.offset + place.size_bytes] = data
            self._store(content, call.tensors[name], place, data)
        return bytes(image)

    def _store(self, content: Contents, tensor: Tensor, place: Piece, data: bytes) -> None:
        size = tensor.element_bytes
        if isinstance(content, Constant):
            self.kernels.fill(place, content.value, element_bytes=size)
        elif isinstance(content, Sequence):
            columns = tensor.shape[-1] if tensor.order != Order.PLAIN else 0
            self.kernels.fill_sequence(
                place,
                content.seed,
                element_bytes=size,
                shift=content.shift,
                order=tensor.order,
                columns=columns,
            )
        else:
            self.kernels.write(place.offset, data)


def stored(content: Contents, tensor: Tensor) -> bytes:
    """Return the bytes of `tensor` in memory, in its own order."""
    elements = content.of(tensor)
    if tensor.order != Order.PLAIN:
        elements = interleaved(elements.reshape(tensor.shape), tensor.order)
    return elements.astype(f"<i{tensor.element_bytes}").tobytes()


def _argument(word: str, call: KernelCall, places: Mapping[str, Piece]) -> Argument:
    if word in places:
        return places[word] if places[word].size_bytes else None
    return call.parameters.get(word)


def _kept(size_bytes: int, written: list[Piece]) -> list[Piece]:
    """Return the pieces of the first `size_bytes` of the arena that lie beside all of `written`."""
    kept, start = [], 0
    for piece in sorted(written, key=lambda place: place.offset):
        if piece.offset > start:
            kept.append(Piece(start, piece.offset - start))
        start = max(start, piece.offset + piece.size_bytes)
    return [*kept, Piece(start, size_bytes - start)]


def _crc32(image: bytes, pieces: list[Piece]) -> int:
    crc32 = 0
    for piece in pieces:
        crc32 = zlib.crc32(image[piece.offset : piece.offset + piece.size_bytes], crc32)
    return crc32
