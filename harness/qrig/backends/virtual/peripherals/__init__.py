"""The peripherals of a virtual board, one file each, on a bus of registers."""
