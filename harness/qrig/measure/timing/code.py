"""The instructions of a profile's blocks, out of the firmware that was profiled."""

from __future__ import annotations

from qrig.build.image import FirmwareImage
from qrig.errors import FileFormatError
from qrig.measure.timing.decode import Decoder, decode_block
from qrig.measure.timing.instruction import Instruction
from qrig.profiles import Profile


class ProfiledCode:
    """Decodes the blocks of a profile, each once."""

    def __init__(self, profile: Profile, image: FirmwareImage) -> None:
        """Raise FileFormatError if `image` is another firmware than the one profiled."""
        if profile.elf_sha256 != image.sha256:
            raise FileFormatError(
                f"{image.path}: expected the firmware that was profiled (SHA-256 "
                f"{profile.elf_sha256}), found {image.sha256}; name that one, or take the profile "
                "again"
            )
        self._profile = profile
        self._image = image
        self._decoder = Decoder()
        self._known: dict[int, tuple[Instruction, ...]] = {}

    def instructions(self, index: int) -> tuple[Instruction, ...]:
        """Return the instructions of block number `index`.

        Raises FileFormatError if the firmware has no code there, or other code than was profiled.
        """
        found = self._known.get(index)
        if found is None:
            block = self._profile.blocks[index]
            found = self._known[index] = decode_block(self._image, block, self._decoder)
        return found
