"""Daily files over a real store: they sum to the report, are numbered without gaps, and survive a kill at each step."""

from __future__ import annotations

import errno
import json
import os
import signal
from collections import Counter
from typing import Any

import gevent
import pytest
from sqlalchemy import text

from cti.boss.feeds import folder as folders
from cti.boss.feeds import runner as running
from cti.boss.feeds.lines import read_lines
from cti.boss.feeds.sums import sums_of
from cti.cli import main
from cti.core import floor_records as f
from cti.core.errors import CtiError
from cti.runtime.waiting import wait_until
from cti.store import SqlStore
from tests.boss.feeds.daykit import BEGIN, DAY, FIRST, SECOND, a_day, entry, keep, names, runner
from tests.boss.feeds.test_plans import GOOD
from tests.store.conftest import Folder


def test_a_days_file_sums_to_the_report_of_the_day(store: SqlStore, folder: Folder) -> None:
    a_day(store)
    daily = runner(store, folder)
    assert [file.rows for file in daily.run("daily")] == [4]
    assert names(folder) == [FIRST, FIRST + ".chk"]
    data = (folder.path / "out" / FIRST).read_bytes()
    assert data.count(b"138****1234") == data.count(b"\n") == 4
    assert b"13800001234" not in data
    sums = sums_of("contacts", read_lines(data, "contacts"))
    counts: Counter[str] = Counter()
    for row in store.reports.counts("queue", int(BEGIN), int(BEGIN) + 86_400):
        counts[row.what] += row.value  # type: ignore[assignment]
    assert counts["offered"] == sums["bills", "voice", "offered"] == 2
    for name in ("talk_s", "hold_s", "work_s", "wait_answered_s"):
        assert round(counts[name] * 1000) == sums["bills", "voice", name] > 0
    proof = daily.verify("daily", DAY)
    assert proof.good, proof
    assert daily.run("daily") == []


def test_what_comes_late_is_in_a_further_file_of_its_day(store: SqlStore, folder: Folder) -> None:
    a_day(store)
    daily = runner(store, folder)
    daily.run("daily")
    opened = f.EntryOpened(
        entry_id="e9", worker="n/0", run="r", contact="c9", call_id="c9", queue="bills", medium="voice",
        began_at=BEGIN + 5,
    )  # fmt: skip
    keep(store, entry(8, BEGIN + 10, "lost"), opened)
    found = daily.verify("daily", DAY)
    assert not found.good
    assert ("bills", "voice", "lost", 1, 0) in found.differences
    assert found.open == 1
    assert [file.name for file in daily.run("daily")] == [SECOND]
    assert daily.verify("daily", DAY).good
    keep(store, entry(9, BEGIN + 5))
    assert [file.seq for file in daily.run("daily")] == [3]
    assert daily.verify("daily", DAY).good


def test_a_day_of_nothing_has_an_empty_file(store: SqlStore, folder: Folder) -> None:
    daily = runner(store, folder)
    assert [(file.name, file.rows) for file in daily.run("daily")] == [(FIRST, 0)]
    assert daily.run("daily") == []
    assert daily.verify("daily", DAY).good


def test_a_day_is_not_written_before_its_time(store: SqlStore, folder: Folder) -> None:
    assert runner(store, folder, at="02:01").run("daily")[0].day == "20260301"
    assert FIRST not in names(folder)


def test_a_file_that_was_changed_or_taken_is_known(store: SqlStore, folder: Folder) -> None:
    a_day(store)
    daily = runner(store, folder)
    daily.run("daily")
    there = folder.path / "out" / FIRST
    data = there.read_bytes()
    there.write_bytes(data.replace(b"|60.143|", b"|60.144|"))
    proof = daily.verify("daily", DAY)
    assert {code for _, code in proof.faults} == {"digest", "chk-digest"}
    assert [one[2] for one in proof.differences] == ["talk_s"]
    there.unlink()
    taken = daily.verify("daily", DAY)
    assert taken.good
    assert taken.taken == (FIRST,)


def test_another_file_of_the_name_is_not_overwritten(store: SqlStore, folder: Folder) -> None:
    other = folder.path / "out" / FIRST
    other.write_bytes(b"theirs")
    daily = runner(store, folder)
    for _ in range(2):
        with pytest.raises(CtiError) as raised:
            daily.run("daily")
        assert raised.value.code == "feed-foreign-file"
    assert other.read_bytes() == b"theirs"
    other.unlink()
    assert [file.seq for file in daily.run("daily")] == [1]


def test_a_full_disk_is_told_and_nothing_half_is_left(
    store: SqlStore, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_day(store)
    daily = runner(store, folder)

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(CtiError, match="No space left") as raised:
            daily.run("daily")
    assert raised.value.code == "feed-folder"
    assert names(folder) == []
    assert [file.attempts for file in daily.run("daily")] == [1]
    assert names(folder) == [FIRST, FIRST + ".chk"]


def test_what_an_engine_of_before_claimed_without_its_content_is_made_of_its_records(
    store: SqlStore, folder: Folder
) -> None:
    a_day(store)
    (folder.path / "out").rmdir()
    daily = runner(store, folder)
    with pytest.raises(CtiError):
        daily.run("daily")
    feeds = store.accounts.feeds
    feeds._write(lambda connection: connection.execute(text("UPDATE feed_files SET data_sealed = NULL, digest = 'x'")))
    (folder.path / "out").mkdir()
    assert [file.rows for file in daily.run("daily")] == [4]
    assert daily.verify("daily", DAY).good


STEPS = ("claim", "data-part", "data", "chk", "written")


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_nothing_is_lost_or_written_twice(folder: Folder, step: str) -> None:
    store = folder.open()
    a_day(store)
    assert store.close(10.0)
    folder.forget(store)
    pid = os.fork()
    if pid == 0:
        _die_at(folder, step)
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGKILL
    left = folder.path / "out" / FIRST
    inode = left.stat().st_ino if left.exists() else None
    assert (inode is not None) == (step in ("data", "chk", "written"))
    store = folder.open()
    daily = runner(store, folder)
    assert [file.seq for file in daily.run("daily")] == [1]
    assert names(folder) == [FIRST, FIRST + ".chk"]
    assert inode in (None, left.stat().st_ino)
    assert daily.run("daily") == []
    assert daily.verify("daily", DAY).good


def _die_at(folder: Folder, step: str) -> None:
    """In a process of its own: the end comes after this step, for ``written`` just before it is noted."""

    def end(*_: Any) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)

    link = os.link

    def linked(source: Any, target: Any) -> None:
        if step == "data-part":
            end()
        link(source, target)
        if step == ("chk" if str(target).endswith(".chk") else "data"):
            end()

    patch = pytest.MonkeyPatch()
    try:
        patch.setattr(os, "link", linked)
        if step == "claim":
            patch.setattr(folders, "put", end)
        store = folder.open()
        if step == "written":
            patch.setattr(store.accounts.feeds, "written", end)
        runner(store, folder).run("daily")
    finally:
        os._exit(3)


SWITCHES = "switches: [{name: fs, kind: embedded, password: only-for-tests}]\n"


def test_by_the_command_line(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    interfaces = folder.path / "interfaces.yaml"
    interfaces.write_text(GOOD)
    config = folder.path / "cti.yaml"
    config.write_text(f"data: {folder.path}\nflows: {folder.path}\nboss: {{file: {interfaces}}}\n{SWITCHES}")
    assert main(["feed", "run", "--config", str(config)]) == 0
    written = capsys.readouterr().out.splitlines()
    assert len(written) == 7
    day = written[-1].split("_")[1]
    verify = ["feed", "verify", "--day", f"{day[:4]}-{day[4:6]}-{day[6:]}", "--config", str(config)]
    assert main(verify) == 0
    assert "sum to the report" in capsys.readouterr().out
    (folder.path / "out" / f"CONTACTS_{day}_001.txt").write_bytes(b"x\n")
    assert main(verify) == 1
    capsys.readouterr()
    assert main(["feed", "list", "--json", "--config", str(config)]) == 0
    assert json.loads(capsys.readouterr().out) == {"feeds": [{"feed": "daily", "kind": "contacts", "way": "folder"}]}
    assert main(["feed", "status", "--config", str(config)]) == 0
    assert f"last {day}-001 (0 records)" in capsys.readouterr().out
    assert main([*verify, "nobody"]) == 1
    assert "unknown-feed" in capsys.readouterr().err


def test_the_engines_look_goes_on_after_a_failure(
    store: SqlStore, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "EVERY_S", 0.01)
    (folder.path / "out").rmdir()
    looking = gevent.spawn(runner(store, folder).main)
    try:
        assert wait_until(lambda: bool(store.accounts.feeds.claimed("daily")), 30.0)
        (folder.path / "out").mkdir()
        assert wait_until(lambda: names(folder) == [FIRST, FIRST + ".chk"], 30.0)
        assert wait_until(lambda: not store.accounts.feeds.claimed("daily"), 30.0)
    finally:
        looking.kill()
