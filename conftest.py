"""Registers the plugin for runs in this repository, also where qrig is not installed."""

import importlib

pytest_plugins = ["qrig.plugin", "pytester"]

# pytester makes Python forget what was imported during a test; this one cannot be imported twice.
importlib.import_module("pandas.core.arrays.arrow.extension_types")
