"""Column kernels as assembler: two channels of three pixels in six accumulators.

`void kernel(const uint32_t *columns, const uint32_t *weights, q7_t *out)`. Registers: r12 columns,
lr weights, r6 to r11 sums (a channel's three pixels in a row), r3 and r4 weights, r0, r1 and r5
window words; r2 is the output, or counts where the kernel loops over a column.
"""

from __future__ import annotations

from qrig.codegen.fast.assembly import Registers, Writer, set_counter, writer_for
from qrig.codegen.fast.columns import PIXELS, ColumnConvolution
from qrig.codegen.fast.windows import Group, Mac

_FRAME = "{r4-r11, lr}"
_MAX_IMMEDIATE = 4095


def column_kernel(
    name: str, convolution: ColumnConvolution, core: str, *, relu: bool, shift: str = ""
) -> list[str]:
    """Return the assembler lines of function `name` for core "cortex-m4" or "cortex-m7".

    `shift` is the macro with the output shift; without one the number is written.
    """
    registers = Registers(2 * PIXELS, 2, is_stream=True)
    writer = writer_for(core, registers)
    loops = convolution.trip_words < convolution.words
    lines = [
        f'\t.section .text.{name}, "ax", %progbits',
        f"\t.global {name}",
        f"\t.type {name}, %function",
        "\t.thumb_func",
        "\t.balign 16",
        f"{name}:",
        f"\tpush\t{_FRAME}",
        "\tsub\tsp, #16",
        *_add("r3", "r2", convolution.layer.out_shape.c),
        "\tstr\tr0, [sp, #4]",
        "\tstr\tr3, [sp, #8]",
        *(["\tstr\tr2, [sp]"] if loops else []),
        "\tmov\tlr, r1",
        "1:",
        "\tldr\tr12, [sp, #4]",
        "\tldrd\tr8, r11, [lr], #8",
        *_sums(convolution, writer, loops=loops),
        *_outputs(convolution, shift or _shift_text(convolution), relu=relu, loops=loops),
        "\tldr\tr0, [sp, #8]",
        "\tcmp\tr2, r0",
        "\tbne.w\t1b",
        "\tadd\tsp, #16",
        f"\tpop\t{_FRAME.replace('lr', 'pc')}",
        f"\t.size\t{name}, . - {name}",
    ]
    return ["", *lines]


def _sums(convolution: ColumnConvolution, writer: Writer, *, loops: bool) -> list[str]:
    """Multiply a column; the first products of pixels 0 and 1 add to the start of pixel 2."""
    count = convolution.trip_words
    units = [(_word_group(index), 0, False) for index in range(count)]
    loop = writer.plan(units, 4 * PIXELS * count if loops else None)
    if not loops:
        for product in loop.macs[: 2 * PIXELS]:
            product.addend = "r8" if product.accumulator in ("r6", "r7", "r8") else "r11"
        return [*writer.prologue(loop), *writer.body(loop, {}), *writer.advance(loop, 0)]
    trips = convolution.words // count
    lines = [f"\tmov\tr{to}, r{source}" for to, source in ((6, 8), (7, 8), (9, 11), (10, 11))]
    lines += [*writer.prologue(loop), set_counter(trips), "2:"]
    lines += writer.body(loop, {len(loop.macs) // 2: ["\tsubs\tr2, #1"]})
    return [*lines, *writer.advance(loop), "\tbne.w\t2b"]


def _word_group(index: int) -> Group:
    """Return the products of word `index` of the columns."""
    macs = tuple(
        Mac(PIXELS * channel + pixel, channel, pixel)
        for channel in range(2)
        for pixel in range(PIXELS)
    )
    return Group(2, 0, PIXELS, 4 * PIXELS * index, macs)


def _add(to: str, source: str, number: int) -> list[str]:
    """Return what sets `to` to `source` plus a number of up to 16 bits."""
    if number <= _MAX_IMMEDIATE:
        return [f"\tadd\t{to}, {source}, #{number}"]
    return [f"\tmovw\t{to}, #{number}", f"\tadd\t{to}, {to}, {source}"]


def _shift_text(convolution: ColumnConvolution) -> str:
    return str(convolution.layer.output_shift)


def _outputs(convolution: ColumnConvolution, shift: str, *, relu: bool, loops: bool) -> list[str]:
    """Saturate and store the outputs; r2 moves on by two channels."""
    saturate = "usat\t{0}, #7, {0}" if relu else "ssat\t{0}, #8, {0}"
    lines = ["\tldr\tr2, [sp]"] if loops else []
    lines += [f"\t{saturate.format(f'r{number}')}, asr #{shift}" for number in range(6, 12)]
    pitch = convolution.layer.out_shape.c
    for channel in range(2):
        first = 6 + PIXELS * channel
        if 2 * pitch <= _MAX_IMMEDIATE:
            lines += [f"\tstrb\tr{first + 1}, [r2, #{pitch}]"]
            lines += [f"\tstrb\tr{first + 2}, [r2, #{2 * pitch}]"]
        else:
            lines += [f"\tmovw\tr0, #{pitch}", "\tadd\tr1, r2, r0"]
            lines += [f"\tstrb\tr{first + 1}, [r1]", f"\tstrb\tr{first + 2}, [r1, r0]"]
        lines += [f"\tstrb\tr{first}, [r2], #1"]
    return [*lines, "\tstr\tr2, [sp]"] if loops else lines
