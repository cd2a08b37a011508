"""Options of a back end that takes questions from one table and puts answers into another."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from cti.boss.way import TargetOptions
from cti.boss.ways.databases import DatabaseOptions
from cti.validating import Section

#: As the database's catalogue has it: PostgreSQL's in lower case where they were made without quotes.
Column = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")]
Table = Annotated[str, Field(pattern=r"^([A-Za-z_][A-Za-z0-9_]{0,62}\.)?[A-Za-z_][A-Za-z0-9_]{0,62}$")]
Millis = Annotated[int, Field(ge=1, le=60_000)]


class RequestTable(Section):
    """What we write. ``key`` must be unique there: a request that is repeated is recognised by it."""

    table: Table
    key: Column = Field(description="text, unique: up to 64 letters")
    op: Column | None = Field(None, description="takes the target's `op`")
    at: Column | None = Field(None, description="takes the time at which the row was written; for `retention`")
    state: Column | None = Field(None, description="takes `new`; the back office sets another when it takes the row")
    new: str = Field("0", max_length=32)

    @model_validator(mode="after")
    def _each_once(self) -> RequestTable:
        names = [name for name in self.own if name]
        if len(set(names)) < len(names):
            raise ValueError("key, op, at and state are columns of their own")
        return self

    @property
    def own(self) -> tuple[str | None, ...]:
        """The columns that are no fields."""
        return (self.key, self.op, self.at, self.state)


class ResponseTable(Section):
    """What the back office writes, one row for each key. While answers are waited for it is looked at every
    ``poll_ms``: from the first to the second, twice as long after each time without an answer."""

    table: Table
    key: Column
    poll_ms: tuple[Millis, Millis] = (50, 1000)
    batch: int = Field(500, ge=1, le=5000, description="keys that are looked for by one statement, rows written by one")

    @model_validator(mode="after")
    def _rising(self) -> ResponseTable:
        if self.poll_ms[0] > self.poll_ms[1]:
            raise ValueError("poll_ms: the shortest pause first, then the longest")
        return self


class RetentionOptions(Section):
    done_days: float = Field(
        ge=1,
        le=3650,
        description="answered rows of both tables are deleted so long after they were written; longer than "
        "`idempotency.keep_s`, or the same request is another row then",
    )


class TableBackend(DatabaseOptions):
    request: RequestTable
    response: ResponseTable
    retention: RetentionOptions | None = None

    @model_validator(mode="after")
    def _dated(self) -> TableBackend:
        if self.retention is not None and self.request.at is None:
            raise ValueError("retention needs request.at, the column with the time")
        return self


class TableTarget(TargetOptions):
    """``send`` names columns of the request table, ``take`` and ``code`` those of the response."""

    op: str = Field("", max_length=64, description="what is asked, for the column `request.op`")
    idempotent: bool = Field(True, description="a request with the same key is the same row")
