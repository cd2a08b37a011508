"""A change of an agent's state is told to be done when it is on disk, and not before."""

from __future__ import annotations

import json
from typing import Any

import gevent
import pytest
from gevent.event import Event as Flag

from cti.runtime.floor.hub import Hub, Sight, Subscription
from tests.api.site import Platform

BREAK = {"state": "NOT_READY", "reason": "break"}


class Disk:
    """Takes what is written when a test lets it; ``late``: nobody waits as long as that takes."""

    def __init__(self) -> None:
        self.written, self.late, self.asked = Flag(), False, 0

    def kept(self, timeout_s: float) -> bool:
        self.asked += 1
        return False if self.late and self.asked == 1 else bool(self.written.wait(timeout=60))


@pytest.fixture
def disk(fresh: Platform) -> Disk:
    assert fresh.do("anna", "POST", "/v1/me/sign-in", {}).status_code == 200
    found = Disk()
    fresh.floor.owner.kept = found.kept
    return found


def stream(platform: Platform, name: str) -> Subscription:
    hub = platform.floor.hub
    principal = platform.services.authentication.by_token(platform.token(name))
    return Hub.subscribe(hub, Sight(principal), hub.last_id)


CHANGES = [
    ("anna", "PUT", "/v1/me/state", BREAK),
    ("anna", "POST", "/v1/me/sign-out", {}),
    ("lead", "PUT", "/v1/agents/{agent}/state", BREAK),
    ("lead", "POST", "/v1/agents/{agent}/sign-out", {"forced": True}),
]


def ask(platform: Platform, name: str, method: str, path: str, body: Any) -> Any:
    agent = platform.services.store.agents.find_of_user("u-anna")
    assert agent is not None
    return platform.do(name, method, path.format(agent=agent.agent_id), body)


@pytest.mark.parametrize(("name", "method", "path", "body"), CHANGES)
def test_nobody_is_told_before_it_is_on_disk(
    fresh: Platform, disk: Disk, name: str, method: str, path: str, body: Any
) -> None:
    asking = gevent.spawn(ask, fresh, name, method, path, body)
    with gevent.Timeout(60, AssertionError("not in time")):
        while not disk.asked:
            gevent.sleep(0.01)
    gevent.idle()
    assert not asking.ready()
    disk.written.set()
    asking.join(60)
    assert asking.value.status_code == 200, asking.value.text


@pytest.mark.parametrize(("name", "method", "path", "body"), CHANGES)
def test_where_that_takes_long_it_is_202_and_an_event_tells_the_ending(
    fresh: Platform, disk: Disk, name: str, method: str, path: str, body: Any
) -> None:
    disk.late = True
    watching = stream(fresh, name)
    answer = ask(fresh, name, method, path, body)
    assert answer.status_code == 202, answer.text
    assert answer.json["state"] in ("NOT_READY", "LOGOUT")  # it holds all the same
    watching.take()
    disk.written.set()
    with gevent.Timeout(60, AssertionError("not in time")):
        while not watching.wait(1.0):
            pass
    [ending] = [json.loads(event.text) for event in watching.take()]
    assert ending["type"] == "command.ended"
    assert (ending["data"]["command_id"], ending["data"]["done"]) == (answer.json["command_id"], True)
