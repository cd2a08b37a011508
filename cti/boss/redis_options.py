"""Section `redis:` of the interface server's file: where ``cache: {store: redis}`` keeps answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from cti.boss.way import Finding
from cti.validating import Section

PORT = 6379
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class RedisSection(Section):
    """Certificates are verified, always."""

    url: str = Field(description="rediss://user@host:port/0; redis only with `insecure`, or on this machine")
    password: str | None = Field(None, description="better: password_file, or ${ENV}")
    password_file: Path | None = None
    ca_file: Path | None = Field(None, description="authorities besides the system's")
    insecure: bool = Field(False, description="passwords cross the network in clear; answers are sealed")
    prefix: str = Field("cti", pattern=r"^[A-Za-z0-9_.:-]{1,40}$", description="of all keys; platforms differ in it")

    @model_validator(mode="after")
    def _one_password(self) -> RedisSection:
        if self.password is not None and self.password_file is not None:
            raise ValueError("write one of password_file and password")
        return self


def prove_redis(section: RedisSection) -> Iterator[Finding]:
    """What no schema can tell of a URL."""
    try:
        parts = urlsplit(section.url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    number = parts.path.removeprefix("/")
    if parts.scheme not in ("redis", "rediss") or not host or parts.query or (number and not number.isdecimal()):
        yield Finding(("url",), "bad-url", "write rediss://user@host:port/0")
    elif parts.password is not None:
        yield Finding(("url",), "secret-in-clear", "the password belongs in password_file, or in ${ENV}")
    elif parts.scheme == "redis" and host not in _LOOPBACK and not section.insecure:
        yield Finding(("url",), "insecure", "passwords would go in clear: write rediss, or `insecure: true`")
