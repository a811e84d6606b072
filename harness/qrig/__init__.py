"""qrig: a hardware-in-the-loop harness for fixed-point networks on Cortex-M4/M7."""

__version__ = "0.1.0"
