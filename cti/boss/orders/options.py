"""Section `orders:` of the interfaces' file: where other systems place orders with us."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, field_validator, model_validator

from cti.boss.codecs import BodyOptions
from cti.boss.ways.databases import DatabaseOptions
from cti.boss.ways.files.options import AnswerOptions, ChkOptions
from cti.boss.ways.files.transport import TransportOptions
from cti.boss.ways.socket.frame_options import FrameOptions
from cti.boss.ways.table.options import Column, Table
from cti.core.issue import Place
from cti.core.orders import OrderKind
from cti.core.targets import ANYWHERE, TargetRules
from cti.validating import Section


class ResultOptions(Section):
    """The file that tells what became of each line: ``key|state|id|code``, in the order of the lines."""

    name: str = Field("RES_{name}", max_length=120, pattern=r"^[^/]*\{name\}[^/]*$")
    chk: ChkOptions | None = ChkOptions()


class OrderFiles(TransportOptions):
    """Files with an order a line."""

    url: str = Field(description="a folder, from the interfaces' file on; or sftp://user@host:port/folder, ftps, ftp")
    every_s: float = Field(30.0, ge=0.01, le=86_400)
    take: AnswerOptions = Field(description="which files, how a line is read, its field with the key")
    result: ResultOptions | None = Field(ResultOptions(), description="null: nothing is told")


class OrderTable(DatabaseOptions):
    """An interface table: rows in state ``new`` are orders; their state, our id and the code are written back."""

    table: Table
    key: Column
    state: Column
    new: str = Field("0", max_length=32)
    accepted: str = Field("1", max_length=32)
    rejected: str = Field("2", max_length=32)
    lock_by: Column | None = Field(None, description="takes our name while a row is being taken")
    order_id: Column | None = Field(None, description="takes our id of what was ordered")
    code: Column | None = Field(None, description="takes the code of a rejection")
    columns: dict[str, Column] = Field(
        default_factory=dict, description="field of the order -> column; default: the same"
    )
    every_s: float = Field(5.0, ge=0.05, le=3600)
    batch: int = Field(100, ge=1, le=5000)
    timeout_s: float = Field(10.0, ge=0.1, le=300)

    @model_validator(mode="after")
    def _apart(self) -> OrderTable:
        if len({self.new, self.accepted, self.rejected}) < 3:
            raise ValueError("new, accepted and rejected are states of their own")
        return self


class ListenTls(Section):
    """Our certificate; with ``ca_file`` theirs is asked for and verified."""

    cert_file: Path
    key_file: Path
    ca_file: Path | None = None


class OrderSocket(Section):
    """We listen; each frame is an order, and is answered by one when the order is on disk."""

    host: str = "127.0.0.1"
    port: int = Field(ge=0, le=65535)
    peers: tuple[str, ...] = Field(("127.0.0.1/32", "::1/128"), description="networks from which one may connect")
    frame: FrameOptions
    body: BodyOptions
    reply: BodyOptions = Field(description="fields key, state, id, code")
    key: str = Field("key", description="the field of the body with the key")
    tls: ListenTls | None = None
    connections: int = Field(20, ge=1, le=1000)
    idle_s: float = Field(60.0, gt=0, le=86_400, description="a connection that brings no whole frame for so long ends")

    @field_validator("peers")
    @classmethod
    def _networks(cls, peers: tuple[str, ...]) -> tuple[str, ...]:
        for peer in peers:
            try:
                ipaddress.ip_network(peer)
            except ValueError as error:
                raise ValueError(f"{peer[:60]!r} is no network; write 10.20.0.0/16") from error
        return peers

    @model_validator(mode="after")
    def _not_in_clear(self) -> OrderSocket:
        try:
            near = ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            near = self.host == "localhost"
        if not near and self.tls is None:
            raise ValueError("orders from other machines would cross the network in clear: write 'tls'")
        return self


class OrderSection(Section):
    """One other system."""

    kinds: tuple[OrderKind, ...] = Field(min_length=1, description="what it may order")
    kind: str = Field("kind", description="the field that tells the kind, where there are several")
    files: OrderFiles | None = None
    table: OrderTable | None = None
    socket: OrderSocket | None = None

    @model_validator(mode="after")
    def _one_way(self) -> OrderSection:
        if sum(way is not None for way in (self.files, self.table, self.socket)) != 1:
            raise ValueError("write exactly one of files, table and socket; by HTTP other systems use our API")
        return self


@dataclass(frozen=True, slots=True)
class OrderPlan:
    name: str
    options: OrderSection
    place: Place
    targets: TargetRules = ANYWHERE
