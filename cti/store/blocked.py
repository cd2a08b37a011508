"""Blocked numbers: sealed, found by their blind index."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, Row, insert, select, update
from sqlalchemy.engine import URL

from cti.core.blocking import BlockedNumber
from cti.core.errors import CtiError
from cti.core.numbers import normalise_number
from cti.store.audit import append
from cti.store.repository import Repository
from cti.store.rows import clean, context
from cti.store.schema_desks import blocked_numbers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cti.core.access import Deed
    from cti.store.sealing import Sealer


class BlockedNumbers(Repository):
    def __init__(self, engine: Engine, url: URL, sealer: Sealer) -> None:
        super().__init__(engine, url)
        self._sealer = sealer

    def blind(self, number: str) -> str:
        return self._sealer.blind("blocked:" + normalise_number(number))

    def held(self, at: float) -> Mapping[str, float | None]:
        """Index of each number that is blocked now -> until when."""
        table = blocked_numbers.c
        query = select(table.number_blind, table.until).where(table.lifted_at.is_(None)).order_by(table.created_at)
        rows = self._read(lambda connection: list(connection.execute(query)))
        return {row[0]: row[1] for row in rows if row[1] is None or row[1] > at}

    def block(self, number: str, reason: str, until: float | None, deed: Deed) -> BlockedNumber:
        """One line for each number: blocking again takes the place of what was. Raises CtiError (bad-number)."""
        spelt = normalise_number(number)
        if not spelt.lstrip("+").isdigit() or not 3 <= len(spelt) <= 20:
            raise CtiError("this is no telephone number", code="bad-number", remedy="digits, with or without +")
        one = BlockedNumber(uuid.uuid4().hex, spelt, clean(reason, 200), deed.at, deed.author.name, until)

        def work(connection: Connection) -> BlockedNumber:
            same = update(blocked_numbers).where(
                blocked_numbers.c.number_blind == self.blind(spelt), blocked_numbers.c.lifted_at.is_(None)
            )
            connection.execute(same.values(lifted_at=deed.at))
            connection.execute(insert(blocked_numbers).values(self._row(one)))
            after = {"number": spelt, "reason": one.reason, "until": until}
            append(connection, deed.line("number.block", f"blocked:{one.blocked_id}", after=after))
            return one

        return self._write(work)

    def lift(self, blocked_id: str, deed: Deed) -> None:
        """Raises CtiError (unknown-blocked)."""

        def work(connection: Connection) -> None:
            table = blocked_numbers.c
            query = select(blocked_numbers).where(table.blocked_id == clean(blocked_id, 64), table.lifted_at.is_(None))
            row = connection.execute(query).first()
            if row is None:
                raise CtiError(f"nothing is blocked as {blocked_id[:64]!r}", code="unknown-blocked")
            mine = update(blocked_numbers).where(table.blocked_id == row.blocked_id)
            connection.execute(mine.values(lifted_at=deed.at))
            before = {"number": self._blocked(row).number, "reason": row.reason, "until": row.until}
            append(connection, deed.line("number.lift", f"blocked:{row.blocked_id}", before=before))

        self._write(work)

    def list(self, *, limit: int, after: tuple[float, str] | None = None) -> list[BlockedNumber]:
        """Those that were not lifted, the newest first; ``after``: created_at and id of the last one seen."""
        table = blocked_numbers.c
        query = select(blocked_numbers).where(table.lifted_at.is_(None)).limit(limit)
        if after is not None:
            older = (table.created_at < after[0]) | ((table.created_at == after[0]) & (table.blocked_id < after[1]))
            query = query.where(older)
        ordered = query.order_by(table.created_at.desc(), table.blocked_id.desc())
        return self._read(lambda connection: [self._blocked(row) for row in connection.execute(ordered)])

    def _row(self, one: BlockedNumber) -> dict[str, Any]:
        sealed = self._sealer.seal(one.number, context("blocked_numbers", "number", one.blocked_id))
        return {
            "blocked_id": one.blocked_id,
            "number_sealed": sealed,
            "number_blind": self.blind(one.number),
            "reason": one.reason,
            "created_at": one.created_at,
            "created_by": clean(one.created_by, 200),
            "until": one.until,
            "lifted_at": one.lifted_at,
        }

    def _blocked(self, row: Row[Any]) -> BlockedNumber:
        number = self._sealer.open(row.number_sealed, context("blocked_numbers", "number", row.blocked_id))
        return BlockedNumber(
            row.blocked_id, number, row.reason, row.created_at, row.created_by, row.until, row.lifted_at
        )
