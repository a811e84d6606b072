"""A firmware made by hand that sends back what it receives, by DMA, asleep between bytes."""

from virtual_machines import F4, assemble

_SOURCE = """
.equ STATUS, {status}
.equ RECEIVED, {received}
.equ SEND, {send}
.thumb_func
reset:
    cpsid i
    ldr r0, =0x40023830; movw r1, #8; movt r1, #0x20; str r1, [r0]        @ GPIOD, DMA1
    mov r1, #0x40000; str r1, [r0, #0x10]                                 @ USART3
    ldr r0, =0x40020C00; movs r1, #0x77; str r1, [r0, #0x24]
    mov r1, #0xA0000; str r1, [r0]
    ldr r0, =0x40026028                                                   @ DMA1 stream 1
    ldr r1, =0x20001000; str r1, [r0, #12]
    mov r1, #256; str r1, [r0, #4]
    ldr r1, ={control}; str r1, [r0]; adds r1, #1; str r1, [r0]
    ldr r4, =0x40004800
    movw r1, #{divider}; str r1, [r4, #{brr}]
    movs r1, #0x40; str r1, [r4, #{cr3}]
    movw r1, #{cr1_value}; str r1, [r4, #{cr1}]
    ldr r5, =0xE000E100; movs r1, #0x80; str r1, [r5, #4]
    ldr r6, =0x20001000
    movs r7, #0
loop:
    ldr r2, [r0, #4]
    rsb r2, r2, #256
    cmp r2, r7
    beq idle
    ldrb r3, [r6, r7]
1:  ldr r1, [r4, #STATUS]
    tst r1, #0x80
    beq 1b
    str r3, [r4, #SEND]
    adds r7, #1
    uxtb r7, r7
    b loop
idle:
    {clear}
    movs r1, #0x80
    str r1, [r5, #0x184]
    ldr r2, [r0, #4]
    rsb r2, r2, #256
    cmp r2, r7
    bne loop
    wfi
    b loop
"""


def echo(chip: str, baud: int) -> bytes:
    """Return the image for a chip that stays at 16 MHz."""
    is_old = chip == F4
    return assemble(
        _SOURCE.format(
            status=0 if is_old else 0x1C,
            received=4 if is_old else 0x24,
            send=4 if is_old else 0x28,
            brr=8 if is_old else 0xC,
            cr1=0xC if is_old else 0,
            cr3=0x14 if is_old else 8,
            cr1_value=0x201C if is_old else 0x1D,
            divider=round(16_000_000 / baud),
            control=4 << 25 | 1 << 8 | 1 << 10,
            clear="ldr r1, [r4]; ldr r1, [r4, #4]"
            if is_old
            else "movs r1, #0x10; str r1, [r4, #0x20]",
        )
    )
