"""Python, and the programs that build firmware."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator

from qrig.build.toolchain import find_tool, program_version
from qrig.errors import BuildError
from qrig.measure.kernel_baseline import COMPILER
from qrig.runs.doctor_checks.finding import GOOD, MISSING, WARNING, Finding
from qrig.runs.doctor_checks.trial import try_compiler
from qrig.runs.doctor_checks.versions import version_text

_AREA = "Main job"
_OLDEST_PYTHON = (3, 11)
_NEWLIB = "apt-get install libnewlib-arm-none-eabi"
_CORE = ("-mcpu=cortex-m7", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv5-sp-d16")
_NANO = (*_CORE, "-nostartfiles", "--specs=nano.specs", "-Wl,--entry=main")
_SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def check_build_tools() -> Iterator[Finding]:
    """Yield what there is of Python, CMake, Ninja and the compilers for boards and this machine."""
    yield _python()
    yield from (_tool(name) for name in ("cmake", "ninja"))
    yield from _arm_compiler()
    yield _host_compiler()


def _python() -> Finding:
    found = f"{platform.python_version()} ({sys.executable})"
    if sys.version_info >= _OLDEST_PYTHON:
        return Finding(_AREA, "Python", GOOD, found, needed=True)
    oldest = version_text(_OLDEST_PYTHON)
    return Finding(
        _AREA, "Python", MISSING, found, needed=True, fix=(f"install Python {oldest} or newer",)
    )


def _tool(name: str) -> Finding:
    try:
        path = find_tool(name)
        return Finding(_AREA, name, GOOD, f"{program_version(path)} ({path})", needed=True)
    except BuildError as error:
        fix = (f"pip install {name}",)
        return Finding(
            _AREA, name, MISSING, "none that runs", needed=True, notes=(str(error),), fix=fix
        )


def _arm_compiler() -> Iterator[Finding]:
    name, library = "arm-none-eabi-gcc", "newlib-nano"
    try:
        compiler = find_tool(name)
        version = program_version(compiler)
    except BuildError as error:
        fix = (f"apt-get install gcc-arm-none-eabi {_NEWLIB.rpartition(' ')[2]}",)
        notes = (str(error),)
        yield Finding(_AREA, name, MISSING, "none that runs", needed=True, notes=notes, fix=fix)
        yield Finding(_AREA, library, MISSING, "no compiler to try it with", needed=True, fix=fix)
        return
    if version.startswith(COMPILER):
        yield Finding(_AREA, name, GOOD, version, needed=True)
    else:
        notes = (
            f"instruction counts and sizes are held to their limits under {COMPILER} alone; with "
            "another compiler they are reported",
        )
        yield Finding(_AREA, name, WARNING, version, needed=True, notes=notes)
    failed = try_compiler(compiler, _NANO, run=False)
    if failed is None:
        yield Finding(_AREA, library, GOOD, "links for Cortex-M7", needed=True)
    else:
        notes, fix = (failed,), (_NEWLIB,)
        yield Finding(_AREA, library, MISSING, "does not link", needed=True, notes=notes, fix=fix)


def _host_compiler() -> Finding:
    name, fix = "gcc with sanitizers", ("apt-get install gcc libc6-dev",)
    why = "it builds firmware for this machine (host@native) and QEMU's profiling plugin"
    try:
        compiler = find_tool("gcc")
        version = program_version(compiler)
    except BuildError as error:
        return Finding(_AREA, name, MISSING, "none that runs", notes=(why, str(error)), fix=fix)
    failed = try_compiler(compiler, _SANITIZERS, run=True)
    if failed is None:
        return Finding(_AREA, name, GOOD, version)
    return Finding(_AREA, name, WARNING, version, notes=(why, failed), fix=fix)
