"""A virtual board: a debug probe of pyOCD's in front of an emulated microcontroller.

A child process (launch.py) holds the microcontroller: a Unicorn core, its flash controller, clocks,
DMA and USART, the flash in a file, and the USART on a pseudo-terminal. The probe is in our own
process and asks the child for every transfer.

What is not modelled: cycles (the counter counts instructions), caches and what goes wrong with
them, interrupts that are taken (a pending one ends a sleep), imprecise bus faults (all are
precise), a floating-point unit that was never switched on, the MPU, bit bands of the M4,
breakpoints and watchpoints, traps of single unaligned loads (CCR.UNALIGN_TRP). Loads and stores of
several words are checked for alignment the first times that each is executed. Bytes take no time on
the line, but no more of them arrive than its speed allows while the firmware is busy.
"""
