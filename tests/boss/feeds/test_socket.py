"""Feeds by a back end's socket: the answer's code decides what has arrived."""

from __future__ import annotations

from contextlib import closing

import pytest

from cti.core.errors import CtiError
from cti.store import SqlStore
from tests.boss.feeds import day as d
from tests.boss.feeds.sendkit import NUMBER, Desk, asking, by_socket, desk, feed, reason, receiver, url_of
from tests.store.conftest import Folder
from tests.webhooks.receiver import Receiver, status

__all__ = ["desk", "receiver"]  # fixtures


def test_a_frame_for_each_record_and_the_answers_code_decides(calls: SqlStore, folder: Folder, desk: Desk) -> None:
    file = by_socket(desk.port, "key, kind, caller", 'frames: record, code: header.rc, good: ["0000"]')
    desk.rc = "0017"
    send = file.replace("good:", "send: {key: key, kind: kind, caller: caller}, good:")
    classes = 'security: {classes: {msisdn: {mask: "3+4"}}}'
    with asking(calls, folder, classes + send) as runner:
        assert reason(runner) == "code-0017"
        desk.rc = "0000"
        assert [found.rows for found in runner.run("one")] == [10]
        assert runner.verify("one", d.DAY).good
    assert desk.got[0] == desk.got[1] == f"one/{NUMBER}/0|call|138****1234"
    assert len(desk.got) == 11


def test_a_frame_for_a_batch_that_breaks_off_comes_again(calls: SqlStore, folder: Folder, desk: Desk) -> None:
    socket = "frames: batch, send: {number: number, rows: rows, digest: digest}"
    classes = 'security: {classes: {msisdn: {mask: "3+4"}}}'
    with asking(calls, folder, classes + by_socket(desk.port, "number, rows, digest", socket)) as runner:
        desk.fault, desk.times = "middle", 1
        assert reason(runner) in ("reset", "closed-by-peer")
        (file,) = runner.run("one")
    assert desk.got == [f"{NUMBER}|10|{file.digest}"] * 2


def test_without_the_back_end_it_waits(calls: SqlStore, folder: Folder, desk: Desk) -> None:
    plans = d.feeds_of(by_socket(desk.port, "number, rows", "frames: batch, send: {number: number, rows: rows}"))
    with closing(d.runner_of(calls, folder, plans)) as runner:
        assert reason(runner) == "no-backend"


def test_verify_tells_a_batch_that_has_not_arrived(calls: SqlStore, folder: Folder, receiver: Receiver) -> None:
    receiver.behaviour = status(500)
    with closing(feed(calls, folder, http={"url": url_of(receiver)})) as runner:
        reason(runner)
        assert runner.verify("one", d.DAY).faults == (("CALLS_20260302_001", "not-written"),)
        with pytest.raises(CtiError, match="unknown-feed"):
            runner.run("two")
