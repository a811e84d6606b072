"""The core of a virtual board: Unicorn, exact counting, exceptions, and what a debugger sees."""
