"""Registers the plugin for runs in this repository, also where qrig is not installed."""

pytest_plugins = ["qrig.plugin", "pytester"]
