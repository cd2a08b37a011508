"""Runs the sources of orders: each on a greenlet of its own, so that one that hangs keeps no other. Counts orders."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gevent

from cti.boss.orders.files import FileSource
from cti.boss.orders.listener import Listener
from cti.boss.orders.options import OrderPlan
from cti.boss.orders.reading import Reader, SourceFacts
from cti.boss.orders.table import TableSource
from cti.core.errors import ConfigError, CtiError
from cti.core.orders import Order, OrderAnswer
from cti.ports import OrderTaker, RequestFiles

log = logging.getLogger("cti.boss")

#: Between two looks whether it is this engine that looks.
OWNED_S = 1.0


class OrderRunner:
    """``owned``: is it this engine that looks into files and tables? Connections are taken by every engine."""

    def __init__(
        self,
        plans: Mapping[str, OrderPlan],
        taker: OrderTaker,
        files: RequestFiles,
        now: Callable[[], float],
        folder: Path,
    ) -> None:
        self._plans, self._taker = dict(plans), taker
        self._now = now
        self.owned: Callable[[], bool] = lambda: True
        self.listeners: dict[str, Listener] = {}
        self._sources: dict[str, FileSource | TableSource] = {}
        self._seen = {name: SourceFacts() for name in plans}
        self._by_http: defaultdict[str, SourceFacts] = defaultdict(SourceFacts)
        self._greenlets: list[gevent.Greenlet[..., None]] = []
        for name, plan in self._plans.items():
            options, facts = plan.options, self._seen[name]
            reader = Reader(name, options, taker, facts)
            if options.files is not None:
                self._sources[name] = FileSource(name, options.files, reader, facts, files, now, folder, plan.targets)
            elif options.table is not None:
                self._sources[name] = TableSource(name, options.table, reader, facts, now, folder, plan.targets)
            elif options.socket is not None:
                self.listeners[name] = Listener(name, options.socket, reader, facts, now, folder)

    def start(self) -> None:
        """Raises ConfigError (address-in-use): nothing has been started then."""
        started: list[Listener] = []
        try:
            for listener in self.listeners.values():
                listener.start()
                started.append(listener)
        except ConfigError:
            for listener in started:
                listener.close()
            raise
        self._greenlets = [gevent.spawn(self._run, source) for source in self._sources.values()]

    def look(self, name: str) -> None:
        """Now. Raises KeyError, StoreUnavailable."""
        self._sources[name].look()

    def take(self, order: Order) -> OrderAnswer:
        """What comes by HTTP. Raises StoreUnavailable: it is to come again."""
        answer = self._taker.take(order)
        self._by_http[order.source].count(answer)
        return answer

    def counts(self) -> dict[str, SourceFacts]:
        """By source, of those that have placed orders by HTTP, too."""
        return {**self._seen, **self._by_http}

    def facts(self) -> list[dict[str, Any]]:
        """Of each source, for operators; no data."""
        return [
            {
                "name": name,
                "way": next(way for way in ("files", "table", "socket") if getattr(plan.options, way) is not None),
                "kinds": [kind.value for kind in plan.options.kinds],
                "accepted": self._seen[name].accepted,
                "rejected": dict(self._seen[name].codes),
                "problem": self._seen[name].problem,
                "last_look": self._seen[name].last_look or None,
            }
            for name, plan in sorted(self._plans.items())
        ]

    def close(self) -> None:
        gevent.killall(self._greenlets)
        for listener in self.listeners.values():
            listener.close()
        for source in self._sources.values():
            source.close()

    def _run(self, source: FileSource | TableSource) -> None:
        while True:
            owned = self.owned()
            if owned:
                try:
                    source.look()
                except CtiError as error:
                    log.warning("orders wait: %s", error)
                except Exception:
                    log.exception("a bug in a source of orders; it is looked at again")
            gevent.sleep(source.every_s if owned else OWNED_S)
