"""A profile of a machine that QEMU emulates: the plugin's arguments, and what it wrote.

The plugin knows addresses and the numbers of phases; names and the firmware's digest come from
here.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import attrs
from attrs import field, frozen

from qrig.backends.qemu_blocks import mend_blocks
from qrig.backends.qemu_flow import WatchedEdge, edges_of_counts, edges_to_watch
from qrig.backends.qemu_plugin import Plugin, option
from qrig.build.deployment import Deployment
from qrig.build.image import FirmwareImage, Symbol, read_image
from qrig.build.thumb import read_code
from qrig.deadline import Deadline
from qrig.errors import BuildError, TargetCrashedError, UndeterminedProfileError
from qrig.profiles import Cache, MemoryRange, Profile, ProfileRequest
from qrig.profiles.file import profile_of
from qrig.profiles.profile import BLOCKS, HARNESS, LAYER, MEMORY, MODES, OVERHEAD, START_UP

_WRITTEN_S = 5.0
_POLL_S = 0.002
_FIRST_LAYER = 2
"""Number of the event that begins the first layer, of firmware/inference/profile_mark.h."""


@frozen(eq=False)
class QemuProfiling:
    """One run to be profiled: what is asked, and the folder the plugin writes into."""

    request: ProfileRequest
    deployment: Deployment
    plugin: Plugin
    folder: tempfile.TemporaryDirectory[str]
    version: str
    image: FirmwareImage = field(init=False)
    watched: tuple[WatchedEdge, ...] = field(init=False)

    @image.default
    def _read_image(self) -> FirmwareImage:
        return read_image(self.deployment.elf)

    @watched.default
    def _read_plan(self) -> tuple[WatchedEdge, ...]:
        """Return the edges that an earlier run of this firmware found to need counting."""
        if self.request.mode != BLOCKS:
            return ()
        try:
            known = json.loads(self._plan.read_bytes())
            return tuple(WatchedEdge(last, target, tuple(others)) for last, target, others in known)
        except (OSError, ValueError, TypeError):  # none yet, or damaged: the run finds them again
            return ()

    @property
    def path(self) -> Path:
        """The file the plugin writes."""
        return Path(self.folder.name) / "profile.json"

    @property
    def memories(self) -> tuple[MemoryRange, ...]:
        """The memories accesses are told apart by."""
        memory = self.deployment.board.memory
        if memory is None:
            return ()
        return (
            MemoryRange("code", memory.code.origin, memory.code.size_bytes),
            MemoryRange("data", memory.data.origin, memory.data.size_bytes),
        )

    def arguments(self) -> list[str]:
        """Return QEMU's arguments; raises BuildError if the firmware has no marks."""
        marks, mark = self._symbol("profile_marks"), self._symbol("profile_mark")
        caches = self.request.caches if self.request.mode == MEMORY else ()
        value = option(
            self.plugin.path,
            out=self.path,
            marks=hex(marks.address),
            events=marks.size_bytes,
            fresh=_FIRST_LAYER,
            mark_begin=hex(mark.address),
            mark_end=hex(mark.address + mark.size_bytes),
            mode=MODES.index(self.request.mode),
            edge=tuple(edge.argument() for edge in self.watched),
            range=tuple(f"{each.origin:#x}:{each.size_bytes:#x}" for each in self.memories),
            data_cache=tuple(self._geometry(each) for each in caches if each.kind == "data"),
            instruction_cache=tuple(
                self._geometry(each) for each in caches if each.kind == "instruction"
            ),
        )
        return ["-plugin", value]

    def _symbol(self, name: str) -> Symbol:
        found = self.image.find_symbol(name)
        if found is None:
            raise BuildError(
                f"{self.image.path}: expected a symbol {name}, found none; build it again"
            )
        return found

    def _geometry(self, cache: Cache) -> str:
        names = [memory.name for memory in self.memories]
        mask = sum(1 << names.index(name) for name in cache.memories)
        return f"{cache.size_bytes}:{cache.line_bytes}:{cache.ways}:{mask}"

    @property
    def _plan(self) -> Path:
        return self.deployment.elf.with_name("watched-edges.json")

    def read(self) -> Profile:
        """Return the profile of all inferences so far.

        Raises UndeterminedProfileError if blocks alone were counted and leave an edge open; the
        next run of this firmware counts it. Raises TargetCrashedError if there is no profile.
        """
        deadline = Deadline.after(_WRITTEN_S)
        while not self.path.exists() and not deadline.expired:
            time.sleep(_POLL_S)  # the plugin writes it when the core idles
        try:
            text = self.path.read_bytes()
            return profile_of(self.path, self._document(json.loads(text)))
        except (OSError, ValueError) as error:
            raise TargetCrashedError(
                f"{self.deployment.board.name}@qemu: expected the plugin to have written a profile "
                f"behind the inference, found {error}; run it again"
            ) from error
        except UndeterminedProfileError:
            self._keep_plan(json.loads(text))
            raise

    def _keep_plan(self, raw: dict[str, Any]) -> None:
        found = edges_to_watch(raw, read_code(self.image))
        others: dict[tuple[int, int], set[int]] = {}
        for edge in (*self.watched, *found):
            others.setdefault((edge.last, edge.target), set()).update(edge.others)
        edges = [[last, target, sorted(rest)] for (last, target), rest in others.items()]
        draft = self._plan.with_suffix(".part")
        draft.write_text(json.dumps(edges))
        draft.replace(self._plan)

    def _document(self, raw: dict[str, Any]) -> dict[str, Any]:
        caches = self.request.caches if self.request.mode == MEMORY else ()
        # The plugin numbers data and instruction caches from 0 each, in the order given.
        ordered = [each for each in caches if each.kind == "data"]
        offset = len(ordered)
        ordered += [each for each in caches if each.kind == "instruction"]
        code = read_code(self.image)
        if self.request.mode == BLOCKS:
            edges_of_counts(raw, code, self.watched)
        else:
            mend_blocks(raw, code)
        phases = []
        for phase in raw["phases"]:
            event = phase.pop("event")
            name, kind = self._phase(event)
            for fills in phase["instruction_fills"]:
                fills[0] += offset
            if kind is not None:
                phases.append({"name": name, "kind": kind, **phase})
        return {
            "source": f"{self.version}, plugin interface {self.plugin.api}",
            "mode": self.request.mode,
            "core": self.deployment.board.core,
            "elf_sha256": self.image.sha256,
            "inferences": raw["inferences"],
            "memories": [attrs.asdict(memory) for memory in self.memories],
            "caches": [
                {**attrs.asdict(cache), "memories": list(cache.memories)} for cache in ordered
            ],
            "blocks": raw["blocks"],
            "phases": phases,
        }

    def _phase(self, event: int) -> tuple[str, str | None]:
        """Return name and kind of what an event begins; no kind for the end of an inference."""
        stages = self.deployment.network.stages
        if event < _FIRST_LAYER:
            return {
                -1: ("start-up", START_UP),
                0: ("harness", HARNESS),
                1: ("overhead", OVERHEAD),
            }[event]
        index = event - _FIRST_LAYER
        return (stages[index].name, LAYER) if index < len(stages) else ("done", None)
