"""Section `feeds:` of the interface server's file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from cti.boss.mapping import Mapped
from cti.boss.way import TargetOptions
from cti.boss.ways.databases import DatabaseOptions
from cti.boss.ways.files.proving import is_plain
from cti.boss.ways.files.transport import TransportOptions
from cti.boss.ways.http.options import HeaderName, checked_headers
from cti.boss.ways.table.options import Column, Table
from cti.boss.ways.tls import TlsOptions
from cti.core.feeds import FeedKind
from cti.core.issue import Place
from cti.core.targets import ANYWHERE, TargetRules
from cti.validating import Section

AT = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
_DATE, _SEQ = "{date:%Y%m%d}", re.compile(r"\{seq:0([2-6])d\}")
#: Records of a batch, where nothing else is said: of a file, and of what is sent at once.
FILE_ROWS, SENT_ROWS = 20_000, 500
#: For so many days it is known which records were written, also of a feed that is in the file no more.
KEEP_DAYS = 400


class FeedTable(DatabaseOptions):
    """An interface table, into which each record goes as a row; a batch is one transaction."""

    table: Table
    columns: dict[str, Column] = Field(
        default_factory=dict, description="our column -> theirs; default: all, by our names"
    )
    timeout_s: float = Field(30.0, gt=0, le=600, description="how long a batch may take")


class FeedHttp(Section):
    """Batches are posted as JSON lines, with an Idempotency-Key."""

    url: str = Field(description="https://host/path; http only with `insecure`, or on this machine")
    insecure: bool = Field(False, description="everything crosses the network in clear")
    headers: dict[HeaderName, str] = Field(default_factory=dict, description="of every batch; `${ENV}`")
    user: str | None = Field(None, description="HTTP Basic, with password or password_file")
    password: str | None = Field(None, description="better: password_file, or ${ENV}")
    password_file: Path | None = None
    token: str | None = Field(None, description="Bearer; better: token_file, or ${ENV}")
    token_file: Path | None = None
    secret: str | None = Field(None, description="whsec_…: signs batches as webhooks are; better: secret_file, ${ENV}")
    secret_file: Path | None = None
    tls: TlsOptions = TlsOptions()
    connect_ms: int = Field(2000, ge=1, le=60_000, description="TLS included")
    timeout_s: float = Field(30.0, gt=0, le=600, description="how long the answer may take")

    @field_validator("headers")
    @classmethod
    def _one_line(cls, headers: dict[str, str]) -> dict[str, str]:
        return checked_headers(headers)

    @model_validator(mode="after")
    def _one_secret(self) -> FeedHttp:
        for name in ("password", "token", "secret"):
            if getattr(self, name) is not None and getattr(self, f"{name}_file") is not None:
                raise ValueError(f"write one of {name} and {name}_file")
        if (self.user is None) != (self.password is None and self.password_file is None):
            raise ValueError("user and password go together")
        return self


class FeedSocket(Section):
    """A message of a socket back end of this file: a frame for each record, or for a batch."""

    backend: str = Field(description="a back end of way socket")
    message: str = Field(description="one of its messages")
    frames: Literal["record", "batch"] = Field("record", description="batch: all records in the field `data`")
    send: dict[str, str | dict[str, str]] = Field(
        default_factory=dict, description="their field -> our column, or {const: text}; default: as named"
    )
    code: str | None = Field(None, description="path to the answer's code; default: any answer is good")
    good: tuple[str, ...] = Field((), description="codes that mean that it was taken, the second time too")
    timeout_s: float = Field(10.0, gt=0, le=600, description="how long an answer may take")


class FeedSection(Section):
    kind: FeedKind
    name: str = Field("", max_length=120, description="of a batch; default: the kind, `_{date:%Y%m%d}_{seq:03d}.txt`")
    to: str | None = Field(None, min_length=1, description="a folder that is there, or sftp://user@host/folder, …")
    reach: TransportOptions | None = Field(None, description="of a folder on a server: how it is reached")
    table: FeedTable | None = None
    http: FeedHttp | None = None
    socket: FeedSocket | None = None
    rows: int | None = Field(None, ge=1, le=FILE_ROWS, description="records of a batch; default: 20000, sent: 500")
    at: str = Field("01:00", pattern=AT, description="local time from which the day before is written")
    days: int = Field(7, ge=1, le=60, description="for so many days back late records are looked for")
    keep_days: int = Field(KEEP_DAYS, ge=2, le=3650, description="for so long it is known which records were written")
    caller: str = Field("sensitive", description="class of the caller's number: security.classes")

    @field_validator("name")
    @classmethod
    def _numbered(cls, text: str) -> str:
        rest = _SEQ.sub("", text.replace(_DATE, ""))
        if text and (text.count(_DATE) != 1 or len(_SEQ.findall(text)) != 1 or "{" in rest or "}" in rest):
            raise ValueError(f"a name has {_DATE} once, {{seq:03d}} once, and no other braces")
        if text and (not is_plain(name_of(text, date(2000, 1, 1), 1)) or text.endswith((".tmp", ".chk"))):
            raise ValueError("this is no plain name of a file; .tmp and .chk are taken")
        return text

    @model_validator(mode="after")
    def _one_way(self) -> FeedSection:
        if sum(way is not None for way in (self.to, self.table, self.http, self.socket)) != 1:
            raise ValueError("write where it goes: one of to, table, http and socket")
        if self.reach is not None and not self.remote:
            raise ValueError("'reach' is of a folder on a server, such as to: sftp://user@host/folder")
        if self.keep_days <= self.days:
            raise ValueError("keep_days is more than days, or late records would be written again")
        return self

    @property
    def way(self) -> str:
        """folder, sftp, ftps, ftp, table, http, socket."""
        if self.to is not None:
            scheme = self.to.partition("://")[0]
            return "folder" if scheme in (self.to, "file") else scheme
        return next(name for name in ("table", "http", "socket") if getattr(self, name) is not None)

    @property
    def remote(self) -> bool:
        return self.to is not None and self.way != "folder"

    @property
    def pattern(self) -> str:
        return self.name or f"{self.kind.upper()}_{_DATE}_{{seq:03d}}" + (".txt" if self.to is not None else "")

    @property
    def most(self) -> int:
        return self.rows or (FILE_ROWS if self.to is not None else SENT_ROWS)


def name_of(pattern: str, day: date, seq: int) -> str:
    """``pattern``: proved."""
    dated = pattern.replace(_DATE, f"{day:%Y%m%d}")
    return _SEQ.sub(lambda found: f"{seq:0{found[1]}d}", dated)


@dataclass(frozen=True, slots=True)
class SocketPlan:
    """Where frames go. ``mapped``: what of a record goes into which field, and which codes are good."""

    backend: str
    service: str
    target: TargetOptions
    mapped: Mapped


@dataclass(frozen=True, slots=True)
class FeedPlan:
    """``head``, ``tail``, ``whole``: how a caller's number is shown, as in `cti.boss.plans.FieldClass`. ``socket``:
    where it goes by one. ``targets``: where it may connect to."""

    name: str
    options: FeedSection
    place: Place
    head: int = 0
    tail: int = 0
    whole: bool = True
    socket: SocketPlan | None = None
    targets: TargetRules = ANYWHERE
