"""An engine that is killed while it sends: at each step nothing is lost, sent twice, left out or overwritten."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cti.boss.way import Outbox, Question, Surroundings
from cti.boss.ways.files import KIND
from cti.boss.ways.files.options import FilesBackend, FilesTarget
from cti.core.request_files import RequestFile
from cti.store import SqlStore
from tests.boss.rig import until
from tests.store.conftest import Folder
from tests.store.template import copy_database

BEGIN, FIRST = 1_800_000_000.0, "REQ_20270115_000001.txt"
OPTIONS: dict[str, Any] = {
    "url": "out",
    "every_s": 0.01,
    "send": {"every_s": 0.01, "row": {"codec": "delimited", "fields": ["serial", "msisdn"]}, "key": "serial"},
}
#: What is in the folder after the kill; the receiver takes away what has a chk.
STEPS = {
    "kept": [],
    "claimed": [],
    "part": [FIRST + ".tmp"],
    "linked": [FIRST, FIRST + ".tmp"],
    "data": [FIRST],
    "chk-part": [FIRST, FIRST + ".chk.tmp"],
    "ready": [FIRST, FIRST + ".chk.tmp"],
    "given": [FIRST, FIRST + ".chk"],
}


@pytest.fixture
def folder(tmp_path: Path, nothing_left: None) -> Iterator[Folder]:
    copy_database(tmp_path)
    (tmp_path / "out").mkdir()
    found = Folder(tmp_path)
    yield found
    found.close()


def opened(store: SqlStore, folder: Folder) -> Any:
    outbox = Outbox(store.accounts.request_files, "n/0", lambda: BEGIN + time.monotonic() % 1000)
    return KIND.open(FilesBackend.model_validate(OPTIONS), Surroundings("orders", folder.path, 4, outbox))


def ask(way: Any, wait_s: float = 60.0) -> Any:
    fields = {"msisdn": "13800138000", "key": "call/1"}
    return way.ask(Question(FilesTarget(), fields, "call/1", time.monotonic() + wait_s))


@pytest.mark.parametrize("consumed", [False, True], ids=["left", "consumed"])
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_a_request_goes_once(folder: Folder, step: str, consumed: bool) -> None:
    out = folder.path / "out"
    pid = os.fork()
    if pid == 0:
        _die_at(folder, step)
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGKILL
    assert sorted(os.listdir(out)) == STEPS[step]
    taken = consumed and step == "given"
    if taken:
        for file in out.iterdir():
            file.unlink()
    store = folder.open()
    way = opened(store, folder)
    try:
        assert ask(way) == {}
    finally:
        way.close()
    assert sorted(os.listdir(out)) == ([] if taken else [FIRST, FIRST + ".chk"])
    if not taken:
        assert (out / FIRST).read_text() == "call/1|13800138000\n"
    assert store.accounts.request_files.lease("orders", BEGIN, "n/0", 1.0) is None


def _die_at(folder: Folder, step: str) -> None:
    """In a process of its own."""

    def end(*_: Any) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)

    patch = pytest.MonkeyPatch()
    try:
        store = folder.open()
        files = store.accounts.request_files
        _patch(patch, files, step, end)
        way = opened(store, folder)
        ask(way)
    finally:
        os._exit(3)


def _patch(patch: pytest.MonkeyPatch, files: Any, step: str, end: Callable[..., Any]) -> None:
    link, ready, claim = os.link, files.ready, files.claim
    if step == "kept":
        patch.setattr(files, "claim", end)
    if step == "claimed":
        patch.setattr(files, "claim", lambda *told: claim(*told) and end())
    if step == "chk-part":
        patch.setattr(files, "ready", end)
    if step == "ready":

        def noted(file: RequestFile, now: float, worker: str) -> None:
            assert ready(file, now, worker)
            end()

        patch.setattr(files, "ready", noted)
    if step == "given":
        patch.setattr(files, "written", end)

    def linked(source: Any, target: Any, **told: Any) -> None:
        if step == "part":
            end()
        link(source, target, **told)
        if step == "linked":
            end()

    patch.setattr(os, "link", linked)
    if step == "data":
        patch.setattr("cti.boss.ways.files.local.LocalTransport._sync", end)


def test_a_request_that_waits_for_its_file_outlives_the_engine(folder: Folder) -> None:
    store = folder.open()
    files = store.accounts.request_files
    for key in ("a", "b"):
        assert files.add("orders", key, f"{key}|1".encode(), BEGIN - 1, None)
        assert not files.add("orders", key, b"other", BEGIN, None)
    way = opened(store, folder)
    until((folder.path / "out" / (FIRST + ".chk")).exists)
    way.close()
    assert (folder.path / "out" / FIRST).read_text() == "a|1\nb|1\n"
