"""A machine of its own with a virtual board: `python probe_server.py PORT`.

Its probe is served by pyOCD's own server on that TCP port. It says the device of the board's serial
line, and ends with its standard input.
"""

import sys
from pathlib import Path

from pyocd.core.session import Session
from pyocd.probe.tcp_probe_server import DebugProbeServer

from probed_boards import PATIENT
from qrig.backends.virtual.faults import Faults
from qrig.backends.virtual_backend import VirtualSource
from qrig.boards import find_board


def main(port: int) -> None:
    """Serve until the standard input ends."""
    board, source = find_board("nucleo-f746"), VirtualSource(Faults(), PATIENT)
    attachment = source.attach(board, source.candidates(board, None)[0])
    try:
        probe = attachment.probe()
        options = {"no_config": True, "target_override": "cortex_m", "project_dir": str(Path.cwd())}
        server = DebugProbeServer(Session(probe, options=options), probe, port, True)
        server.start()
        sys.stdout.write(f"{attachment.port_url()} {attachment.board.unique_id}\n")
        sys.stdout.flush()
        sys.stdin.read()
        server.stop()
    finally:
        attachment.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]))
