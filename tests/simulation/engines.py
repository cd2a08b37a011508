"""The engine of a run, and those after it: killed as by kill -9, and started again on what it left."""

from __future__ import annotations

import gc
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gevent

import cti.app.application as application_module
import cti.app.ground as ground_module
import cti.store.accounts as accounts_module
import cti.store.cluster as cluster_module
import cti.store.flow_versions as versions_module
import cti.store.store as store_module
import cti.switch.links.link as link_module
from cti.app import Application
from cti.app.slots import who_holds
from cti.config import load_settings
from cti.store import WriterSettings, open_store
from cti.switch.holding import Holder

from .database import Database
from .network import Network
from .virtual_time import VirtualTime, engine_of

log = logging.getLogger(__name__)

ROUNDS = 1000
#: So often an engine that waits for the slot looks whether somebody lives there.
WAITS_S = 0.5
#: So long the first record of a group waits for others, in all engines of a run: as shipped, and longer, so that
#: more is not on disk yet when an engine dies.
GATHERS_S = (0.02, 0.05, 0.1)


class _NoApi:
    """In the place of the API's server: there is no socket."""

    server_port = 0

    def stop(self, timeout: float = 0) -> None:
        """There is nothing to stop."""


@dataclass(frozen=True)
class Stopped:
    """An engine that was stopped. ``end``: ready when it has ended of itself."""

    number: int
    end: gevent.Greenlet[..., Any]


class Engines:
    """One after the other in one worker slot. ``application`` is the one that runs, or that was killed last. ``met``:
    with which settings."""

    def __init__(
        self, folder: Path, database: Database, network: Network, direct: Mapping[str, str], time: VirtualTime
    ) -> None:
        self.database, self.network, self._time = database, network, time
        self._file, self._direct = folder / "cti.yaml", dict(direct)
        self.kills = self.hand_overs = 0
        self.channels: dict[str, Any] = {}  # for texts
        self._names: list[str] = []
        self._number = self._present = 1  # the newest, and the one whose ``application`` this is
        gather_s = time.chance.choice(GATHERS_S)
        self.met = Counter({f"store gathers for {gather_s:g} s": 1})
        vars(ground_module)["open_store"] = partial(open_store, settings=WriterSettings(gather_s=gather_s))
        vars(link_module)["open_transport"] = network.connect
        vars(application_module)["start_api"] = lambda *_: _NoApi()
        vars(application_module)["set_aside"] = lambda: None  # greenlets of an engine are found by the collector
        for module in (store_module, accounts_module, cluster_module, versions_module):
            vars(module)["make_engine"] = database.engine
        self.application = self._inside(self._make)

    def start(self) -> None:
        self._inside(self.application.start)

    @property
    def up(self) -> bool:
        reads = self._present not in self._time.stopped
        return reads and bool(self.network.up) and all(one.up for one in self.application.switches_by_name.values())

    def kill(self) -> None:
        """As SIGKILL: nothing of it is executed any more, what it had in memory is gone, its connections are cut."""
        self.kills += 1
        self.database.kill()
        self._end(self._number)

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

    def stop(self) -> Stopped:
        """As SIGSTOP: nothing of it runs, and nobody is told; what it has said already arrives."""
        stopped = Stopped(self._number, self.ask(self.application.run_until_signal))
        gevent.sleep(0)
        self._time.stopped.add(stopped.number)
        return stopped

    def go_on(self, stopped: Stopped) -> None:
        """As SIGCONT: it knows nothing of the time between. Either what came or what was due is looked at first."""
        for look in self._time.chance.sample((self._time.go_on, self.network.go_on), 2):
            self._time.stopped.discard(stopped.number)
            look(stopped.number)

    def take_over(self) -> None:
        """Another engine, on a machine of its own, waits until nobody lives in the slot, and takes it."""
        self._number += 1
        gone = self._names[-1]
        self.application = self._inside(lambda: self._make(of_another=gone))
        self.start()
        self.application.wait_until_up(60.0)

    def end_of(self, stopped: Stopped, within_s: float) -> bool:
        """Does it end of itself? Its process is gone afterwards in any case."""
        stopped.end.join(within_s)
        ended = stopped.end.successful()
        self._end(stopped.number)
        return ended

    def stays(self, stopped: Stopped) -> None:
        """It goes on, as nobody has taken it over."""
        stopped.end.kill()

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

    def _make(self, of_another: str = "") -> Application:
        """``of_another``: the name of an engine of which nobody knows whether it is over."""
        name, settings = f"simulated-0.host.1.{self._number:08}", load_settings(self._file)
        made: list[Application] = []
        holder = Holder(name, frozenset(self._names) - {of_another}, lambda by: [one.step_down(by) for one in made])
        self._names.append(name)
        while of_another and who_holds(settings, holder):
            gevent.sleep(WAITS_S)
        made.append(
            Application(settings, direct=self._direct, channels=self.channels, announce=log.debug, holder=holder)
        )
        self._present = engine_of(gevent.getcurrent())
        return made[0]

    def _end(self, number: int) -> None:
        """Its process is gone: nothing of it is executed any more, its connections are closed."""
        self.network.kill(number)
        for _ in range(ROUNDS):  # who is killed may let go of somebody else first
            its = self._greenlets(number)
            if not its:
                return
            gevent.killall(its, block=False)
            gevent.sleep(0)
        raise AssertionError(f"still runs after its death: {self._greenlets(number)}")

    def _inside(self, work: Callable[[], Any]) -> Any:
        """Whatever comes of ``work`` is known by the greenlet that it came from."""

        return self.ask(work).get()

    def _greenlets(self, number: int) -> list[gevent.Greenlet[..., Any]]:
        return [
            one
            for one in gc.get_objects()
            if isinstance(one, gevent.Greenlet) and not one.dead and engine_of(one) == number
        ]
