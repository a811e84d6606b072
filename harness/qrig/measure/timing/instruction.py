"""One instruction as the timing models see it."""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import in_

LOAD, STORE, LOAD_MULTIPLE, STORE_MULTIPLE = (
    "load",
    "store",
    "load multiple",
    "store multiple",
)
MULTIPLY, DIVIDE, ALU, FLOAT = "multiply", "divide", "alu", "float"
BRANCH, IT, OTHER, UNKNOWN = "branch", "it", "other", "unknown"

KINDS = (
    *(LOAD, STORE, LOAD_MULTIPLE, STORE_MULTIPLE, MULTIPLY, DIVIDE),
    *(ALU, FLOAT, BRANCH, IT, OTHER, UNKNOWN),
)
"""What executes an instruction. Doubles (LDRD, VSTR of a double) are multiples of two words; what
computes the program counter (MOV pc) keeps its kind and has `branch` set; "other" are NOP, barriers
and system instructions; "unknown" is what no model may price."""

FLAGS = "flags"
"""The name of the condition flags among the registers."""

_NONE: frozenset[str] = frozenset()


@frozen(eq=False, kw_only=True)
class Instruction:
    """One decoded Thumb instruction; registers go by name ("r0", "sp", "s1", "flags").

    `reads` are all registers it reads, `addresses` those of them that make an address or a branch
    target, `accumulators` those a product is added to and that are no factors, `stored` the data of
    a store, `shifted` those that pass the shifter before the ALU (shifted second operands, fields,
    what is packed or saturated). `writes` come in the order in which a multiple loads them;
    `write_back` is the base register that an access updates. `words` counts what a multiple
    transfers.
    """

    address: int
    size_bytes: int
    data: bytes
    text: str
    kind: str = field(validator=in_(KINDS))
    mix: str
    reads: frozenset[str] = _NONE
    writes: tuple[str, ...] = ()
    addresses: frozenset[str] = _NONE
    accumulators: frozenset[str] = _NONE
    stored: frozenset[str] = _NONE
    shifted: frozenset[str] = _NONE
    write_back: str | None = None
    access_bytes: int = 0
    words: int = 0
    branch: bool = False
    """Whether it can change the program counter, POP {pc} included."""
    conditional: bool = False
    """Whether a branch may be not taken."""
    compares: bool = False
    """Whether a branch compares a register itself (CBZ, CBNZ)."""
    indirect: bool = False
    """Whether the target of a branch comes from a register or memory."""
    table: bool = False
    """Whether a branch loads its target's offset from a table (TBB, TBH)."""
    target: int | None = None
    """Where a direct branch goes."""
    sets_flags: bool = False
    predicated: bool = False
    """Whether it lies in an IT block."""
    shifted_operand: bool = False
    """Whether its second operand is a shifted register or a shifted constant."""
    plain_shift: bool = False
    """LSL, LSR, ASR or ROR, by a constant or a register."""
    adds: bool = False
    """ADD, SUB or MOV without a shifted operand: what an early adder can do."""
    dsp: bool = False
    """DSP arithmetic, an extension, a bit field or a byte reversal."""
    bit_field: bool = False
    """The part of `dsp` that uses the shifter: fields, reversals, packing, extend and add."""
    saturates: bool = False
    """The part of `dsp` with a late result: saturating arithmetic, sums of differences."""
    register_offset: bool = False

    @property
    def end(self) -> int:
        """The address behind it."""
        return self.address + self.size_bytes

    @property
    def wide(self) -> bool:
        """Whether it has 32 bits."""
        return self.size_bytes == 4
