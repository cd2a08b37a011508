"""Options of a back end that is asked by SQL, and of what is asked there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, field_validator, model_validator

from cti.boss.way import TargetOptions
from cti.validating import Section


class SqlBackend(Section):
    """``sqlite:///boss.db`` is a file beside the interfaces; ``postgresql+psycopg://user@host/name`` a server."""

    url: str = Field(description="SQLAlchemy URL; `${ENV}` alone is taken from the environment")
    password: str | None = Field(None, description="better: password_file, or ${ENV}")
    password_file: Path | None = None
    connect_s: int = Field(5, ge=1, le=60, description="how long a server may take to let us in")

    @model_validator(mode="after")
    def _one_password(self) -> SqlBackend:
        if self.password is not None and self.password_file is not None:
            raise ValueError("write one of password_file and password")
        return self


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
