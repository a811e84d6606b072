"""Whether the flash of a running board holds what was built, by the firmware's own checksum."""

from __future__ import annotations

import struct

from qrig.build.flash_image import FlashImage
from qrig.deadline import Deadline
from qrig.errors import FlashError
from qrig.link.banner import Capability
from qrig.link.frames import Message
from qrig.link.memory import of_size
from qrig.link.session import Session

IMAGE_TIMEOUT_S = 10.0
"""How long a firmware may take to read all of its flash."""

_IMAGE = struct.Struct("<II")


def check_flash(session: Session, image: FlashImage) -> None:
    """Raise FlashError unless the firmware's checksum of its flash is that of `image`.

    A firmware that cannot tell is believed.
    """
    if Capability.IMAGE not in session.banner.capabilities:
        return
    answer = session.request(Message.IMAGE, b"", Deadline.after(IMAGE_TIMEOUT_S))
    size_bytes, crc32 = _IMAGE.unpack(of_size(session, _IMAGE.size, answer))
    if (size_bytes, crc32) != (image.size_bytes, image.crc32):
        raise FlashError(
            f"{session.transport.name}: expected {image.size_bytes:,} bytes of flash with CRC-32 "
            f"{image.crc32:08x}, found {size_bytes:,} bytes with {crc32:08x} by the firmware's own "
            "reading; flash it again"
        )
