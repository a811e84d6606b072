"""C programs of the tests, linked with the firmware's frames under sanitizers."""

import subprocess
from pathlib import Path

from qrig.resources import firmware_root

_SOURCES = Path(__file__).parent / "c"
_LINK = ("crc32.c", "frame_receive.c", "frame_send.c")
_FLAGS = ("-std=c11", "-g", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Werror")
_SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def build_program(name: str, folder: Path) -> Path:
    """Compile tests/c/NAME.c with the frames of firmware/link into `folder`."""
    link = firmware_root() / "link"
    program = folder / name
    sources = [str(_SOURCES / f"{name}.c"), *(str(link / source) for source in _LINK)]
    command = ["gcc", *_FLAGS, *_SANITIZE, f"-I{link}", *sources, "-o", str(program)]
    subprocess.run(command, check=True, timeout=120)
    return program


def run_program(program: Path, *arguments: str, stdin: bytes = b"", timeout_s: float = 60) -> bytes:
    """Return what the program prints; it must end well and report nothing."""
    result = subprocess.run(
        [str(program), *arguments], input=stdin, capture_output=True, timeout=timeout_s, check=False
    )
    assert result.returncode == 0, result.stderr.decode("utf-8", "replace")
    assert result.stderr == b""
    return result.stdout
