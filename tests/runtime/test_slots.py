"""One engine in a worker slot: a second is refused or waits, one that was stopped says nothing any more."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cti.app.engine_lock import engine_lock, tell_to_hand_over
from cti.cli.serve import FREE_S
from cti.core.errors import ConfigError
from cti.switch.embedded import HangUp, Keys

from .engine_process import Engine, alive
from .platform import FLOWS, Platform, uuid_of


def elsewhere(platform: Platform) -> Path:
    """The settings of an engine with a data folder of its own, on the same switch, in the same slot."""
    found = platform.folder / "other.yaml"
    text = (platform.folder / "cti.yaml").read_text().replace("data: data", "data: other")
    found.write_text(text)
    return found


def test_the_lock_is_one_process_s_and_names_the_runs_before(tmp_path: Path) -> None:
    names: list[str] = []
    for _ in range(2):
        with engine_lock(tmp_path / "data", "cti", 0) as holder:
            assert holder.before == frozenset(names)
            names.append(holder.name)
            with pytest.raises(ConfigError, match="an engine is running there already") as refused:
                engine_lock(tmp_path / "data", "cti", 0).__enter__()
            assert refused.value.code == "engine-running"
            with engine_lock(tmp_path / "data", "cti", 1):
                pass
    (tmp_path / "data" / "engine-0.lock").write_text('["half')  # a run that died while it wrote
    with engine_lock(tmp_path / "data", "cti", 0) as holder:
        assert holder.before == frozenset()


def test_a_copy_of_the_folder_names_nobody_as_dead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does the same folder after another start of the machine, nor a file of a release that told no place."""
    with engine_lock(tmp_path / "data", "cti", 0) as holder:
        first = holder.name
    shutil.copytree(tmp_path / "data", tmp_path / "copy")
    with engine_lock(tmp_path / "copy", "cti", 0) as copied:
        assert copied.before == frozenset()
    with engine_lock(tmp_path / "copy", "cti", 0) as again:
        assert again.before == {first, copied.name}
    file = tmp_path / "data" / "engine-0.lock"
    runs = json.loads(file.read_text())["runs"]
    with monkeypatch.context() as other:
        for boot in ("another", ""):
            other.setattr("cti.app.engine_lock.boot_id", lambda boot=boot: boot)
            with engine_lock(tmp_path / "data", "cti", 0) as elsewhere:
                assert elsewhere.before == frozenset()
    file.write_text(json.dumps(runs))
    with engine_lock(tmp_path / "data", "cti", 0) as old:
        assert old.before == frozenset()


def test_nobody_is_told_to_hand_over_by_the_process_number_of_another_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Containers share a data folder and not their process numbers: 7 here is somebody else."""
    told: list[int] = []
    monkeypatch.setattr("cti.app.engine_lock.os.kill", lambda process, _signal: told.append(process))
    with engine_lock(tmp_path, "cti", 0) as holder:
        node, host, _, run = holder.name.rsplit(".", 3)
        for where, tells in ((f"{host}-b", False), (host, True)):
            (tmp_path / "engine-0.lock").write_text(json.dumps([f"{node}.{where}.7.{run}"]))
            assert tell_to_hand_over(tmp_path, 0) is tells
    assert told == [7]


def test_a_second_engine_is_refused_and_a_standby_takes_over_from_one_that_was_killed(platform: Platform) -> None:
    platform.kill_engine()
    platform.settings()
    with Engine(platform) as first:
        same = Engine(platform, "--verbose")
        platform.until(lambda: same.process.poll() is not None, "the second ends", 30)
        assert (same.process.returncode, "[engine-running]" in same.told()) == (2, True)
        other = Engine(platform, "--verbose", config=elsewhere(platform))
        platform.until(lambda: other.process.poll() is not None, "the other ends", 30 + FREE_S)
        assert (other.process.returncode, "[slot-held] worker slot 0 of switch fs" in other.told()) == (2, True)
        standby = Engine(platform, "--standby")
        caller = platform.call("10086")
        platform.heard(caller, "Main")
        platform.until(lambda: first.on_record() == 1, "it is on record where the call stands")
        first.kill()
        platform.until(lambda: platform.spoken(caller).count("Main menu.") == 2, "the standby has the call", 30)
        assert platform.spoken(caller).count("Hello.") == 1  # it went on where the call was
        with standby:
            caller.press("1")
            platform.until(lambda: caller.cause, "the end")


def test_an_engine_that_was_stopped_says_nothing_when_it_goes_on(platform: Platform) -> None:
    """SIGSTOP until a standby of another machine (another folder, no common lock) has taken the slot, then SIGCONT."""
    platform.kill_engine()
    platform.settings()
    with Engine(platform) as stopped:
        caller = platform.call("10086")
        platform.heard(caller, "Main")
        standby = Engine(platform, "--standby", config=elsewhere(platform))
        stopped.process.send_signal(signal.SIGSTOP)
        platform.until(lambda: alive(platform) == "0", "nobody lives in the slot", 30)
        platform.until(lambda: platform.spoken(caller).count("Hello.") == 2, "the standby has the call", 30)
        with standby:
            said = [heard.text for heard in caller.log]
            stopped.process.send_signal(signal.SIGCONT)
            platform.until(lambda: stopped.process.poll() is not None, "it steps down", 30)
            assert stopped.process.returncode == 75
            assert "lease of the worker slot is over" in stopped.told()
            assert "this engine steps down" in stopped.told() or "[slot-held]" in stopped.told()
            assert [heard.text for heard in caller.log][: len(said)] == said
            assert platform.spoken(caller).count("Hello.") == 2
            assert not caller.cause
            caller.script = (*caller.script, Keys("1"), HangUp())
            caller.press("1")
            platform.until(lambda: caller.cause, "the end")
    assert uuid_of(caller)


PATIENT = """\
flow: menu
start: agent
languages: {default: en-US}
nodes:
  agent: {type: queue, queue: service, max_wait: 4s, to: {else: rest}}
  rest: {type: menu, say: "Nobody is here.", wait: 600s, keys: {1: over}, to: {else: over}}
  over: {type: end, outcome: over}
"""


def test_records_of_an_engine_that_was_stopped_do_not_arrive(platform: Platform) -> None:
    """Two machines with one database. When the stopped one goes on, a caller has waited for too long in its eyes."""
    platform.kill_engine()
    platform.settings()
    own, data, config = platform.folder / "own", platform.folder / "data", platform.folder / "cti.yaml"
    own.mkdir()
    (own / "menu.yaml").write_text(PATIENT)
    (own / "entry.yaml").write_text('entries: [{name: all, medium: voice, called: "10086", flow: menu}]')
    config.write_text(config.read_text().replace(str(FLOWS), str(own)))
    other = elsewhere(platform)
    other.write_text(f"{other.read_text()}store: {{url: 'sqlite:///{data}/cti.db', keys: '{data}/keys.json'}}\n")
    query = "select node, exit from node_visits where call_id = ? order by ordinal"
    platform.phone("1001", answer_after=None)
    with Engine(platform) as stopped:
        caller = platform.call("10086")
        platform.until(lambda: asked(data, "select 1 from call_snapshots"), "it is on record where the call stands")
        standby = Engine(platform, "--standby", config=other)
        stopped.process.send_signal(signal.SIGSTOP)
        platform.heard(caller, "Nobody is here.", 60)
        with standby:
            stopped.process.send_signal(signal.SIGCONT)
            platform.until(lambda: stopped.process.poll() is not None, "it steps down", 30)
            assert stopped.process.returncode == 75
            assert (data / "cti.db.rejected.jsonl").read_bytes(), "it had nothing to record"
            assert asked(data, "select epoch from call_snapshots where call_id = ?", uuid_of(caller)) == [(3,)]
            assert asked(data, "select count(*) from call_records") == [(0,)]
            platform.until(
                lambda: asked(data, query, uuid_of(caller)) == [("agent", "timeout"), ("rest", "")], "one way"
            )
            caller.press("1")
            platform.until(lambda: caller.cause, "the end")


def asked(data: Path, query: str, *values: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(data / "cti.db")) as database:
        return database.execute(query, values).fetchall()
