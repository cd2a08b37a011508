"""`cti serve` whose wall clock is set an hour forward, put right, and set an hour back, with calls up and people
signed in: what docs/clocks.md promises, seen from outside."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest

from cti.app import open_accounts
from cti.core.access import SYSTEM, Grant
from cti.core.records import CallDetail
from cti.switch.embedded import VirtualCaller

from .resumekit import House, uuid_of
from .test_resume import bridged

HOUR_S = 3600
PASSWORD = "correct horse battery staple"
SOURCE = Path(__file__).with_name("shifted_clock.c")

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler, which makes a clock that can be set"),
]


class Wall:
    """The wall clock of processes that begin while it is in the environment."""

    def __init__(self, folder: Path, environment: pytest.MonkeyPatch) -> None:
        library, self._file = folder / "shifted_clock.so", folder / "shift"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, SOURCE], check=True, timeout=60)
        self.ahead_s = 0
        self._file.write_bytes(struct.pack("=q", 0))
        environment.setenv("LD_PRELOAD", str(library))
        environment.setenv("SHIFTED_CLOCK", str(self._file))

    def set(self, ahead_s: int) -> None:
        self.ahead_s = ahead_s
        with self._file.open("r+b") as file:  # the same inode: it is mapped
            file.write(struct.pack("=q", ahead_s))

    def now(self) -> float:
        return time.time() + self.ahead_s


class Client:
    """Signed in, with the token of before the clock was set."""

    def __init__(self, house: House) -> None:
        [self._api] = house.until(lambda: re.findall(r"API on (http://\S+)", house.log()), "the API is there")
        told = self.ask("POST", "/v1/sessions", {"name": "super", "password": PASSWORD})
        self._token, self._refresh = told["access_token"], told["refresh_token"]

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Content-Type": "application/json"}
        if token := getattr(self, "_token", ""):
            headers["Authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._api + path, data, headers, method=method)
        pool = gevent.get_hub().threadpool  # the switch runs on this thread
        with pool.apply(urllib.request.urlopen, (request,), {"timeout": 30}) as answer:
            return json.loads(answer.read())

    def refreshed(self) -> None:
        told = self.ask("POST", "/v1/sessions/refresh", {"refresh_token": self._refresh})
        self._token, self._refresh = told["access_token"], told["refresh_token"]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    house.phone("1002", answer_after=0.05)
    house.phone("1003", answer_after=None)
    with open_accounts(house.settings) as accounts:
        deed = accounts.deed(SYSTEM, reason="test")
        user, _ = accounts.add_user("super", [Grant.parse("supervisor")], deed)
        accounts.set_password(user.user_id, PASSWORD, deed)
    yield house
    house.close()


def lasted(detail: CallDetail) -> float:
    assert detail.call.ended_at is not None
    return detail.call.ended_at - detail.call.started_at


def test_a_clock_that_is_set_while_calls_are_up(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as environment:
        wall = Wall(tmp_path, environment)
        engine = house.start_engine()
    began, client = time.monotonic(), Client(house)
    menu, talk, waits = (house.call(called, f"13800000{called}") for called in ("101", "108", "110"))
    standing = {"main": menu, "call": talk, "agent": waits}
    for node, caller in standing.items():
        house.kept(caller, node)
    house.until(lambda: bridged(talk), "they talk")
    owners = house.ask("select * from engine_owners")
    jobs = house.log().count("is this engine's")

    for number, ahead_s in enumerate((HOUR_S, 0, -HOUR_S)):
        set_while_waiting(house, wall, ahead_s, number)
        assert client.ask("GET", "/v1/queues")["items"], "the token of before is good"
        assert (engine.poll(), house.alive) == (None, True)
        assert [caller.cause for caller in standing.values()] == [""] * 3
        assert bridged(talk)
    client.refreshed()
    assert client.ask("GET", "/v1/queues")["items"]
    assert house.log().count("is this engine's") == jobs, "no job has changed its owner"
    assert [row[:2] for row in house.ask("select * from engine_owners")] == [row[:2] for row in owners]

    menu.press("1")
    house.hang_up_phone("1002")
    phone = house.switch.core.directory.phones["1003"]
    [ringing] = [leg for leg in phone.calls if leg.channel.up()]
    ringing._answer()
    house.until(lambda: bridged(waits), "who waited talks")
    waited_s = time.monotonic() - began
    waits.hangup()
    details = {node: house.record(caller) for node, caller in standing.items()}
    up_s = time.monotonic() - began
    assert {node: one.call.outcome for node, one in details.items()} == {"main": "one", "call": "talked", "agent": ""}
    assert all(one.gaps == () and 30.0 < lasted(one) < up_s + 1.0 for one in details.values())
    [(wait_s,)] = house.ask("select wait_s from queue_entries where call_id = ?", uuid_of(waits))
    assert 30.0 < wait_s < waited_s + 1.0
    assert engine.poll() is None


def set_while_waiting(house: House, wall: Wall, ahead_s: int, number: int) -> None:
    """A caller is to be asked again in twelve seconds when the clock is set; another one calls afterwards."""
    timed: VirtualCaller = house.call("113", f"1380001000{number}")
    house.hears(timed, "Twelve seconds.")
    since = time.monotonic()
    house.kept(timed, "main")
    wall.set(ahead_s)
    after = house.call("101", f"1380002000{number}")
    house.kept(after, "main")
    after.press("1")
    new = house.record(after)
    assert (new.call.outcome, 0.0 <= lasted(new) < 60.0) == ("one", True)
    assert new.call.started_at == pytest.approx(wall.now(), abs=120.0), "it begins at the hour that the clock shows"
    assert "In time." not in [heard.text for heard in timed.log], "nor sooner"
    house.hears(timed, "In time.")
    assert 10.0 < time.monotonic() - since < 60.0
    assert 10.0 < lasted(house.record(timed)) < 60.0
