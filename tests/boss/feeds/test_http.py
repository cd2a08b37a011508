"""Feeds by HTTP: batches that are numbered and signed, and what servers do."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import gevent
import pytest

from cti.core.webhooks import signature
from cti.runtime.waiting import wait_until
from cti.store import SqlStore
from tests.boss.feeds import day as d
from tests.boss.feeds.sendkit import NUMBER, SECRET, feed, reason, receiver, unnoted, url_of
from tests.store.conftest import Folder
from tests.webhooks.receiver import Receiver, authority, hang, status, then

__all__ = ["receiver"]  # the fixture


def test_batches_are_posted_numbered_and_signed(calls: SqlStore, folder: Folder, receiver: Receiver) -> None:
    http = {"url": url_of(receiver), "secret": SECRET, "token": "t0ken"}
    with closing(feed(calls, folder, http=http, rows=6)) as runner:
        assert unnoted(calls, runner) == 2
        receiver.behaviour = status(409)
        assert len(runner.run("one")) == 2
        assert runner.verify("one", d.DAY).good
    first, _, again, _ = receiver.seen
    assert first.headers["idempotency-key"] == again.headers["idempotency-key"] == f"one/{NUMBER}"
    assert first.headers["authorization"] == "Bearer t0ken"
    signed = signature(f"one/{NUMBER}", int(first.headers["webhook-timestamp"]), first.body, SECRET)
    assert first.headers["webhook-signature"] == f"v1,{signed}"
    lines = [json.loads(line) for line in first.body.decode().splitlines()]
    assert [line["position"] for line in lines] == list(range(6))
    assert {name: lines[0][name] for name in ("feed", "number", "kind", "record", "caller", "seconds", "failed")} == {
        "feed": "one", "number": NUMBER, "kind": "call", "record": "c1", "caller": "138****1234", "seconds": 61.234,
        "failed": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        (status(500), "status-500"), (status(302, "Location: http://127.0.0.1:9/\r\n"), "redirect"),
        (hang, "no-answer"), (status(403), "status-403"), (lambda socket, _request: None, "closed-by-peer"),
    ],
)  # fmt: skip
def test_what_a_server_does_is_told_and_tried_again(
    calls: SqlStore, folder: Folder, receiver: Receiver, behaviour: Any, expected: str
) -> None:
    receiver.behaviour = then(behaviour, status(200))
    timeout_s = 0.2 if expected == "no-answer" else 30
    with closing(feed(calls, folder, http={"url": url_of(receiver), "timeout_s": timeout_s})) as runner:
        assert reason(runner) == expected
    with closing(feed(calls, folder, http={"url": url_of(receiver)})) as runner:
        assert [file.number for file in runner.run("one")] == [NUMBER]
    assert receiver.seen[0].body == receiver.seen[-1].body


def test_a_server_of_another_certificate_gets_nothing(calls: SqlStore, folder: Folder, tmp_path: Path) -> None:
    made = authority(tmp_path / "certificates", "localhost")
    receiver = Receiver(tls={"certfile": str(made.cert), "keyfile": str(made.key)})
    http = {"url": f"https://localhost:{receiver.port}/feeds"}
    try:
        with closing(feed(calls, folder, http=http)) as runner:
            assert reason(runner) == "certificate"
        assert receiver.seen == []
        with closing(feed(calls, folder, http={**http, "tls": {"ca_file": str(made.ca)}})) as runner:
            assert [file.rows for file in runner.run("one")] == [10]
    finally:
        receiver.stop()


def test_a_feed_that_fails_does_not_keep_another_one(calls: SqlStore, folder: Folder, receiver: Receiver) -> None:
    receiver.behaviour = hang
    told = {
        "bad": {"kind": "calls", "days": 1, "http": {"url": url_of(receiver), "timeout_s": 600}},
        "good": {"kind": "calls", "days": 1, "to": "out"},
    }  # fmt: skip
    with closing(d.runner_of(calls, folder, d.feeds_of(f"feeds: {json.dumps(told)}"))) as runner:
        looking = gevent.spawn(runner.main)
        try:
            wait_until(lambda: runner.delivered["good"] == 1 and len(receiver.seen) == 1, 30.0)
        finally:
            looking.kill()
        assert (runner.delivered, len(receiver.seen), runner.failures) == ({"good": 1}, 1, {})
