"""The tables of jobs that one engine at a time does. A change here needs a migration."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, String, Table

from cti.store.schema import metadata

#: Who does a job. ``beats`` goes on while ``holder`` lives, ``epoch`` with each new holder. There is no time in it: who
#: wants the job watches that ``beats`` stands still, by a clock of its own that nobody sets.
job_leases = Table(
    "job_leases",
    metadata,
    Column("job", String(40), primary_key=True),
    Column("holder", String(160), nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("beats", BigInteger, nullable=False),
)

#: Up to which moment (seconds since the epoch) each timer of the entry table was seen to.
timer_marks = Table(
    "timer_marks",
    metadata,
    Column("entry", String(200), primary_key=True),
    Column("seen_at", Double, nullable=False),
)
