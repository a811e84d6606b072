"""Registers the plugin for runs in this repository, also where qrig is not installed."""

import importlib
import signal

pytest_plugins = ["qrig.plugin", "pytester"]

# pytester makes Python forget what was imported during a test; this one cannot be imported twice.
importlib.import_module("pandas.core.arrays.arrow.extension_types")

# What a shell starts in the background ignores Ctrl-C, and so would all that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
