"""What limits accounts, shared by all processes on one database: buckets of tokens, and tickets that were used."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select, update

from cti.core.access.rate import Rate, refill
from cti.core.moments import not_ahead
from cti.store.database import insert_ignoring, insert_new
from cti.store.repository import Repository
from cti.store.schema_sign_in import rate_buckets, used_tickets

#: A bucket that was not touched for so long is full again, whatever its rate.
_IDLE_S = 3600.0


def take_tokens(connection: Connection, bucket: str, wanted: int, rate: Rate, now: float) -> tuple[int, float]:
    """In a write transaction: (how many of the ``wanted`` tokens may be spent, seconds until there is one)."""
    at = rate_buckets.c
    connection.execute(delete(rate_buckets).where(at.at < now - _IDLE_S))
    connection.execute(insert_ignoring(connection, rate_buckets), {"bucket": bucket, "tokens": rate.burst, "at": now})
    row = connection.execute(select(rate_buckets).where(at.bucket == bucket).with_for_update()).one()
    filled_at = not_ahead(row.at, now)  # else it would stay empty until that moment comes once more
    full = refill(row.tokens, filled_at, now, rate)
    taken = min(wanted, int(full))
    values = {"tokens": full - taken, "at": max(now, filled_at)}
    connection.execute(update(rate_buckets).where(at.bucket == bucket).values(values))
    return taken, 0.0 if taken else (1.0 - full) / rate.per_second


class AccountLimits(Repository):
    def take(self, bucket: str, wanted: int, rate: Rate, now: float) -> tuple[int, float]:
        """As `take_tokens`. ``now``: seconds since the epoch."""
        return self._write(lambda connection: take_tokens(connection, bucket, wanted, rate, now))

    def use_ticket(self, jti: str, expires_at: float, now: float) -> bool:
        """False: it was used already, by whichever process."""

        def work(connection: Connection) -> bool:
            connection.execute(delete(used_tickets).where(used_tickets.c.expires_at <= now))
            row = {"jti": jti, "expires_at": expires_at}
            return insert_new(connection, used_tickets, row)

        return self._write(work)
