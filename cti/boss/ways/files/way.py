"""The way FILES: a greenlet looks for new files by and by, on a thread; questions are answered from what is loaded,
or go as files themselves (`sending`)."""

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
from cti.boss.ways.files.answers import Answers
from cti.boss.ways.files.feed import Feed
from cti.boss.ways.files.options import FilesBackend
from cti.boss.ways.files.sending import Sending
from cti.boss.ways.files.table import Table
from cti.boss.ways.files.transport import Transport, TransportError, beside, open_transport

log = logging.getLogger("cti.boss")


class FilesWay:
    """Implements `cti.boss.way.Way`."""

    def __init__(self, options: FilesBackend, around: Surroundings) -> None:
        self._options, self._name = options, around.name
        self._around = around
        self._transport = open_transport(options.url, options, around.folder, around.targets)
        self._home = Path(tempfile.mkdtemp(prefix="cti-files-"))
        self._feeds = {
            name: Feed(feed, self._transport, Table(self._home / f"{number}.db"))
            for number, (name, feed) in enumerate(options.feeds.items())
        }
        self._readers, self._loader = ThreadPool(around.at_once), ThreadPool(1)
        self._swept, self._away = Event(), ""
        self._watch = gevent.spawn(self._look) if self._feeds else None
        self._sending = self._open_sending()
        self.patient = options.send is not None

    def _open_sending(self) -> Sending | None:
        """By connections of its own: fetching may take its time."""
        options, around = self._options, self._around
        if options.send is None or around.outbox is None:
            return None
        out, answers = open_transport(options.url, options, around.folder, around.targets), None
        if options.answers is not None:
            there = beside(options.url, options.answers.folder)
            back = open_transport(there, options, around.folder, around.targets)
            answers = Answers(options.answers, back)
        return Sending(around.name, options, options.send, out, answers, around.outbox)

    def ask(self, question: Question) -> Mapping[str, Any]:
        name = question.target.feed
        if name is None:
            if self._sending is None:
                raise WayError("error", "no-store", sent=False)
            return self._sending.ask(question)
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
        """Are the folders there? By connections of its own: the others may be fetching."""
        options, urls = self._options, [self._options.url]
        if options.answers is not None and options.answers.folder:
            urls.append(beside(options.url, options.answers.folder))
        for url in urls:
            left_s = max(0.05, deadline - time.monotonic())
            within = {"deadline_s": left_s, "connect_s": min(left_s, options.connect_s)}
            around = self._around
            one = open_transport(url, options.model_copy(update=within), around.folder, around.targets)
            ended: Any = self._readers.spawn(_listed, one, ()).get()
            if ended is not None:
                reason = _reason(ended)
                raise WayError("timeout" if reason == "timeout" else "error", reason, sent=False)

    def facts(self) -> Mapping[str, int | float | str]:
        found: dict[str, int | float | str] = {"folder": self._away or "ok"} if self._feeds else {}
        if self._sending is not None:
            found |= self._sending.facts()
        for name, feed in self._feeds.items():
            found |= {f"{name}.rows": feed.rows, f"{name}.loaded": feed.loaded, f"{name}.problem": feed.problem}
        return found

    def close(self) -> None:
        if self._sending is not None:
            self._sending.close()
        if self._watch is not None:
            self._watch.kill()
        self._transport.cut()  # what is being fetched ends now
        self._loader.spawn(self._transport.close)
        for pool in (self._loader, self._readers):
            pool.join()
            pool.kill()
        shutil.rmtree(self._home, ignore_errors=True)

    def _look(self) -> None:
        problems: list[str] = []
        while True:
            ended: Any = self._loader.spawn(_swept, self._transport, tuple(self._feeds.values())).get()
            reason = _reason(ended)
            if reason != "backing-off":  # it is as it was
                self._away = reason
            now = (
                [self._away]
                if self._away
                else [f"{n}: {feed.problem}" for n, feed in self._feeds.items() if feed.problem]
            )
            for told in now:
                if told not in problems:
                    log.error("%s: %s", self._name, told)
            problems = now
            self._swept.set()
            gevent.sleep(self._options.every_s)


# Returned, not raised: gevent prints what a pool thread raises.


def _swept(transport: Transport, feeds: tuple[Feed, ...]) -> Exception | None:
    try:
        entries = transport.list()
        for feed in feeds:
            feed.sweep(entries)
    except Exception as error:  # noqa: BLE001 - told by its class in the log and the facts; the next look tries again
        return error
    return None


def _listed(transport: Transport, feeds: tuple[Feed, ...]) -> Exception | None:
    try:
        return _swept(transport, feeds)
    finally:
        transport.close()


def _reason(ended: Exception | None) -> str:
    """Empty: none."""
    return "" if ended is None else ended.reason if isinstance(ended, TransportError) else "table"


def _found(table: Table, key: str) -> Any:
    try:
        return table.find(key)
    except Exception as error:  # noqa: BLE001 - told by its class
        return error
