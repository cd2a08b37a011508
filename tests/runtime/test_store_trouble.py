"""The database is locked or cannot be written during calls: the calls go on, and their records come afterwards."""

from __future__ import annotations

import os
import sqlite3
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
