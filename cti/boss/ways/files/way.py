"""The way FILES: a greenlet looks for new files by and by, on a thread; questions are answered from what is loaded."""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gevent
from gevent.event import Event
from gevent.threadpool import ThreadPool

from cti.boss.way import OUTCOME, Question, Surroundings, WayError
from cti.boss.ways.files.feed import Feed
from cti.boss.ways.files.options import FilesBackend
from cti.boss.ways.files.table import Table

log = logging.getLogger("cti.boss")


class FilesWay:
    """Implements `cti.boss.way.Way`."""

    def __init__(self, options: FilesBackend, around: Surroundings) -> None:
        self._options, self._name = options, around.name
        self._folder = options.folder(around.folder)
        self._home = Path(tempfile.mkdtemp(prefix="cti-files-"))
        self._feeds = {
            name: Feed(feed, self._folder, Table(self._home / f"{number}.db"))
            for number, (name, feed) in enumerate(options.feeds.items())
        }
        self._readers, self._loader = ThreadPool(around.at_once), ThreadPool(1)
        self._swept, self._away = Event(), ""
        self._watch = gevent.spawn(self._look)

    def ask(self, question: Question) -> Mapping[str, Any]:
        name = question.target.feed
        feed = self._feeds[name]
        if not self._swept.wait(max(0.0, question.deadline - time.monotonic())):
            raise WayError("timeout", "loading", sent=False)
        key = question.fields.get(self._options.feeds[name].key)
        ended: Any = self._readers.spawn(_found, feed.table, "" if key is None else str(key)).get()
        if isinstance(ended, Exception):
            log.error("%s: the table of %s cannot be read: %s", self._name, name, type(ended).__name__)
            raise WayError("error", "table", sent=False)
        if ended is None:
            raise WayError("error", self._away or feed.problem or "no-file", sent=False)
        as_of, record = ended
        if record is None:
            return {OUTCOME: "not_found"}
        return {"as_of": datetime.fromtimestamp(as_of, UTC), **record}

    def probe(self, deadline: float) -> None:
        """Is the folder there?"""
        if not self._folder.is_dir():
            raise WayError("error", "unreachable", sent=False)

    def facts(self) -> Mapping[str, int | float | str]:
        found: dict[str, int | float | str] = {"folder": self._away or "ok"}
        for name, feed in self._feeds.items():
            found |= {f"{name}.rows": feed.rows, f"{name}.loaded": feed.loaded, f"{name}.problem": feed.problem}
        return found

    def close(self) -> None:
        self._watch.kill()
        for pool in (self._loader, self._readers):
            pool.join()
            pool.kill()
        shutil.rmtree(self._home, ignore_errors=True)

    def _look(self) -> None:
        while True:
            for name, feed in self._feeds.items():
                before = (self._away, feed.problem)
                ended: Any = self._loader.spawn(_swept, feed).get()
                self._away = "" if ended is None else "unreachable" if isinstance(ended, OSError) else "table"
                now = (self._away, feed.problem)
                if now != before and any(now):
                    log.error("%s: %s: %s", self._name, name, self._away or feed.problem)
            self._swept.set()
            gevent.sleep(self._options.every_s)


# Returned, not raised: gevent prints what a pool thread raises.


def _swept(feed: Feed) -> Exception | None:
    try:
        feed.sweep()
    except Exception as error:  # noqa: BLE001 - told by its class in the log and the facts; the next look tries again
        return error
    return None


def _found(table: Table, key: str) -> Any:
    try:
        return table.find(key)
    except Exception as error:  # noqa: BLE001 - told by its class
        return error
