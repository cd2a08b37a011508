"""A store, a hub and a desk of webhooks on it, sending to a real server."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gevent

from cti.channels.webhook_http import HttpSender
from cti.core.access import EVERYTHING, SYSTEM, Deed, Grant, ResourceScope, Scope
from cti.core.people import User
from cti.core.webhook_urls import UrlRules
from cti.core.webhooks import Key, Patience, Webhook
from cti.runtime.floor.hub import Event, Hub
from cti.runtime.webhooks import line
from cti.runtime.webhooks.desk import WebhookDesk
from cti.store import SqlStore, WriterSettings, open_store
from cti.store.webhooks import Delivery
from tests.store.template import copy_database

DEED = Deed(SYSTEM, 1.0, "", "test")
SECRET = "whsec_" + "QUJD" * 8
SERVICE = ResourceScope.of(owner="u-anna", team="north", queue="service")


@dataclass
class Clock:
    """The machine's, moved on by ``ahead_s``."""

    ahead_s: float = 0.0

    def now(self) -> float:
        from time import time

        return time() + self.ahead_s

    def monotonic(self) -> float:
        from time import monotonic

        return monotonic() + self.ahead_s


@dataclass
class House:
    """``boots`` tells starts apart. `open` begins one, `crash` ends it without a word."""

    folder: Path
    patience: Patience = field(default_factory=lambda: Patience(first_s=0.02))
    timeout_s: float = 30.0
    clock: Clock = field(default_factory=Clock)
    boots: int = 0

    def __post_init__(self) -> None:
        copy_database(self.folder)
        self.store = self._open_store()
        for name, grant in (("super", "supervisor"), ("lead", "team_lead@team:north"), ("agent", "agent@team:north")):
            self.store.accounts.people.add_user(User(f"u-{name}", name, grants=(Grant.parse(grant),)), None, DEED)
        self._begin()

    def _open_store(self) -> SqlStore:
        quick = WriterSettings(gather_s=0.001, retry_first_s=0.01, retry_most_s=0.02)
        return open_store(f"sqlite:///{self.folder / 'cti.db'}", self.folder / "keys.json", settings=quick)

    def _begin(self) -> None:
        self.boots += 1
        self.hub = Hub(f"boot{self.boots}")
        self.desk = WebhookDesk(
            self.store.accounts.webhook_queue,
            HttpSender(UrlRules(loopback=True), timeout_s=self.timeout_s),
            self.clock,
            self.hub,
            self.store.record,
            self.store.flush,
            "cti/0",
            self.patience,
        )
        self.desk.start()

    def crash(self) -> None:
        """What was under way is not finished, what was not written is lost; the lease stays."""
        gevent.killall([greenlet for _, greenlet in self.desk._lines.values()])
        if self.desk._beat is not None:
            self.desk._beat.kill()
        self.store.close(10.0)

    def again(self) -> None:
        self.store = self._open_store()
        self._begin()

    def close(self) -> None:
        self.desk.stop()
        self.store.close(10.0)

    # ---- what a test does --------------------------------------------------------------------------------------------

    def add(self, url: str, name: str = "w", user: str = "u-super", **how: Any) -> Webhook:
        how = {"events": ("*",), "scopes": (EVERYTHING,), "keys": (Key("k1", SECRET),), **how}
        found = self.store.accounts.webhooks.add(Webhook(name, "", url, user, **how), DEED)
        self.desk.look()
        return found

    def publish(
        self, *contacts: str, type_: str = "contact.state_changed", scope: ResourceScope = SERVICE
    ) -> list[Event]:
        data = [{"contact": contact, "queue": "service"} for contact in contacts]
        return [self.hub.publish(type_, self.clock.now(), one, scope) for one in data]

    def deliveries(self, name: str = "w", **how: Any) -> list[Delivery]:
        """The oldest first."""
        assert self.store.flush(30.0)
        return self.store.accounts.webhooks.deliveries(name, limit=500, **how)[::-1]

    def until(self, true: Any, what: str, timeout_s: float = 60.0) -> Any:
        with gevent.Timeout(timeout_s, TimeoutError(what)):
            while not (found := true()):
                gevent.sleep(0.02)
        return found

    def states(self, name: str = "w") -> list[str]:
        return [one.state.value for one in self.deliveries(name)]

    def all_are(self, *states: str, name: str = "w") -> None:
        self.until(lambda: self.states(name) == list(states), f"{states}, not {self.states(name)}")


def scopes(*texts: str) -> tuple[Scope, ...]:
    return tuple(Scope.parse(text) for text in texts)


def hasty(monkeypatch: Any) -> None:
    """Lines look again at once."""
    monkeypatch.setattr(line, "POLL_S", 0.02)
    monkeypatch.setattr(line, "GATHER_S", 0.001)
