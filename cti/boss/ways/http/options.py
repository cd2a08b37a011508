"""Options of a back end that is asked by HTTP, and of a target on it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from cti.boss.codecs import BodyOptions
from cti.boss.way import TargetOptions
from cti.boss.ways.tls import TlsOptions
from cti.validating import Section

HEADER = r"^[A-Za-z][A-Za-z0-9-]{0,63}$"
HeaderName = Annotated[str, Field(pattern=HEADER)]


class OperationOptions(Section):
    """One thing that the back end does. ``{field}`` in the path, and ``query``, take fields away from the body."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    path: str = Field("", max_length=500, description="after the url's own path; `/accounts/{msisdn}`")
    query: tuple[str, ...] = Field((), description="fields that stand behind the `?`")
    headers: dict[HeaderName, str] = Field(default_factory=dict)
    body: BodyOptions | None = Field(None, description="None: there is no body")
    reply: BodyOptions | None = Field(
        default_factory=lambda: BodyOptions(codec="json"), description="null: the status says all"
    )
    content_type: str | None = Field(None, description="of the body; default: by its codec")

    @field_validator("headers")
    @classmethod
    def _one_line(cls, headers: dict[str, str]) -> dict[str, str]:
        return checked_headers(headers)


class HttpBackend(Section):
    url: str = Field(description="https://host/path; http only with `insecure`, or on this machine")
    insecure: bool = Field(False, description="everything crosses the network in clear")
    headers: dict[HeaderName, str] = Field(default_factory=dict, description="of every request; `${ENV}`")
    user: str | None = Field(None, description="HTTP Basic, with password or password_file")
    password: str | None = Field(None, description="better: password_file, or ${ENV}")
    password_file: Path | None = None
    token: str | None = Field(None, description="Bearer; better: token_file, or ${ENV}")
    token_file: Path | None = None
    tls: TlsOptions = TlsOptions()
    connect_ms: int = Field(2000, ge=1, le=60_000, description="TLS included")
    idle_s: float = Field(15.0, ge=0, le=600, description="how long a connection waits to be used again; 0: never is")
    max_bytes: int = Field(1_048_576, ge=64, le=16 * 1024 * 1024, description="of an answer's body")
    operations: dict[str, OperationOptions] = Field(min_length=1)
    probe: str | None = Field(None, description="an operation without fields that tells whether we are let in")

    @field_validator("headers")
    @classmethod
    def _one_line(cls, headers: dict[str, str]) -> dict[str, str]:
        return checked_headers(headers)

    @model_validator(mode="after")
    def _one_secret(self) -> HttpBackend:
        if (self.password is not None and self.password_file is not None) or (
            self.token is not None and self.token_file is not None
        ):
            raise ValueError("write a secret or the file that holds it, not both")
        if (self.user is None) != (self.password is None and self.password_file is None):
            raise ValueError("user and password go together")
        return self


class HttpTarget(TargetOptions):
    """Paths lead into the body's fields, or begin with ``status`` or ``header.<name>``. A status that is not 2xx is a
    failure, unless ``code: status`` and ``good`` or ``errors`` name it."""

    operation: str = Field(description="an operation of the back end")


def checked_headers(headers: dict[str, str]) -> dict[str, str]:
    """Raises ValueError."""
    bad: Any = next((name for name, value in headers.items() if not value.isprintable() or not value.isascii()), None)
    if bad is not None:
        raise ValueError(f"{bad} must be one line of ASCII")
    return headers
