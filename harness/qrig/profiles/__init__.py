"""Profiles: how often every piece of a firmware ran, layer by layer, whoever counted it."""

from qrig.profiles.file import SCHEMA, read_profile, write_profile
from qrig.profiles.profile import (
    Access,
    Block,
    Cache,
    DataFills,
    Edge,
    InstructionFills,
    MemoryRange,
    Phase,
    Profile,
    ProfileRequest,
)

__all__ = [
    "SCHEMA",
    "Access",
    "Block",
    "Cache",
    "DataFills",
    "Edge",
    "InstructionFills",
    "MemoryRange",
    "Phase",
    "Profile",
    "ProfileRequest",
    "read_profile",
    "write_profile",
]
