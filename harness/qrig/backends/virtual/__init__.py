"""A virtual board: a debug probe of pyOCD's in front of an emulated microcontroller.

A child process (launch.py) holds the microcontroller: a Unicorn core,
its flash controller, clocks, DMA and USART, the flash in a file, and the USART on a
pseudo-terminal. The probe is in our own process and asks the child for every transfer.
"""
