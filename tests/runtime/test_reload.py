"""Saved flows on the embedded switch: real files, real child processes, calls that are up and calls that come."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import gevent
import pytest

from cti.core.versions import Origin
from cti.runtime.reload.canaries import Attempt
from cti.runtime.reload.process import run_child
from cti.runtime.reload.reloader import Reloader, ReloadSetup
from cti.store.flow_versions import open_flow_versions

from .platform import FLOWS, Platform

SUBFLOW = """\
flow: part
start: say
languages: {default: en-US}
nodes:
  say: {type: play, say: "Part %s."}
  bye: {type: end}
"""
FLOW = """\
flow: talk
start: say
languages: {default: en-US}
nodes:
  say: {type: play, say: "Words of %s.", barge_in: false}
  wait: {type: menu, say: "Press 1.", wait: 20s, keys: {1: go}, reprompt: {no_input: 0, no_match: 0}, to: {else: go}}
  go: {type: subflow, flow: part, to: {else: last}}
  last: {type: play, say: "End of %s."}
  bye: {type: end, outcome: "%s"}
tests:
  - name: it ends
    script: [{press: 1}]
    expect: {outcome: "%s"}
"""
ENTRY = """\
entries:
  - {name: talk, called: "777", flow: talk%s}
"""


class Folder:
    """The flows of a test, beside a platform whose engine meets calls with them."""

    def __init__(self, path: Path, platform: Platform) -> None:
        self.path, self.platform = path, platform
        self.library = platform.application.library
        self.history = platform.application.store.flows  # type: ignore[attr-defined]
        setup = platform.application.reloader._setup
        self.setup = replace(setup, folder=path, look_s=0.02, history_s=0.05, judge_s=0.05)
        self.reloader = self.new()

    def new(self, **how: Any) -> Reloader:
        self.setup = replace(self.setup, **how)
        notices = self.platform.application.notices
        return Reloader(self.library, self.history, self.platform.application.ground.clock, self.setup, notices)

    def save(self, name: str, text: str | bytes) -> None:
        """As an editor does: written beside, then renamed."""
        draft = self.path / f".{name.replace('/', '-')}.draft"
        draft.write_bytes(text.encode() if isinstance(text, str) else text)
        draft.replace(self.path / name)

    def talk(self, word: str, part: str = "one") -> None:
        self.save("part.yaml", SUBFLOW % part)
        self.save("talk.yaml", FLOW % ((word,) * 4))

    def entry(self, canary: str = "") -> None:
        self.save("entry.yaml", ENTRY % canary)

    def version(self, flow: str = "talk") -> str:
        return self.library.plans[flow].version

    def attempt(self) -> Attempt:
        return self.reloader.attempt()

    def taken(self) -> None:
        attempt = self.attempt()
        assert attempt.taken, [str(issue) for issue in attempt.issues]

    def codes(self) -> set[str]:
        last = self.reloader.standing.last
        assert last is not None
        assert not last.taken
        return {issue.code for issue in last.issues}


@pytest.fixture
def flows(platform: Platform, tmp_path: Path) -> Iterator[Folder]:
    path = tmp_path / "flows"
    path.mkdir()
    shutil.copy(FLOWS / "busy.yaml", path)
    folder = Folder(path, platform)
    folder.entry()
    folder.talk("old")
    folder.taken()
    yield folder
    folder.reloader.stop()


def test_a_call_that_is_up_keeps_its_version_and_a_new_call_hears_the_new_one(
    flows: Folder, platform: Platform
) -> None:
    before = platform.call("777")
    platform.heard(before, "Press 1.")
    flows.talk("new", part="two")
    flows.taken()
    after = platform.call("777", number="13900000000")
    platform.heard(after, "Press 1.")
    for caller in (before, after):
        caller.press("1")
    first, second = platform.over(before), platform.over(after)
    assert platform.spoken(before) == ["Words of old.", "Press 1.", "Part one.", "End of old."]
    assert platform.spoken(after) == ["Words of new.", "Press 1.", "Part two.", "End of new."]
    assert first.call.flow_version != second.call.flow_version == flows.version()


def test_the_watch_takes_what_is_saved_and_what_is_rolled_back_beside_it(flows: Folder, platform: Platform) -> None:
    flows.reloader.start()
    old = flows.version()
    flows.talk("new")
    platform.until(lambda: flows.version() != old, "the new version", 60)
    with open_flow_versions(f"sqlite:///{platform.folder / 'data' / 'cti.db'}") as beside:
        from cti.core.versions import Activation

        beside.write([], [Activation("talk", old, 1.0, "ann", Origin.ROLLBACK)])
    platform.until(lambda: flows.version() == old, "the old version", 60)
    caller = platform.call("777")
    platform.heard(caller, "Words of old.")


def test_going_back_holds_until_the_file_is_edited(flows: Folder) -> None:
    old = flows.version()
    flows.talk("new")
    flows.taken()
    new = flows.version()
    roll_back(flows, old)
    flows.taken()
    assert flows.version() == old
    flows.taken()  # and again: nothing was edited
    assert flows.version() == old
    flows.talk("newer")
    flows.taken()
    assert flows.version() not in (old, new)
    flows.talk("new")
    flows.taken()
    assert flows.version() == new
    origins = [line.origin for line in flows.history.history("talk")]
    assert origins == [Origin.FILE, Origin.FILE, Origin.ROLLBACK, Origin.FILE, Origin.FILE]


def roll_back(flows: Folder, version: str) -> None:
    from cti.core.versions import Activation

    flows.history.write([], [Activation("talk", version, 1.0, "ann", Origin.ROLLBACK)])


def test_a_restart_runs_no_test_again(flows: Folder) -> None:
    flows.reloader = flows.new()
    attempt = flows.attempt()
    assert (attempt.taken, attempt.tests_run) == (True, 0)
    flows.talk("new")
    assert flows.attempt().tests_run == 1


def test_a_changed_calendar_makes_no_new_version_and_holds_for_plans_in_use(flows: Folder) -> None:
    calendar = "calendar: days\ntimezone: Asia/Shanghai\nweek: {mon-sun: %s}\n"
    (flows.path / "calendars").mkdir()
    flows.save("calendars/days.yaml".replace("calendars/", ""), SUBFLOW % "x")  # a flow of a wrong name
    flows.attempt()
    assert flows.codes() == {"file-name"}
    (flows.path / "days.yaml").unlink()
    (flows.path / "calendars" / "days.yaml").write_text(calendar % "open")
    flows.taken()
    in_use, version = flows.library.plans["talk"], flows.version()
    (flows.path / "calendars" / "days.yaml").write_text(calendar % "closed")
    flows.taken()
    assert flows.version() == version
    assert in_use.calendars["days"] == flows.library.calendars["days"]
    assert not any(in_use.calendars["days"].week)


BROKEN: dict[str, tuple[Callable[[Folder], object], str]] = {
    "half written": (lambda f: f.save("talk.yaml", FLOW[:150]), "bad-yaml"),
    "binary": (lambda f: f.save("talk.yaml", b"\x00\xff\xfe" * 500), "bad-yaml"),
    "ten megabytes": (lambda f: f.save("talk.yaml", b"a: b\n" * 2_000_000), "bad-yaml"),
    "test fails": (
        lambda f: f.save("talk.yaml", (FLOW % (("new",) * 4)).replace('{outcome: "new"}', "{outcome: x}")),
        "test-failed",
    ),
    "vanished part": (lambda f: (f.path / "part.yaml").unlink(), "unknown-flow"),
    "no entry": (lambda f: (f.path / "entry.yaml").unlink(), "unreadable-file"),
    "a folder in its place": (lambda f: (f.path / "more.yaml").mkdir(), "unreadable-file"),
    "a pipe in its place": (lambda f: os.mkfifo(f.path / "more.yaml"), "unreadable-file"),
    "a dangling link": (lambda f: (f.path / "more.yaml").symlink_to("nowhere"), "unreadable-file"),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_what_is_broken_changes_nothing_and_is_shown(flows: Folder, broken: str) -> None:
    spoil, code = BROKEN[broken]
    met = {name: flows.library.plans[name].version for name in ("talk", "busy")}  # what a call can come to
    active = {name: line.number for name, line in flows.history.active().items()}
    spoil(flows)
    flows.attempt()
    assert code in flows.codes()
    assert {name: flows.library.plans[name].version for name in met} == met
    assert {name: line.number for name, line in flows.history.active().items()} == active
    known = flows.history.last_number()
    flows.attempt()  # the same again is no news
    assert flows.history.last_number() == known


CHILDREN = {
    "crashes": ("raise RuntimeError('no more')", "no more"),
    "is killed": ("import os; os.kill(os.getpid(), 9)", "status -9"),
    "says nothing": ("pass", "status 0"),
    "talks nonsense": ("import sys; sys.stdout.write('x' * 100)", "ended"),
    "hangs": ("import time; time.sleep(600)", "longer than"),
    "floods its errors": ("import sys\nwhile True: sys.stderr.write('x' * 65536)", "longer than"),
}


@pytest.mark.parametrize("child", CHILDREN)
def test_a_child_that_fails_changes_nothing_and_is_gone(flows: Folder, child: str) -> None:
    script, says = CHILDREN[child]
    plan = flows.library.plans["talk"]
    flows.talk("new")
    slow = child in ("hangs", "floods its errors")
    flows.reloader = flows.new(command=(sys.executable, "-c", script), deadline_s=0.5 if slow else 60.0)
    attempt = flows.attempt()
    assert flows.codes() == {"reload-failed"}
    assert says in attempt.issues[0].message
    assert flows.library.plans["talk"] is plan
    flows.reloader = flows.new(command=(), deadline_s=60.0)
    flows.taken()
    assert flows.library.plans["talk"] is not plan


def test_a_child_that_is_killed_from_outside_in_the_middle(flows: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = flows.library.plans["talk"]
    started: list[Any] = []
    popen = gevent.subprocess.Popen

    def kept(*args: Any, **how: Any) -> Any:
        started.append(popen(*args, **how))
        os.kill(started[0].pid, signal.SIGKILL)
        return started[0]

    monkeypatch.setattr("cti.runtime.reload.process.subprocess.Popen", kept)
    flows.talk("new")
    flows.attempt()
    assert flows.codes() == {"reload-failed"}
    assert started[0].poll() is not None
    assert flows.library.plans["talk"] is plan


def test_a_database_that_cannot_be_written_keeps_the_old_version(flows: Folder, platform: Platform) -> None:
    plan = flows.library.plans["talk"]
    flows.talk("new")
    with closing(sqlite3.connect(platform.folder / "data" / "cti.db")) as other:
        other.execute("CREATE TRIGGER deny BEFORE INSERT ON flow_activations BEGIN SELECT RAISE(ABORT, 'no'); END")
        other.commit()
        flows.attempt()
        assert flows.codes() == {"store-unavailable"}
        assert flows.library.plans["talk"] is plan
        assert flows.reloader._again_at is not None
        other.execute("DROP TRIGGER deny")
        other.commit()
    flows.taken()


def test_two_saves_in_quick_succession_end_with_the_second(flows: Folder, platform: Platform) -> None:
    flows.reloader.start()
    flows.talk("first")
    flows.talk("second")
    platform.until(lambda: flows.library.plans["talk"].flows["talk"].nodes["bye"].get("outcome") == "second", "it", 60)


def test_a_save_while_the_child_is_at_work_is_not_lost(flows: Folder, platform: Platform) -> None:
    flows.reloader.start()
    flows.talk("first")
    platform.until(lambda: flows.reloader._settling._known == flows.reloader._settling._last, "the first is seen", 60)
    flows.talk("second")
    platform.until(lambda: flows.library.plans["talk"].flows["talk"].nodes["bye"].get("outcome") == "second", "it", 60)


def test_the_child_does_not_outlive_an_engine_that_stops_meanwhile(flows: Folder) -> None:
    setup: ReloadSetup = replace(flows.setup, command=(sys.executable, "-c", "import time; time.sleep(600)"))
    from cti.runtime.reload.job import Job

    seen: set[int] = set()
    popen = gevent.subprocess.Popen

    def note(*args: Any, **how: Any) -> Any:
        child = popen(*args, **how)
        seen.add(child.pid)
        return child

    import cti.runtime.reload.process as process

    original = process.subprocess.Popen
    process.subprocess.Popen = note  # type: ignore[misc]
    try:
        job = Job(str(setup.folder), setup.catalog)
        greenlet = gevent.spawn(run_child, job, lambda _f, _v: None, 600.0, setup.command)
        while not seen:
            gevent.sleep(0.001)
        greenlet.kill()
    finally:
        process.subprocess.Popen = original  # type: ignore[misc]
    (pid,) = seen
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
