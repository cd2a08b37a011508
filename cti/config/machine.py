"""What an engine stands on: switches, its API, its store, its worker slot, limits, dialling."""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from cti.config.words import Digits, Host, Name, Port
from cti.core.errors import ConfigError
from cti.files import read_secret
from cti.validating import Section


class SwitchSettings(Section):
    """One FreeSWITCH (or embedded switch) and how to log in to its event socket."""

    name: Name = "fs1"
    host: str = "127.0.0.1"
    port: Port = 8021
    password: str | None = Field(None, description="better: password_file, or ${ENV_NAME}")
    password_file: Path | None = None
    kind: Literal["freeswitch", "embedded"] = Field("freeswitch", description="embedded: prompts go as text")
    domain: str = Field("cti.local", description="the SIP domain of the agents' phones")
    folder: Path | None = Field(None, description="what `cti switch config` wrote: agents' phones are kept there too")
    settings: Path | None = Field(None, description="what `cti switch config` reads: its trunks are told to the switch")

    @model_validator(mode="after")
    def _one_password(self) -> SwitchSettings:
        if (self.password is None) == (self.password_file is None):
            raise ValueError("write exactly one of password_file and password")
        return self

    def secret(self) -> str:
        """Raise ConfigError when the file cannot be read or the password is the public default."""
        if self.password_file is not None:
            found = read_secret(
                self.password_file,
                what="the event socket's password",
                remedy="`cti switch config` writes it; give the engine's user the right to read it",
            )
        else:
            found = from_environment(self.password or "")
        if found == "ClueCon":
            raise ConfigError(
                "the event socket's password is FreeSWITCH's public default, 'ClueCon'",
                code="default-password",
                remedy="generate one with `cti switch config`",
            )
        return found


class ClusterSettings(Section):
    """Where the process that distributes answers the other ones; see `roles`."""

    host: str = Field("127.0.0.1", description="its own address in a network that only members reach: it is not TLS")
    port: Port = Field(0, description="0: any free one, which the others are told")


class FigureSettings(Section):
    """Where a process with the role `flow` tells `/healthz` and `/metrics`. The others do where they listen anyway."""

    host: str = Field("127.0.0.1", description="its own address in a network that only members reach: it is not TLS")
    port: Port | None = Field(None, description="default: it does not listen; 0: any free one, which the log names")


class ApiSettings(Section):
    host: str = "127.0.0.1"
    port: Port = 8080
    token_key: Path | None = Field(
        None, description="key that signs sessions, the same for all of a cluster; default: token-key.pem in `data`"
    )
    behind_tls: bool = Field(False, description="a proxy in front speaks TLS; else the API listens on loopback only")
    origins: tuple[str, ...] = Field(
        (), description="web pages of these origins (`https://desk.example`) may use the API from a browser (CORS)"
    )

    @field_validator("origins")
    @classmethod
    def _origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if not re.fullmatch(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?", origin):
                raise ValueError(f"{origin!r} is no origin; write https://host or https://host:port")
        return origins

    @model_validator(mode="after")
    def _no_passwords_in_clear(self) -> ApiSettings:
        try:
            loopback = self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            loopback = False
        if not loopback and not self.behind_tls:
            raise ValueError(
                "passwords would cross the network in clear: write 127.0.0.1 or ::1, or `behind_tls: true` where a "
                "proxy in front speaks TLS"
            )
        return self


class OverloadSettings(Section):
    """From when on new callers hear the busy flow, whatever the other limits say. 0: not looked at."""

    cpu_pct: Annotated[float, Field(ge=0, le=100)] = Field(
        90.0, description="of one core that the engine computes, for a second on end"
    )
    late_ms: Annotated[float, Field(ge=0, le=60_000)] = Field(
        1000.0, description="by which the engine's timers are late"
    )
    backlog: Annotated[int, Field(ge=0, le=30_000)] = Field(
        5000, description="events and commands that wait in the links of one switch: its new callers"
    )
    switch_idle_pct: Annotated[float, Field(ge=0, le=90)] = Field(
        0.0, description="what a switch's machine must have left (Idle-CPU of its HEARTBEAT), else its new callers"
    )
    records: Annotated[int, Field(ge=0, le=50_000)] = Field(
        20_000, description="records that wait for a database which answers but cannot keep up"
    )
    backends: tuple[Name, ...] = Field(
        (), description="back ends without which callers only pile up: `backends_pct` holds while one of them is ill"
    )
    backends_pct: Annotated[float, Field(ge=0, le=100)] = Field(
        50.0, description="share of `calls` that is let in while one of `backends` has an open breaker"
    )


class TrunkLimits(Section):
    """New calls by one trunk; 0: no limit."""

    calls: Annotated[int, Field(ge=0)] = Field(0, description="at once")
    per_second: Annotated[int, Field(ge=0)] = Field(0, description="in any second")


LANGUAGE = r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}$"


class ResumeSettings(Section):
    """What callers notice of an engine that took over."""

    prompt: dict[Annotated[str, Field(pattern=LANGUAGE)], Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        default_factory=dict,
        description="language -> what a caller in the flow hears first, before the question again; default: nothing",
    )


class LimitSettings(Section):
    calls: Annotated[int, Field(ge=0)] = Field(500, description="calls at once; more hear the busy flow; 0: no limit")
    per_caller: Annotated[int, Field(ge=0)] = Field(5, description="calls at once from one number")
    per_second: Annotated[int, Field(ge=0)] = Field(0, description="new calls in any second")
    per_caller_minute: Annotated[int, Field(ge=0)] = Field(
        0, description="new calls in any minute from one number; refused ones count"
    )
    per_trunk: dict[Name, TrunkLimits] = Field(default_factory=dict, description="trunk -> its own limits")
    silent_s: Annotated[float, Field(ge=0, le=86400)] = Field(
        900.0,
        description="a caller of whom nothing comes for so long, no key and no word, is hung up; not while waiting in "
        "a queue, in a talk, or recording. Against calls that only earn the fees of a toll-free number. 0: never",
    )
    overload: OverloadSettings = OverloadSettings()


class WorkerSettings(Section):
    slot: Annotated[int, Field(ge=0, le=3)] = Field(0, description="this engine's slot on every switch, 0 to 3")
    guard_s: Annotated[int, Field(ge=6, le=600)] = Field(
        30, description="a call whose engine died goes to the emergency extension after this time"
    )
    adopts: bool = Field(
        True, description="take up the calls of other slots whose engine is dead, where both have one database"
    )
    drain_s: Annotated[float, Field(ge=0)] = Field(10.0, description="how long a stopping engine waits for its calls")


class PlatformSettings(Section):
    """Another platform that callers are handed to, such as the one that this one takes over from."""

    trunk: Name = Field(description="gateway by which calls go there, and by whose trunk they come back")
    number: Digits | None = Field(
        None, description="what is dialled there; default: the number that the caller dialled"
    )


class DialingSettings(Section):
    trunks: tuple[Name, ...] = Field((), description="gateways in the order of trial")
    allowed: tuple[Digits, ...] = Field((), description="prefixes of numbers that may be dialled; 0 opens no 00")
    denied: tuple[Digits, ...] = Field((), description="prefixes that may not, whatever is allowed: premium rates")
    sip_hosts: tuple[Host, ...] = Field((), description="hosts on which agents may have a SIP contact")
    phones_through: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z.-]{0,63}(:[0-9]{1,5})?$")] | None = Field(
        None, description="host:port of the Kamailio that knows where agents' phones are, for every switch"
    )
    caller_number: Digits | None = Field(None, description="the number shown to the called party")
    platforms: dict[Name, PlatformSettings] = Field(
        default_factory=dict, description="other platforms, for `dial: {platform: …}` and for calls that come back"
    )


class PoolSettings(Section):
    """What one process asks of a PostgreSQL at once, and when its waits end. SQLite needs none of it."""

    connections: Annotated[int, Field(ge=3, le=200)] = Field(
        15, description="at most, three for a cluster's signs of life apart; all processes together: `max_connections`"
    )
    wait_s: Annotated[float, Field(ge=0.1, le=10)] = Field(5.0, description="for a free connection")
    connect_s: Annotated[float, Field(ge=2, le=60)] = Field(5.0, description="until a new connection is there")
    statement_s: Annotated[float, Field(ge=0.1, le=9)] = Field(
        8.0, description="then the server ends a statement; who waits for it gives up after 10 s"
    )
    lock_s: Annotated[float, Field(ge=0.1, le=9)] = Field(5.0, description="the same of the wait for a lock")

    @model_validator(mode="after")
    def _locks_end_first(self) -> PoolSettings:
        if self.lock_s > self.statement_s:
            raise ValueError(f"lock_s ({self.lock_s:g}) is longer than statement_s ({self.statement_s:g})")
        return self


class StoreSettings(Section):
    url: str | None = Field(None, description="SQLAlchemy URL; default: SQLite cti.db in `data`")
    keys: Path | None = Field(None, description="key ring; default: keys.json in `data`")
    pool: PoolSettings = PoolSettings()


def from_environment(text: str) -> str:
    """``${NAME}`` alone is replaced by the environment variable; anything else is literal."""
    if not (text.startswith("${") and text.endswith("}")):
        return text
    name = text[2:-1]
    value = os.environ.get(name)
    if value is None:
        raise ConfigError(
            f"the environment variable {name} is not set", code="missing-secret", remedy=f"export {name}=…"
        )
    return value
