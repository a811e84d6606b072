"""Orchestration: what a command and a fixture both call."""
