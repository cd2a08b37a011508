"""Interface tables: a row for each question, in theirs a row for each answer. `KIND` is what configuration knows."""

from __future__ import annotations

from collections.abc import Iterable

from cti.boss.way import Carried, Finding, Surroundings, Way, WayKind
from cti.boss.ways.table import proof
from cti.boss.ways.table.options import TableBackend, TableTarget
from cti.boss.ways.table.way import TableWay


class TableKind:
    """Implements `cti.boss.way.WayKind`."""

    def __init__(self) -> None:
        self.name = "table"
        self.Backend, self.Target = TableBackend, TableTarget

    def prove_backend(self, backend: TableBackend) -> Iterable[Finding]:
        return proof.prove_backend(backend)

    def prove_target(self, backend: TableBackend, target: TableTarget, carried: Carried) -> Iterable[Finding]:
        return proof.prove_target(backend, target, carried)

    def service(self, target: TableTarget) -> str:
        return target.op

    def open(self, backend: TableBackend, around: Surroundings) -> Way:
        return TableWay(backend, around)


KIND: WayKind = TableKind()  # type: ignore[assignment]
