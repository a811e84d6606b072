"""A run of its own with a virtual board: `python probe_process.py ELF BUILD_ID INSTANCE WORDS`.

It says "waiting" with who holds the board, "writing" while it flashes, "running" with the process
of the board; then it waits for its standard input to end. With the word `slow` flashing takes long.
"""

import sys
import time
from pathlib import Path

from probe_firmware import ProbeFirmware
from probed_boards import virtual
from qrig.backends.probe import Hooks
from qrig.boards import find_board
from qrig.boards.lock import Holder
from qrig.errors import QrigError

_SLOW_S = 0.05


def say(*words: object) -> None:
    """Write a line that whoever started this reads."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def main(elf: str, build_id: str, instance: str, *words: str) -> int:
    """Run the firmware until the standard input ends."""

    def show(share: float) -> None:
        if share > 0.3:
            say("writing", share)
        if "slow" in words:
            time.sleep(_SLOW_S)

    def wait(name: str, holder: Holder) -> None:
        say("waiting", name, holder.pid, holder.why)

    wait_s = next((float(word[5:]) for word in words if word.startswith("wait=")), 30.0)
    hooks = Hooks(progress=show, waiting=wait, wait_s=wait_s, why=f"a test of {instance}")
    firmware = ProbeFirmware(find_board("nucleo-f746"), build_id, Path(elf))
    try:
        running = virtual(instance=instance, hooks=hooks).start(firmware)
    except QrigError as error:
        say("failed", type(error).__name__, " ".join(str(error).split()))
        return error.exit_code
    try:
        say("running", running._attachment.board.pid)  # type: ignore[attr-defined]
        sys.stdin.read()
        say("well", running.halt() is not None)
    finally:
        running.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
