"""The database is locked or cannot be written during calls: the calls go on, and their records come afterwards."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from cti.switch.embedded import Hear, Keys

from .platform import Platform, path, summary, uuid_of


def database(platform: Platform) -> Path:
    return platform.folder / "data" / "cti.db"


def test_a_locked_database(platform: Platform) -> None:
    lock = sqlite3.connect(database(platform), isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    caller = platform.call("menu", Hear("Main"), Keys("1"))
    platform.until(lambda: caller.cause, "the call is served")
    assert platform.spoken(caller) == ["Hello.", "Main menu."]
    platform.until(lambda: not platform.application.engine._actors, "and over for the engine")
    assert platform.application.store.health().queued
    lock.execute("ROLLBACK")
    lock.close()
    detail = platform.recorded(uuid_of(caller), 15)
    assert (*summary(detail), path(detail)) == ("flow_end", "one", (), [("hi", "next"), ("main", "1"), ("one", "end")])


def test_a_call_is_adopted_although_the_database_is_locked(platform: Platform) -> None:
    caller = platform.call("menu", Hear("Main"))
    platform.heard(caller, "Main")
    platform.kill_engine()
    lock = sqlite3.connect(database(platform), isolation_level=None)
    platform.restart_engine(lambda: lock.execute("BEGIN EXCLUSIVE"))
    platform.until(lambda: platform.spoken(caller).count("Hello.") == 2, "adopted: nobody waits for a database", 4)
    lock.execute("ROLLBACK")
    lock.close()
    assert platform.over(caller, 20).call.terminal_cause == "flow_end"


def test_a_database_that_cannot_be_written(platform: Platform) -> None:
    """Its file is moved away, as a full disk or a clumsy backup would."""
    file = database(platform)
    away = file.with_suffix(".away")
    os.rename(file, away)
    caller = platform.call("menu", Hear("Main"), Keys("1"))
    platform.until(lambda: caller.cause, "the call is served")
    platform.until(lambda: not platform.application.store.health().healthy, "the trouble is seen")
    os.rename(away, file)
    detail = platform.recorded(uuid_of(caller), 15)
    assert summary(detail) == ("flow_end", "one", ())


#: Some ten milliseconds for each node that a caller has been through.
SLOW = """
CREATE VIEW slow AS
  WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 100000) SELECT count(*) AS n FROM c;
CREATE TRIGGER slow_insert AFTER INSERT ON node_visits BEGIN SELECT n FROM slow; END;
"""


def test_a_database_that_answers_and_cannot_keep_up_takes_no_new_callers(platform: Platform) -> None:
    overload, store = platform.application.overload, platform.application.store
    overload.bounds = replace(overload.bounds, records=60)
    with closing(sqlite3.connect(database(platform))) as other:
        other.executescript(SLOW)
    callers = [platform.call("menu", Hear("Main"), Keys("1")) for _ in range(20)]
    platform.until(lambda: overload.reason("fs") == "records", "its records are late")
    assert store.health().healthy
    refused = platform.call("menu")
    platform.until(lambda: refused.cause, "one more is refused")
    assert platform.spoken(refused) == ["All lines are busy."]
    platform.until(lambda: all(caller.cause for caller in callers), "those inside are served")
    assert [platform.spoken(caller) for caller in callers] == [["Hello.", "Main menu."]] * 20
    platform.until(lambda: overload.reason("fs") is None, "what they left behind is written")
    detail = platform.recorded(uuid_of(refused), 15)
    assert (detail.call.terminal_cause, detail.call.flow, detail.call.entry) == ("rejected", "busy", "overload_records")
    assert summary(platform.over(platform.call("menu"))) == ("flow_end", "quiet", ())
