"""The HTTP way: operations of a server, with fields in path, query and body. `KIND` is what configuration knows."""

from __future__ import annotations

from collections.abc import Iterable

from cti.boss.way import Carried, Finding, Surroundings, Way, WayKind
from cti.boss.ways.http import proof
from cti.boss.ways.http.options import HttpBackend, HttpTarget
from cti.boss.ways.http.way import HttpWay


class HttpKind:
    """Implements `cti.boss.way.WayKind`."""

    def __init__(self) -> None:
        self.name = "http"
        self.Backend, self.Target = HttpBackend, HttpTarget

    def prove_backend(self, backend: HttpBackend) -> Iterable[Finding]:
        return proof.prove_backend(backend)

    def prove_target(self, backend: HttpBackend, target: HttpTarget, carried: Carried) -> Iterable[Finding]:
        return proof.prove_target(backend, target, carried)

    def service(self, target: HttpTarget) -> str:
        return target.operation

    def open(self, backend: HttpBackend, around: Surroundings) -> Way:
        return HttpWay(backend, around)


KIND: WayKind = HttpKind()  # type: ignore[assignment]
