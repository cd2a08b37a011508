"""``POST /v1/demo/calls`` against bodies and keys that clients should not send."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import gevent
import pytest
from falcon import testing
from gevent.event import Event

from cti.api.app import create_app
from cti.core.errors import SwitchUnavailable
from cti.runtime.waiting import wait_until
from tests.api.site import Platform
from tests.api.test_api import Engine, Records

JSON = {"Content-Type": "application/json"}


class SlowSandbox:
    """Places a call only when told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.go = Event()
        self.fails: Exception | None = None
        self.key = {"Idempotency-Key": uuid4().hex}  # answers are kept, for other tests of this platform too

    def place(self, caller: str, called: str, script: list[Any]) -> str:
        self.asked += 1
        number = self.asked
        assert self.go.wait(10.0)
        if self.fails:
            raise self.fails
        return f"c-{number}"


@pytest.fixture
def sandbox() -> SlowSandbox:
    return SlowSandbox()


@pytest.fixture
def client(sandbox: SlowSandbox, platform: Platform) -> testing.TestClient:
    app = create_app(Records(), Engine(), platform.services, sandbox=sandbox)  # type: ignore[arg-type]
    return testing.TestClient(app, headers={"Authorization": f"Bearer {platform.token('root')}"})


def post_at_once(client: testing.TestClient, count: int, sandbox: SlowSandbox) -> list[testing.Result]:
    jobs = [gevent.spawn(client.simulate_post, "/v1/demo/calls", json={}, headers=sandbox.key) for _ in range(count)]
    wait_until(lambda: sandbox.asked > 0, 10.0)
    gevent.idle()
    sandbox.go.set()
    gevent.joinall(jobs, timeout=10.0, raise_error=True)
    return [answer for job in jobs if (answer := job.value)]


def test_the_same_key_at_the_same_moment_is_one_call(client: testing.TestClient, sandbox: SlowSandbox) -> None:
    answers = post_at_once(client, 5, sandbox)
    assert [(answer.status_code, answer.json["call_id"]) for answer in answers] == [(201, "c-1")] * 5
    assert sandbox.asked == 1


def test_all_that_wait_learn_of_a_failure_and_the_key_may_try_again(
    client: testing.TestClient, sandbox: SlowSandbox
) -> None:
    sandbox.fails = SwitchUnavailable("link lost")
    assert [answer.status_code for answer in post_at_once(client, 3, sandbox)] == [503] * 3
    sandbox.fails = None
    again = client.simulate_post("/v1/demo/calls", json={}, headers=sandbox.key)
    assert (again.status_code, sandbox.asked) == (201, 2)


@pytest.mark.parametrize("key", ["", "x" * 256, "k\x7f", "é"])
def test_a_key_is_short_and_printable(client: testing.TestClient, key: str) -> None:
    answer = client.simulate_post("/v1/demo/calls", json={}, headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json["error_id"]) == (400, "bad-request")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b'{"script": [{"silence": NaN}]}',
        b'{"called": "10086", "called": "110"}',
        b'{"called": ' + b"1" * 5000 + b"}",
    ],
)
def test_what_is_no_json_is_the_clients_mistake(client: testing.TestClient, sandbox: SlowSandbox, body: bytes) -> None:
    answer = client.simulate_post("/v1/demo/calls", body=body, headers=JSON)
    assert (answer.status_code, answer.json["error_id"], sandbox.asked) == (400, "bad-request", 0)


@pytest.mark.parametrize(
    ("media", "status"),
    [("application/json; charset=utf-8", 201), ("APPLICATION/JSON", 201), ("application/jsonx", 415), ("", 415)],
)
def test_the_media_type_is_a_whole_word_in_any_case(
    client: testing.TestClient, sandbox: SlowSandbox, media: str, status: int
) -> None:
    sandbox.go.set()
    assert client.simulate_post("/v1/demo/calls", body="{}", headers={"Content-Type": media}).status_code == status


def test_a_key_is_its_users_alone(client: testing.TestClient, sandbox: SlowSandbox, platform: Platform) -> None:
    sandbox.go.set()
    key = sandbox.key
    first = client.simulate_post("/v1/demo/calls", json={}, headers=key)
    other = {**key, "Authorization": f"Bearer {platform.token('author')}"}
    second = client.simulate_post("/v1/demo/calls", json={}, headers=other)
    assert (first.json["call_id"], second.json["call_id"]) == ("c-1", "c-2")
