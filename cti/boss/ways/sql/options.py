"""Options of a back end that is asked by SQL, and of what is asked there."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from cti.boss.way import TargetOptions
from cti.boss.ways.databases import DatabaseOptions


class SqlBackend(DatabaseOptions):
    """A database whose tables are asked and written themselves."""


class SqlTarget(TargetOptions):
    """A look-up has ``sql``; a request ``write`` and ``read``, in one transaction. Parameters are ``:name``; of a
    request also ``:key``, which must be written once however often it is asked for."""

    sql: str | None = Field(None, description="one SELECT; a row is ok, none not_found")
    write: tuple[str, ...] = Field((), description="INSERT, UPDATE, DELETE: one statement or a list")
    read: str | None = Field(None, description="one SELECT that finds what was written under :key; no row: rejected")
    idempotent: bool = Field(True, description="asking again with the same key is right")

    @field_validator("write", mode="before")
    @classmethod
    def _one_or_more(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value
