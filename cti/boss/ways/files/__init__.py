"""The way FILES: what a back office delivers is proved, loaded and asked; what
it is asked goes as files, too. `KIND` is what configuration knows."""

from __future__ import annotations

from collections.abc import Iterable

from cti.boss.way import Carried, Finding, Surroundings, Way, WayKind
from cti.boss.ways.files import proof
from cti.boss.ways.files.options import FilesBackend, FilesTarget
from cti.boss.ways.files.way import FilesWay


class FilesKind:
    """Implements `cti.boss.way.WayKind`."""

    def __init__(self) -> None:
        self.name = "files"
        self.Backend, self.Target = FilesBackend, FilesTarget

    def prove_backend(self, backend: FilesBackend) -> Iterable[Finding]:
        return proof.prove_backend(backend)

    def prove_target(self, backend: FilesBackend, target: FilesTarget, carried: Carried) -> Iterable[Finding]:
        return proof.prove_target(backend, target, carried)

    def service(self, target: FilesTarget) -> str:
        return target.feed or "send"

    def open(self, backend: FilesBackend, around: Surroundings) -> Way:
        return FilesWay(backend, around)


KIND: WayKind = FilesKind()  # type: ignore[assignment]
