"""The socket way: frames of every customary make over TCP, with or without TLS. `KIND` is what configuration knows."""

from __future__ import annotations

from collections.abc import Iterable

from cti.boss.way import Carried, Finding, Surroundings, Way, WayKind
from cti.boss.ways.socket import proof
from cti.boss.ways.socket.options import SocketBackend, SocketTarget
from cti.boss.ways.socket.way import SocketWay


class SocketKind:
    """Implements `cti.boss.way.WayKind`."""

    def __init__(self) -> None:
        self.name = "socket"
        self.Backend, self.Target = SocketBackend, SocketTarget

    def prove_backend(self, backend: SocketBackend) -> Iterable[Finding]:
        return proof.prove_backend(backend)

    def prove_target(self, backend: SocketBackend, target: SocketTarget, carried: Carried) -> Iterable[Finding]:
        return proof.prove_target(backend, target, carried)

    def service(self, target: SocketTarget) -> str:
        return target.message

    def open(self, backend: SocketBackend, around: Surroundings) -> Way:
        return SocketWay(backend, around.folder, around.targets)


KIND: WayKind = SocketKind()  # type: ignore[assignment]
