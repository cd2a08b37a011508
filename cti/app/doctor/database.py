"""The database: reachable, migrated, writable, and does it keep what it confirms?"""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from cti.app.offline import open_records
from cti.app.parts import store_place
from cti.core.errors import CtiError
from cti.store.database import file_of, make_engine, parse_url, unavailable
from cti.store.migrate import revision_of
from cti.store.schema import HEAD
from cti.switch.conf.verdict import Finding, bad, good, warn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection
    from sqlalchemy.engine import URL

    from cti.config import Settings

#: Seconds by which two clocks may differ.
SKEW_S = 2.0
#: File systems that forget, or lock in ways of their own.
UNSAFE = frozenset({"tmpfs", "ramfs", "nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs"})
_DURABLE = ("fsync", "full_page_writes", "synchronous_commit")


def database(settings: Settings) -> Iterator[Finding]:
    url, keys = store_place(settings)
    parsed = parse_url(url)
    file = file_of(parsed)
    subject = str(file or parsed.render_as_string(hide_password=True))
    if file is not None and not file.exists():
        yield warn("database-missing", subject, "there is none yet", "the first start of the engine makes it")
        return
    engine = make_engine(parsed, busy_s=1.0, read_only=True)
    try:
        with engine.connect() as connection:
            revision = revision_of(connection)
            if revision is None:
                yield warn("database-missing", subject, "it is empty", "the first start of the engine fills it")
                return
            yield _schema(subject, revision)
            if file is None:
                yield from _server(subject, connection)
    except (SQLAlchemyError, OSError) as error:
        yield _unusable(subject, unavailable(error, parsed))
        return
    finally:
        engine.dispose()
    if file is not None:
        yield from _file(subject, file, parsed)
    if not keys.exists():
        yield bad("keys-missing", str(keys), "there is a database and no key ring", "put it back from a backup")
    elif revision == HEAD:
        yield _opened(settings, subject)


def _schema(subject: str, revision: str) -> Finding:
    if revision == HEAD:
        return good("database", subject, f"schema {revision}")
    if revision < HEAD:
        message = f"schema {revision}, this program's is {HEAD}"
        return warn("database-schema", subject, message, "back it up; the engine's next start upgrades it")
    remedy = "use the program that made it, or newer"
    return bad("database-schema", subject, f"schema {revision} is newer than this program ({HEAD})", remedy)


def _server(subject: str, connection: Connection) -> Iterator[Finding]:
    def ask(question: str) -> str:
        return str(connection.execute(text(question)).scalar())

    if ask("select pg_is_in_recovery()") == "True" or ask("show default_transaction_read_only") == "on":
        yield bad("database-read-only", subject, "this server takes no writing", "name the primary")
    off = [name for name in _DURABLE if ask(f"show {name}") == "off"]
    if off:
        remedy = f"{', '.join(f'{name} = on' for name in off)} in postgresql.conf"
        yield bad("database-not-durable", subject, f"off: {', '.join(off)}", remedy)
    else:
        yield good("database-durable", subject, "what is confirmed is on disk")
    before = time.time()
    there = float(ask("select extract(epoch from clock_timestamp())"))
    yield skew(subject, there, before, time.time())


def skew(subject: str, there: float, before: float, after: float) -> Finding:
    """``there``: the other clock, read between two looks at ours. Seconds since the epoch."""
    wrong = max(before - there, there - after, 0.0)
    if wrong > SKEW_S:
        message = f"its clock is {wrong:.1f} s from this machine's"
        return warn("clock-skew", subject, message, "synchronise both machines by NTP")
    return good("clock-same", subject, "the same clock as here")


def _file(subject: str, file: Path, url: URL) -> Iterator[Finding]:
    connection = sqlite3.connect(f"file:{file}?mode=rw", uri=True, timeout=2.0, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except sqlite3.Error as error:
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
            remedy = "give the engine's user the file and its folder, and mount the disk for writing"
            yield bad("database-read-only", subject, str(error), remedy)
        else:
            yield _unusable(subject, unavailable(error, url))
        return
    finally:
        connection.close()
    system = _file_system(file)
    if system in UNSAFE:
        yield bad("database-not-durable", subject, f"it is on {system}", "put `data` on a local disk")
    else:
        yield good("database-durable", subject, f"writable, on {system or 'a local disk'}, synced at every commit")


def _file_system(file: Path) -> str:
    """Of the mount with the longest path that holds the file; empty where the system does not tell."""
    try:
        lines = Path("/proc/mounts").read_text().splitlines()
    except OSError:
        return ""
    place = file.resolve()
    mounts = [(fields[1].replace("\\040", " "), fields[2]) for fields in map(str.split, lines)]
    holding = [(len(path), kind) for path, kind in mounts if place.is_relative_to(path)]
    return max(holding, default=(0, ""))[1]


def _opened(settings: Settings, subject: str) -> Finding:
    """Do the keys belong to it?"""
    try:
        with open_records(settings) as store:
            store.list_calls(limit=1)
    except CtiError as error:
        return _unusable(subject, error)
    return good("database-keys", subject, "the key ring opens it")


def _unusable(subject: str, error: CtiError) -> Finding:
    return bad("database-unusable", subject, error.message, error.remedy or "see the log of the database")
