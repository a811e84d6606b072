"""Nightly regression runs: a matrix of cells, each in a process of its own, and one summary."""
