"""Feeds that go by other ways than a folder, and receivers that are really there."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from cti.app.feeding import asked_by
from cti.boss.feeds import FeedRunner
from cti.boss.feeds.destination import FeedUndelivered
from cti.store import SqlStore
from tests.boss.feeds import day as d
from tests.boss.offices.socket_office import SocketOffice
from tests.boss.served import served
from tests.boss.ways.socketkit import FRAMES
from tests.store.conftest import Folder
from tests.webhooks.receiver import Receiver

NUMBER = "20260302-001"


def feed(store: SqlStore, folder: Folder, **options: Any) -> FeedRunner:
    told = {"kind": "calls", "days": 1, "caller": "msisdn", **options}
    return d.runner_of(store, folder, d.feeds_of(f"feeds: {{one: {json.dumps(told, default=str)}}}"))


def reason(runner: FeedRunner) -> str:
    with pytest.raises(FeedUndelivered) as raised:
        runner.run("one")
    state = runner.store.state("one")
    assert state.failing is not None
    assert state.failing.failure == raised.value.reason
    return raised.value.reason


def unnoted(store: SqlStore, runner: FeedRunner) -> int:
    """As if the engine were killed each time when a batch had arrived and that was not noted; how many it were."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store.accounts.feeds, "written", lambda *_: None)
        return len(runner.run("one"))


# ---- HTTP ------------------------------------------------------------------------------------------------------------

SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()


def url_of(receiver: Receiver) -> str:
    return f"http://127.0.0.1:{receiver.port}/feeds"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.stop()


# ---- a socket --------------------------------------------------------------------------------------------------------

BACKEND = """
backends:
  desk:
    way: socket
    addresses: [{host: 127.0.0.1, port: PORT}]
    mode: exclusive
    frame: FRAME
    messages:
      QRYBAL:
        body: {codec: delimited, fields: [FIELDS]}
        reply: {codec: delimited, fields: [msisdn, balance, name]}
feeds:
  one: {kind: calls, days: 1, caller: msisdn, socket: {backend: desk, message: QRYBAL, SOCKET}}
"""


class Desk(SocketOffice):
    def __init__(self) -> None:
        super().__init__("ascii")
        self.got: list[str] = []
        self.rc = "0000"

    def answer(self, code: str, sequence: int, body: bytes, *, answered: bytes | None = None) -> bytes:
        self.got.append(body.decode("gb18030"))
        return bytes(self._wire.write(code, sequence, b"1|2|x", self.rc))


@pytest.fixture
def desk() -> Iterator[Desk]:
    found = Desk()
    yield found
    found.close()


def by_socket(port: int, fields: str, socket: str) -> str:
    found = BACKEND.replace("PORT", str(port)).replace("FRAME", json.dumps(FRAMES["ascii"]))
    return found.replace("FIELDS", fields).replace("SOCKET", socket)


@contextmanager
def asking(store: SqlStore, folder: Folder, file: str) -> Iterator[FeedRunner]:
    """With the back ends of the file open."""
    with served(file, folder.path) as office:
        runner = d.runner_of(store, folder, dict(office.plan.feeds), asked_by(office))
        with closing(runner):
            yield runner
