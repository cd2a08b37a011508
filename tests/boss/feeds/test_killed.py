"""Killed with SIGKILL at each step, the next engine sends the same numbers and the same bytes, and loses nothing."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import closing
from typing import Any

import gevent
import pytest
from gevent.os import fork_and_watch, waitpid

from cti.app.feeding import asked_by
from cti.boss.feeds import runner, socket
from cti.boss.mapping import outcome_of
from cti.boss.ways.files import sftp
from cti.boss.ways.http.way import HttpWay
from cti.store import SqlStore
from tests.boss.feeds import day as d
from tests.boss.feeds.sendkit import NUMBER, Desk, by_socket, desk, feed, receiver, url_of
from tests.boss.served import served
from tests.boss.ways.files.conftest import make, nothing_left
from tests.boss.ways.files.site import Site
from tests.store.conftest import Folder
from tests.webhooks.receiver import Receiver

__all__ = ["desk", "make", "nothing_left", "receiver"]  # fixtures
NAME = "CALLS_20260302_001.txt"


def end(*_: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def after(count: int, work: Callable[..., Any]) -> Callable[..., Any]:
    """``work``, and the end behind its ``count``-th time."""
    left = [count]

    def done(*arguments: Any, **more: Any) -> Any:
        found = work(*arguments, **more)
        left[0] -= 1
        return found if left[0] else end()

    return done


def killed(folder: Folder, work: Callable[[SqlStore, pytest.MonkeyPatch], None], stop: Callable[[], None]) -> None:
    """``work`` with a store, in a process of its own, until its end. ``stop``: servers that are not the child's."""
    store = folder.open()
    d.a_day_of_calls(store)
    assert store.close(10.0)
    folder.forget(store)
    pid = fork_and_watch()
    if pid == 0:
        try:
            stop()
            work(folder.open(), pytest.MonkeyPatch())
        finally:
            os._exit(3)
    with gevent.Timeout(60, AssertionError("not in time")):
        assert os.WTERMSIG(waitpid(pid, 0)[1]) == signal.SIGKILL


@pytest.mark.parametrize("step", ["claimed", "half", "data", "chk", "noted"])
def test_a_file_on_a_server(folder: Folder, make: Callable[..., Site], step: str) -> None:
    site = make("sftp")
    options = {"to": site.url, "reach": site.options()}

    def work(store: SqlStore, patch: pytest.MonkeyPatch) -> None:
        if step == "claimed":
            patch.setattr(runner, "open_destination", end)
        elif step == "half":
            patch.setattr(sftp.SftpTransport, "rename", end)
        elif step == "noted":
            patch.setattr(store.accounts.feeds, "written", end)
        else:
            count = 1 if step == "data" else 2
            patch.setattr(sftp.SftpTransport, "rename", after(count, sftp.SftpTransport.rename))
        feed(store, folder, **options).run("one")

    killed(folder, work, lambda: None)
    there = {path.name: path.stat().st_mtime_ns for path in site.folder.iterdir()}
    assert sorted(there) == {
        "claimed": [], "half": [f"{NAME}.tmp"], "data": [NAME], "chk": [NAME, f"{NAME}.chk"],
        "noted": [NAME, f"{NAME}.chk"],
    }[step]  # fmt: skip
    with closing(feed(folder.open(), folder, **options)) as again:
        assert [file.number for file in again.run("one")] == [NUMBER]
        assert again.verify("one", d.DAY).good
    left = {path.name: path.stat().st_mtime_ns for path in site.folder.iterdir()}
    assert sorted(left) == [NAME, f"{NAME}.chk"]
    assert all(left[name] == at for name, at in there.items() if name in left)


@pytest.mark.parametrize("step", ["claimed", "posted", "noted"])
def test_a_batch_that_is_posted(folder: Folder, receiver: Receiver, step: str) -> None:
    options = {"http": {"url": url_of(receiver)}, "rows": 6}

    def work(store: SqlStore, patch: pytest.MonkeyPatch) -> None:
        if step == "claimed":
            patch.setattr(runner, "open_destination", end)
        elif step == "posted":
            patch.setattr(HttpWay, "post", after(1, HttpWay.post))
        else:
            feeds = store.accounts.feeds
            patch.setattr(feeds, "written", after(1, feeds.written))
        feed(store, folder, **options).run("one")

    killed(folder, work, receiver.stop)
    with closing(feed(folder.open(), folder, **options)) as again:
        again.run("one")
        assert again.verify("one", d.DAY).good
    numbers = [one.headers["feed-number"] for one in receiver.seen]
    assert numbers == [NUMBER] * (2 if step == "posted" else 1) + ["20260302-002"]
    assert len({one.body for one in receiver.seen}) == 2


def test_frames_of_which_some_were_sent(folder: Folder, desk: Desk) -> None:
    file = by_socket(desk.port, "key, kind, record", "send: {key: key, kind: kind, record: record}")
    text = 'security: {classes: {msisdn: {mask: "3+4"}}}' + file

    def run(store: SqlStore) -> None:
        with served(text, folder.path) as office:
            plans = dict(office.plan.feeds)
            with closing(d.runner_of(store, folder, plans, asked_by(office))) as sending:
                sending.run("one")
                assert sending.verify("one", d.DAY).good

    def work(store: SqlStore, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(socket, "outcome_of", after(4, outcome_of))
        run(store)

    killed(folder, work, desk.close)
    assert len(desk.got) == 4
    run(folder.open())
    assert desk.got[4:8] == desk.got[:4]
    assert [one.split("|")[0] for one in desk.got[4:]] == [f"one/{NUMBER}/{n}" for n in range(10)]
