"""A profile that is there already, whoever took it: read with its firmware, priced, laid out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from attrs import field, frozen

from qrig.build.image import read_image
from qrig.errors import UsageError
from qrig.measure.profile_counts import read_program
from qrig.measure.profile_tables import LayerFacts, profile_tables
from qrig.measure.timing import price_profile
from qrig.profiles import Profile, read_profile
from qrig.profiles.profile import MEMORY
from qrig.runs.modelled import chosen_boards, model_texts
from qrig.runs.profile import unknown_instructions


@frozen(eq=False)
class ReadProfile:
    """The tables of a profile, what its models stand for, and instructions no model knows."""

    tables: dict[str, pd.DataFrame] = field(repr=False)
    models: dict[str, str]
    unknown: tuple[str, ...]


def profile_again(profile: Path, elf: Path, on: tuple[str, ...] = ()) -> ReadProfile:
    """Price the profile in one file with the firmware in another.

    `on` names the boards to model, at most one per core; without it those whose caches the profile
    holds. Raises FileFormatError if a file is broken or they do not belong together, UsageError
    if the caches of a board were not counted.
    """
    taken, image = read_profile(profile), read_image(elf)
    program = read_program(taken, image)
    boards = chosen_boards(on or _counted_boards(taken)) if taken.mode == MEMORY else {}
    priced = {
        suffix: price_profile(taken, image, board, code=program.code)
        for suffix, board in boards.items()
    }
    for suffix, one in priced.items():
        if not one.memory_counted:
            raise UsageError(
                f"{profile}: expected the fills of {one.board}'s caches, found "
                f"{_listed(taken)}; take the profile again with --on {boards[suffix].name}"
            )
    tables = profile_tables(
        program,
        priced,
        tuple(LayerFacts(phase.name, "", 0) for phase in taken.layers),
        {"target": taken.core, "network": elf.stem},
        {suffix: board.clock_hz for suffix, board in boards.items()},
    )
    return ReadProfile(tables, model_texts(boards), unknown_instructions(tables["instructions"]))


def document(read: ReadProfile) -> dict[str, Any]:
    """Return it as the document that `qrig profile --json` writes."""
    from qrig.runs.profile_document import SCHEMA, cell_of_tables

    names = ("target", "network")
    cells = read.tables["layers"][list(names)].drop_duplicates()
    return {
        "schema": SCHEMA,
        "models": read.models,
        "notices": list(read.unknown),
        "cells": [
            dict(zip(names, cell, strict=True)) | cell_of_tables(read.tables, cell)
            for cell in cells.itertuples(index=False, name=None)
        ],
    }


def _counted_boards(profile: Profile) -> tuple[str, ...]:
    return tuple(dict.fromkeys(cache.name.rpartition("/")[0] for cache in profile.caches))


def _listed(profile: Profile) -> str:
    return ", ".join(cache.name for cache in profile.caches) or "none"
