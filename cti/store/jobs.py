"""Who does a job that is one engine's at a time, and what such a job has to remember.

A change of owner is one UPDATE that names the row as it was seen; a holder that was stopped in the meantime finds its
epoch gone, and its writes are refused within their own transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from cti.core.errors import CtiError
from cti.store.database import insert_ignoring
from cti.store.fixed import run_one
from cti.store.repository import Repository
from cti.store.rows import clean
from cti.store.schema_jobs import job_leases, timer_marks

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Asked every other second for each job: made once.
_RENEW = (
    update(job_leases)
    .where(job_leases.c.job == bindparam("of_job"), job_leases.c.epoch == bindparam("at_epoch"))
    .values(beats=job_leases.c.beats + 1)
)


class StaleEpoch(CtiError):
    """Another engine has the job now."""

    code = "stale-epoch"


@dataclass(frozen=True, slots=True)
class Lease:
    """As it stands in the database. ``beats`` goes on while the holder lives."""

    holder: str
    epoch: int
    beats: int


class Jobs(Repository):
    def find(self, job: str) -> Lease | None:
        return self._read(lambda connection: _find(connection, job))

    def take(self, job: str, holder: str, seen: Lease | None) -> int | None:
        """The epoch with which ``holder`` has the job from now on; None: the row is not as it was ``seen``."""

        def work(connection: Connection) -> int | None:
            mine = {"holder": clean(holder, 160), "beats": 1}
            if seen is None:
                rows = [{"job": job, "epoch": 0, "holder": "", "beats": 0}]
                connection.execute(insert_ignoring(connection, job_leases), rows)
            before = seen or Lease("", 0, 0)
            same = (job_leases.c.job == job, job_leases.c.epoch == before.epoch, job_leases.c.beats == before.beats)
            done = connection.execute(update(job_leases).where(*same).values(epoch=before.epoch + 1, **mine))
            return before.epoch + 1 if done.rowcount == 1 else None

        return self._write(work)

    def renew(self, job: str, epoch: int) -> None:
        """Raises StaleEpoch."""

        self._write(lambda connection: _renew(connection, job, epoch))

    def release(self, job: str, epoch: int) -> None:
        """Nobody need wait for the end of this lease."""
        mine = update(job_leases).where(job_leases.c.job == job, job_leases.c.epoch == epoch).values(holder="")
        self._write(lambda connection: connection.execute(mine))

    # ---- timers ------------------------------------------------------------------------------------------------------

    def timer_marks(self) -> dict[str, float]:
        """Entry -> the moment up to which it was seen to."""
        query = select(timer_marks.c.entry, timer_marks.c.seen_at)
        return self._read(lambda connection: {row.entry: row.seen_at for row in connection.execute(query)})

    def set_timer_marks(self, marks: Mapping[str, float], job: str, epoch: int) -> None:
        """These and no others. Raises StaleEpoch: then nothing has changed."""

        def work(connection: Connection) -> None:
            # The row is written, not only read, so that nobody takes the job before this is over.
            _renew(connection, job, epoch)
            connection.execute(delete(timer_marks))
            if marks:
                rows = [{"entry": clean(entry, 200), "seen_at": seen} for entry, seen in marks.items()]
                connection.execute(insert(timer_marks), rows)

        self._write(work)


def _renew(connection: Connection, job: str, epoch: int) -> None:
    if run_one(connection, _RENEW, {"of_job": job, "at_epoch": epoch}).rowcount != 1:
        raise StaleEpoch(f"the job {job} is another engine's")


def _find(connection: Connection, job: str) -> Lease | None:
    at = job_leases.c
    row = connection.execute(select(at.holder, at.epoch, at.beats).where(at.job == job)).one_or_none()
    return None if row is None else Lease(row.holder, int(row.epoch), int(row.beats))
