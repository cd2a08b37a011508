"""Where the switch records in clear, and how the files are named: by the call and chance, never by who calls."""

from __future__ import annotations

import re
import uuid as uuids
from dataclasses import dataclass
from pathlib import Path

from cti.core.recordings import RecordingKind
from cti.core.records import RecordingKept

FOLDER = "recordings"
OPEN, SEALED = f"{FOLDER}/open", f"{FOLDER}/sealed"
_SUFFIX = {RecordingKind.FAX: ".tif"}
_NAME = re.compile(r"(?P<call>.{1,128})\.(?P<kind>[a-z]+)-[0-9a-f]{12}(\.wav|\.tif)")


@dataclass(frozen=True, slots=True)
class PlainFiles:
    """``data``: the engine's folder; ``node``: the engine's name, on record with each file."""

    data: Path
    node: str

    @property
    def folder(self) -> Path:
        """Absolute: the switch resolves relative names against a folder of its own."""
        return self.data.resolve() / OPEN

    def new(self, call: str, kind: RecordingKind, at: float, queue: str = "") -> RecordingKept:
        """A name is used once, also when the flow begins again in this call."""
        name = f"{call}.{kind.value}-{uuids.uuid4().hex[:12]}{_SUFFIX.get(kind, '.wav')}"
        return RecordingKept(call, f"{OPEN}/{name}", kind, at, node=self.node, queue=queue)

    def path(self, kept: RecordingKept) -> Path:
        return self.data.resolve() / kept.path

    def told_by(self, file: Path, at: float) -> RecordingKept | None:
        """What a file's name tells; None: it is none of ours. ``at``: of its last change."""
        named = _NAME.fullmatch(file.name)
        if named is None or named["kind"] not in list(RecordingKind):
            return None
        kind = RecordingKind(named["kind"])
        return RecordingKept(named["call"], f"{OPEN}/{file.name}", kind, at, ended_at=at, node=self.node)
