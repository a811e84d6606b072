"""Classes of Thumb instructions by mnemonic, without condition, width and flag suffixes.

Which of them are what is from the ARMv7-M Architecture Reference Manual (DDI 0403E), chapter A4;
which ones a Cortex-M7 treats alike is from [J7] and [L] of `cortex-m7.toml`.
"""

from __future__ import annotations

from qrig.measure.timing.instruction import (
    ALU,
    BRANCH,
    DIVIDE,
    FLOAT,
    IT,
    LOAD,
    LOAD_MULTIPLE,
    MULTIPLY,
    OTHER,
    STORE,
    STORE_MULTIPLE,
    UNKNOWN,
)


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


WORD_ACCESSES = _names("ldr ldrt ldrex vldr str strt strex vstr")
BYTE_ACCESSES = _names("ldrb ldrsb ldrbt ldrsbt ldrexb strb strbt strexb")
HALF_ACCESSES = _names("ldrh ldrsh ldrht ldrsht ldrexh strh strht strexh")
DOUBLES = _names("ldrd strd")
STACK_MULTIPLES = _names("push pop vpush vpop")
MULTIPLES = _names("ldm ldmdb stm stmdb vldmia vldmdb vstmia vstmdb") | STACK_MULTIPLES
EXCLUSIVE_STORES = _names("strex strexb strexh")

DUAL_MULTIPLIES = _names(
    "smlad smladx smlsd smlsdx smuad smuadx smusd smusdx smlald smlaldx smlsld smlsldx"
)
LONG_ACCUMULATES = _names(
    "smlal umlal umaal smlald smlaldx smlsld smlsldx smlalbb smlalbt smlaltb smlaltt"
)
LONG_MULTIPLIES = _names("smull umull") | LONG_ACCUMULATES
ACCUMULATES = _names(
    "mla mls smlad smladx smlsd smlsdx smlabb smlabt smlatb smlatt smlawb smlawt smmla smmlar smmls"
    " smmlsr"
)
MULTIPLIES = (
    DUAL_MULTIPLIES
    | LONG_MULTIPLIES
    | ACCUMULATES
    | _names("mul smulbb smulbt smultb smultt smulwb smulwt smmul smmulr")
)
DIVISIONS = _names("sdiv udiv")

SHIFTS = _names("lsl lsr asr ror")
ADDITIONS = _names("add sub mov movs adr")
COMPARISONS = _names("cmp cmn tst teq")
PLAIN = (
    SHIFTS | ADDITIONS | COMPARISONS | _names("adc and bic eor mvn orn orr rsb sbc rrx movt neg")
)

REVERSALS = _names("rbit rev rev16 revsh")
EXTRACTS = _names("sbfx ubfx")
EXTEND_AND_ADD = _names("sxtab sxtah sxtab16 uxtab uxtah uxtab16")
PACKS = _names("pkhbt pkhtb")
BIT_FIELDS = REVERSALS | EXTRACTS | EXTEND_AND_ADD | PACKS | _names("bfi bfc")
SATURATIONS = _names("ssat ssat16 usat usat16")
SATURATING = SATURATIONS | frozenset(
    f"{sign}{operation}"
    for sign in ("q", "uq")
    for operation in ("add8", "add16", "sub8", "sub16", "asx", "sax")
)
LATE_RESULTS = SATURATING | _names("qadd qsub qdadd qdsub usad8 usada8")
PARALLEL = frozenset(
    f"{sign}{operation}"
    for sign in ("s", "u", "sh", "uh")
    for operation in ("add8", "add16", "sub8", "sub16", "asx", "sax")
)
DSP = BIT_FIELDS | LATE_RESULTS | PARALLEL | _names("sxtb sxth sxtb16 uxtb uxth uxtb16 sel clz")

TABLE_BRANCHES = _names("tbb tbh")
COMPARING_BRANCHES = _names("cbz cbnz")
BRANCHES = _names("b bl blx bx") | TABLE_BRANCHES | COMPARING_BRANCHES
SYSTEM = _names(
    "hint nop yield wfe wfi sev dbg dsb dmb isb csdb mrs msr cps svc bkpt clrex pld pldw pli"
)
FLOATS = _names(
    "vadd vsub vmul vnmul vdiv vmla vmls vnmla vnmls vfma vfms vfnma vfnms vabs vneg vsqrt vcmp"
    " vcmpe vcvt vcvtb vcvtt vcvtr vcvta vcvtn vcvtp vcvtm vmov fmstat vmrs vmsr fmdrr fmrrd"
    " vmaxnm vminnm vrinta vrintn vrintp vrintm vrintr vrintx vrintz vseleq vselge vselgt vselvs"
)


def kind_of(name: str) -> str:
    """Return the kind of instruction a mnemonic is; `UNKNOWN` for one that is not listed."""
    return _KINDS.get(name, UNKNOWN)


def mix_of(name: str, kind: str) -> str:
    """Return the class among `profile_columns.MIX`."""
    if name in DUAL_MULTIPLIES:
        return "smlad"
    if name in DSP:
        return "simd"
    return _MIXES[kind]


def _kinds() -> dict[str, str]:
    kinds = dict.fromkeys(PLAIN | DSP, ALU)
    kinds |= dict.fromkeys(MULTIPLIES, MULTIPLY)
    kinds |= dict.fromkeys(DIVISIONS, DIVIDE)
    kinds |= dict.fromkeys(BRANCHES, BRANCH)
    kinds |= dict.fromkeys(SYSTEM, OTHER)
    kinds |= dict.fromkeys(FLOATS, FLOAT)
    for name in WORD_ACCESSES | BYTE_ACCESSES | HALF_ACCESSES:
        kinds[name] = LOAD if "ld" in name else STORE
    for name in MULTIPLES | DOUBLES:
        kinds[name] = LOAD_MULTIPLE if "ld" in name or "pop" in name else STORE_MULTIPLE
    kinds["it"] = IT
    return kinds


_KINDS = _kinds()
_MIXES = {
    LOAD: "load",
    LOAD_MULTIPLE: "load",
    STORE: "store",
    STORE_MULTIPLE: "store",
    MULTIPLY: "multiply",
    DIVIDE: "multiply",
    ALU: "alu",
    FLOAT: "alu",
    BRANCH: "branch",
    IT: "other",
    OTHER: "other",
    UNKNOWN: "unknown",
}
