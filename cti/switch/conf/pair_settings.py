"""The option ``pair`` of a switch's settings: two switches, of which one carries the calls and the other can take them.

Both write their answered calls into one database; `sofia recover` on the standby makes them again from there
(docs/failover.md). The database is PostgreSQL, reached by the switch's own mod_pgsql.
"""

from __future__ import annotations

import os
import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

#: Loaded before the core opens its database.
PAIR_MODULE = "mod_pgsql"
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|/[A-Za-z0-9_./-]{1,90}")
_WORD = r"^[A-Za-z_][A-Za-z0-9_-]{0,62}$"


def _host(value: str) -> str:
    if not _HOST.fullmatch(value):
        raise ValueError(f"{value!r} is neither a host nor the folder of a Unix socket; write for example 192.0.2.30")
    return value


def _secret(value: str) -> str:
    if not value or not value.isprintable():
        raise ValueError("empty or with control characters; write it in quotes on one line")
    return value


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class CoreDb(_Model):
    """A database of the two switches alone: never the platform's own."""

    host: Annotated[str, AfterValidator(_host), Field(examples=["192.0.2.30"])]
    port: Annotated[int, Field(ge=1, le=65535, examples=[5432])] = 5432
    name: Annotated[str, Field(pattern=_WORD, examples=["switch_core"])]
    user: Annotated[str, Field(pattern=_WORD, examples=["switch"])]
    password: Annotated[str, AfterValidator(_secret), Field(max_length=256, examples=["'the secret'"])] | None = None
    password_env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", examples=["CORE_DB_PASSWORD"])] | None = (
        None
    )
    tls: Literal["prefer", "require", "verify-full"] = Field("prefer", examples=["verify-full"])  # libpq's sslmode

    @model_validator(mode="after")
    def _at_most_one_password(self) -> Self:
        if self.password is not None and self.password_env is not None:
            raise ValueError("write either `password: '…'` or `password_env: NAME_OF_A_VARIABLE`")
        return self

    def dsn(self) -> str:
        """For `core-db-dsn`. Raises KeyError when the environment variable that should hold the password is not set."""
        password = os.environ[self.password_env] if self.password_env is not None else self.password
        parts = {"host": self.host, "port": str(self.port), "dbname": self.name, "user": self.user}
        if password is not None:
            parts["password"] = password
        parts |= {"sslmode": self.tls, "connect_timeout": "5", "application_name": "freeswitch"}
        return "pgsql://" + " ".join(f"{key}={_quoted(value)}" for key, value in parts.items())


class Pair(_Model):
    peer: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$", examples=["fs2"])]  # the other switch's `name`
    core_db: CoreDb


def _quoted(value: str) -> str:
    """As libpq reads a connection string."""
    if re.fullmatch(r"[A-Za-z0-9_./-]+", value):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
