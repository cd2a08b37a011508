"""The SQL way: statements with named parameters over SQLAlchemy. `KIND` is what configuration knows."""

from __future__ import annotations

from collections.abc import Iterable

from cti.boss.way import Carried, Finding, Surroundings, Way, WayKind
from cti.boss.ways.sql import proof
from cti.boss.ways.sql.options import SqlBackend, SqlTarget
from cti.boss.ways.sql.statements import table_of
from cti.boss.ways.sql.way import SqlWay


class SqlKind:
    """Implements `cti.boss.way.WayKind`."""

    def __init__(self) -> None:
        self.name = "sql"
        self.Backend, self.Target = SqlBackend, SqlTarget

    def prove_backend(self, backend: SqlBackend) -> Iterable[Finding]:
        return proof.prove_backend(backend)

    def prove_target(self, backend: SqlBackend, target: SqlTarget, carried: Carried) -> Iterable[Finding]:
        return proof.prove_target(target, carried)

    def service(self, target: SqlTarget) -> str:
        return table_of(target)

    def open(self, backend: SqlBackend, around: Surroundings) -> Way:
        return SqlWay(backend, around)


KIND: WayKind = SqlKind()  # type: ignore[assignment]
