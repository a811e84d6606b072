"""Ask a firmware behind an inherited socket what it is, and for what it makes of an image.

    ask.py DESCRIPTOR BUILD [IMAGE.npy]

Prints a JSON object: board, build and reset as its banner says them, and with an image the CRC-32
of the network's output.
"""

import json
import socket
import sys
import zlib

import numpy as np

from qrig.backends import ByteStream
from qrig.link import open_session
from qrig.link.inference import RemoteNetwork
from qrig.link.transports.stream_socket import SocketTransport


def main(descriptor: str, build: str, image: str | None = None) -> None:
    stream = ByteStream("renode-test", socket.socket(fileno=int(descriptor)))
    session = open_session(SocketTransport(stream), build=build)
    banner = session.banner
    answer = {"board": banner.board, "build": banner.build, "reset": banner.reset}
    if image is not None:
        pixels = np.load(image, allow_pickle=False)
        trace = RemoteNetwork(session).run(pixels, tensors=False)
        answer["crc32"] = f"{zlib.crc32(trace.output):08x}"
    json.dump(answer, sys.stdout)
    session.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
