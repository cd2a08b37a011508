"""Options of a socket back end and of a target on it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cti.boss.codecs import BodyOptions
from cti.boss.way import TargetOptions
from cti.boss.ways.socket.frame_options import FrameOptions
from cti.boss.ways.tls import TlsOptions
from cti.validating import Section

Mode = Literal["per_request", "exclusive", "pipelined", "multiplex"]


class Address(Section):
    host: str = Field(min_length=1, max_length=253)
    port: int = Field(ge=1, le=65_535)


class Correlate(Section):
    """``header.<field>``, or ``body.<field>`` where the codec is json, keyvalue or mml."""

    request: str
    response: str


class MessageOptions(Section):
    """``code``: what the header field `message_field` carries; default: the message's name. ``answer``: what the
    answer's must be. ``header``: further header fields of the request."""

    code: str | None = None
    answer: str | None = None
    header: dict[str, str] = Field(default_factory=dict)
    body: BodyOptions | None = Field(None, description="None: there is no body")
    reply: BodyOptions | None = Field(None, description="None: the answer's header says all")


class LoginOptions(Section):
    send: str = Field(description="a message")
    fields: dict[str, str] = Field(default_factory=dict, description="its fields; ${ENV} is taken from the environment")
    expect: dict[str, str] = Field(default_factory=dict, description="path into the answer -> text")


class HeartbeatOptions(Section):
    """After ``misses`` beats without an answer, the connection is closed."""

    every_s: float = Field(30, gt=0, le=3600)
    send: str = Field(description="a message")
    expect: str | None = Field(None, description="the answer's message code; default: any answer")
    misses: int = Field(3, ge=1, le=100)


class SocketBackend(Section):
    addresses: tuple[Address, ...] = Field(min_length=1, max_length=16)
    tls: TlsOptions | None = None
    mode: Mode = "exclusive"
    connections: int = Field(1, ge=1, le=256, description="at most; per_request: at once")
    outstanding: int = Field(1000, ge=1, le=100_000, description="per connection, pipelined and multiplex")
    connect_ms: int = Field(2000, ge=1, le=60_000, description="for each address, TLS and login included")
    idle_s: float | None = Field(None, gt=0, description="a connection without questions for so long is closed")
    frame: FrameOptions
    message_field: str | None = Field(None, description="header field with the message's code; default `code` if any")
    correlate: Correlate | None = None
    login: LoginOptions | None = None
    heartbeat: HeartbeatOptions | None = None
    messages: dict[str, MessageOptions] = Field(min_length=1)

    @property
    def code_field(self) -> str | None:
        if self.message_field is not None:
            return self.message_field
        return next((field.name for field in self.frame.header if field.name == "code"), None)


class SocketTarget(TargetOptions):
    message: str = Field(description="a message of the back end")
