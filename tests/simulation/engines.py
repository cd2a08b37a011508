"""The engine of a run, and those after it: killed as by kill -9, and started again on what it left."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gevent

import cti.app.application as application_module
import cti.store.accounts as accounts_module
import cti.store.cluster as cluster_module
import cti.store.flow_versions as versions_module
import cti.store.store as store_module
import cti.switch.links.link as link_module
from cti.app import Application
from cti.config import load_settings
from cti.switch.holding import Holder

from .database import Database
from .network import Network

log = logging.getLogger(__name__)

ROUNDS = 1000


class _NoApi:
    """In the place of the API's server: there is no socket."""

    server_port = 0

    def stop(self, timeout: float = 0) -> None:
        """There is nothing to stop."""


class Engines:
    """One after the other in one worker slot. ``application`` is the one that runs, or that was killed last."""

    def __init__(self, folder: Path, database: Database, network: Network, direct: Mapping[str, str]) -> None:
        self.database, self.network = database, network
        self._file, self._direct = folder / "cti.yaml", dict(direct)
        self.kills = self.hand_overs = 0
        self._names: list[str] = []
        self._number = 1
        vars(link_module)["open_transport"] = network.connect
        vars(application_module)["start_api"] = lambda *_: _NoApi()
        for module in (store_module, accounts_module, cluster_module, versions_module):
            vars(module)["make_engine"] = database.engine
        self.application = self._inside(self._make)

    def start(self) -> None:
        self._inside(self.application.start)

    @property
    def up(self) -> bool:
        return bool(self.network.up) and all(one.up for one in self.application.switches_by_name.values())

    def kill(self) -> None:
        """As SIGKILL: nothing of it is executed any more, what it had in memory is gone, its connections are cut."""
        self.kills += 1
        self.network.kill()
        self.database.kill()
        for _ in range(ROUNDS):  # who is killed may let go of somebody else first
            mine = self._greenlets()
            if not mine:
                return
            gevent.killall(mine, block=False)
            gevent.sleep(0)
        raise AssertionError(f"still runs after its death: {self._greenlets()}")

    def again(self) -> None:
        """The next process: the same data folder, another run."""
        self._number += 1
        self.application = self._inside(self._make)
        self.start()

    def hand_over(self) -> None:
        """A rolling upgrade: the old one leaves everything as it is, and ends; the next one begins at once."""
        self.hand_overs += 1
        self._inside(self._leave)
        self.again()

    def ask(self, work: Callable[..., Any], *arguments: Any) -> gevent.Greenlet[..., Any]:
        """As a request of the API: on a greenlet of the engine's, which dies with it."""

        def begin() -> Any:
            current: Any = gevent.getcurrent()
            current.spawn_tree_locals = {"engine": self._number}
            return work(*arguments)

        return gevent.spawn(begin)

    def _leave(self) -> None:
        self.application.hand_over()
        self.application.run_until_signal()

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _make(self) -> Application:
        name = f"simulated-0.host.1.{self._number:08}"
        holder = Holder(name, frozenset(self._names))
        self._names.append(name)
        return Application(load_settings(self._file), direct=self._direct, announce=log.debug, holder=holder)

    def _inside(self, work: Callable[[], Any]) -> Any:
        """Whatever comes of ``work`` is known by the greenlet that it came from."""

        return self.ask(work).get()

    def _greenlets(self) -> list[gevent.Greenlet[..., Any]]:
        number = self._number
        return [
            one
            for one in gc.get_objects()
            if isinstance(one, gevent.Greenlet) and not one.dead and _own(one).get("engine") == number
        ]


def _own(greenlet: Any) -> dict[str, Any]:
    """What a greenlet has in common with all that came of it."""
    found: dict[str, Any] = greenlet.spawn_tree_locals
    return found
