"""Tuxedo, and any other XATMI domain, called from processes of their own. `KIND` is what configuration knows."""

from __future__ import annotations

from collections.abc import Iterable

from cti.boss.way import Carried, Finding, Surroundings, Way, WayKind
from cti.boss.ways.tuxedo import proof
from cti.boss.ways.tuxedo.options import TuxedoBackend, TuxedoTarget
from cti.boss.ways.tuxedo.way import TuxedoWay


class TuxedoKind:
    """Implements `cti.boss.way.WayKind`."""

    def __init__(self) -> None:
        self.name = "tuxedo"
        self.Backend, self.Target = TuxedoBackend, TuxedoTarget

    def prove_backend(self, backend: TuxedoBackend) -> Iterable[Finding]:
        return proof.prove_backend(backend)

    def prove_target(self, backend: TuxedoBackend, target: TuxedoTarget, carried: Carried) -> Iterable[Finding]:
        return proof.prove_target(target, carried)

    def service(self, target: TuxedoTarget) -> str:
        return target.service

    def open(self, backend: TuxedoBackend, around: Surroundings) -> Way:
        return TuxedoWay(backend, around)


KIND: WayKind = TuxedoKind()  # type: ignore[assignment]
