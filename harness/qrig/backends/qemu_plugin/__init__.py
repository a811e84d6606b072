"""The profiling plugin for QEMU: C sources, built on first use into the user's cache."""

from __future__ import annotations

import hashlib
import re
import subprocess
from pathlib import Path

from attrs import frozen
from filelock import FileLock, Timeout

from qrig.build.toolchain import find_tool, program_version
from qrig.errors import BuildError, TargetUnavailableError
from qrig.resources import cache_root

_SOURCES = Path(__file__).resolve().parent
_TIMEOUT_S = 60.0
_VERSION = re.compile(r"version (\d+)\.")
_FLAGS = ("-std=c11", "-D_POSIX_C_SOURCE=200809L", "-O2", "-fPIC", "-shared", "-fvisibility=hidden")
_OLDEST, _API_2 = 6, 9


@frozen
class Plugin:
    """The plugin built for one QEMU, and the version of the interface it uses."""

    path: Path
    api: int


def find_plugin(qemu: str) -> Plugin:
    """Return the plugin for the program `qemu`, built and tried if this is its first use.

    Raises TargetUnavailableError if that QEMU has no plugin interface that is known here, and
    BuildError if the host's compiler fails.
    """
    version = program_version(qemu)
    api = plugin_api(version)
    compiler = find_tool("gcc")
    digest = hashlib.sha256(f"{version}\0{api}\0{program_version(compiler)}".encode())
    sources = sorted(_SOURCES.glob("*.[ch]"))
    for source in sources:
        digest.update(source.read_bytes())
    path = cache_root() / "qemu-plugin" / digest.hexdigest()[:16] / "plugin.so"
    if not path.is_file():
        _build_locked(path, [compiler, f"-DQRIG_PLUGIN_API={api}", *_FLAGS], sources, qemu)
    return Plugin(path, api)


def plugin_api(version: str) -> int:
    """Return the interface of the QEMU that prints `version`; raises TargetUnavailableError."""
    found = _VERSION.search(version)
    major = int(found.group(1)) if found else 0
    if major < _OLDEST:
        raise TargetUnavailableError(
            f"expected QEMU {_OLDEST} or newer for its plugin interface, found {version!r}; "
            "install a newer one"
        )
    return 1 if major < _API_2 else 2


def _build_locked(path: Path, command: list[str], sources: list[Path], qemu: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock", timeout=2 * _TIMEOUT_S):
            if path.is_file():
                return
            draft = path.with_suffix(".part")
            units = [str(source) for source in sources if source.suffix == ".c"]
            _run([*command, *units, "-o", str(draft)])
            _probe(qemu, draft)
            draft.replace(path)
    except (Timeout, OSError) as error:
        raise BuildError(
            f"{path}: expected a cache folder to build QEMU's plugin in, found {error}; free some "
            "room or set QRIG_CACHE"
        ) from error


def _run(command: list[str]) -> None:
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise BuildError(
            f"expected {command[0]} to build QEMU's plugin within {_TIMEOUT_S:g} s, found it still "
            "running; try again on an idle machine"
        ) from error
    if result.returncode:
        raise BuildError(
            f"expected {command[0]} to build QEMU's plugin, found exit code {result.returncode}:\n"
            f"{result.stderr[-2000:]}"
        )


def _probe(qemu: str, plugin: Path) -> None:
    """Load the plugin into a machine that is empty; raises TargetUnavailableError."""
    command = [qemu, "-M", "none", "-display", "none", "-plugin", option(plugin, probe=1)]
    try:
        result = subprocess.run(
            [*command, "-monitor", "stdio", "-serial", "none"],
            input="quit\n",
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TargetUnavailableError(
            f"expected {qemu} to load the profiling plugin within {_TIMEOUT_S:g} s, found it still "
            "running; try again"
        ) from error
    if result.returncode:
        raise TargetUnavailableError(
            f"expected {qemu} to load the profiling plugin, found: "
            f"{' '.join(result.stderr.split())[-300:]}; install QEMU 7.2 to 10 built with plugins"
        )


def option(plugin: Path, **arguments: object) -> str:
    """Return the value of QEMU's -plugin; a tuple gives its argument several times."""
    parts = [str(plugin).replace(",", ",,")]
    for name, value in arguments.items():
        for each in value if isinstance(value, tuple) else (value,):
            parts.append(f"{name}={str(each).replace(',', ',,')}")
    return ",".join(parts)
