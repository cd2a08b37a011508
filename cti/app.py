"""The composition root: the one place that names concrete adapters and joins them."""

from __future__ import annotations

import logging
import signal
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import gevent
from gevent.event import Event as Flag
from gevent.pywsgi import WSGIServer

from cti.api.app import create_app
from cti.boss import SqlLookups, load_lookups
from cti.boss.demo import ensure_demo_database
from cti.channels.log import LogChannel
from cti.core.errors import SwitchUnavailable
from cti.flow import Catalog
from cti.prompts import TextPrompts, WavPrompts
from cti.runtime.admission import Admission, Limits
from cti.runtime.engine import Engine
from cti.runtime.journal import Journal
from cti.runtime.library import load_folder
from cti.runtime.queues import MemoryQueues, QueueSettings
from cti.runtime.services import Lookups, Messages, PromptDesk, Services
from cti.store import open_store
from cti.switch.dialing import Dialing
from cti.switch.driver import SUBSCRIBED, FreeSwitch
from cti.switch.guard import Guard
from cti.switch.links import SwitchLinks
from cti.switch.liveness import Liveness
from cti.switch.sandbox import SwitchSandbox

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cti.config import Settings, SwitchSettings
    from cti.ports import Store
    from cti.runtime.engine import Figures

log = logging.getLogger("cti.app")


class SystemClock:
    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


class Application:
    """An engine with its switches, store and API. ``start`` returns when it serves; `stop` ends it in order."""

    def __init__(self, settings: Settings, *, direct: Mapping[str, str] | None = None) -> None:
        """``direct``: called number -> flow, before the entry table is asked (the telephone in the terminal)."""
        self.settings = settings
        self._direct = dict(direct or {})
        self._asked = Flag()
        self._clock = SystemClock()
        settings.data.mkdir(parents=True, exist_ok=True)
        self.store = _store(settings, self._clock)
        self.engine = self._engine()
        self._links = {s.name: self._link(s) for s in settings.switches}
        self._beats: list[gevent.Greenlet[[], None]] = []
        self._api: WSGIServer | None = None

    # ---- life --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        for links, life in self._links.values():
            links.start()
            self._beats.append(gevent.spawn(life.run))
        api = self.settings.api
        sandbox = SwitchSandbox(next(iter(self._links.values()))[0])
        self._api = WSGIServer((api.host, api.port), create_app(self.store, self, sandbox), log=None)
        self._api.start()
        log.info("API on http://%s:%d", api.host, self.api_port)

    @property
    def api_port(self) -> int:
        assert self._api is not None
        return int(self._api.server_port)

    def run_until_signal(self) -> int:
        for number in (signal.SIGTERM, signal.SIGINT):
            gevent.signal_handler(number, self._asked.set)
        self._asked.wait()
        self.stop()
        return 0

    def ask_to_stop(self) -> None:
        """As a signal would."""
        self._asked.set()

    def wait_until_up(self, timeout_s: float) -> None:
        """Until the links to all switches are up. Raises SwitchUnavailable at the deadline."""
        for name, (links, life) in self._links.items():
            if not links.wait_up(timeout_s):
                raise SwitchUnavailable(f"switch {name} is not up after {timeout_s:g} s: {links.state}")
            life.beat()

    def stop(self) -> None:
        """No new calls; wait for those that are up; what is left stays parked for the next engine or the guard."""
        for _, life in self._links.values():
            life.close()
        left = self.engine.drain(self.settings.worker.drain_s)
        if left:
            log.warning("%d calls are left parked on the switch", left)
        gevent.killall(self._beats)
        if self._api is not None:
            self._api.stop(timeout=1)
        for links, _ in self._links.values():
            links.stop()
        self.store.close(10.0)

    # ---- what the API asks (Vitals) ------------------------------------------------------------------------------

    def figures(self) -> Figures:
        return self.engine.figures()

    def switches(self) -> dict[str, str]:
        return {name: links.state for name, (links, _) in self._links.items()}

    # ---- parts -----------------------------------------------------------------------------------------------------

    def _engine(self) -> Engine:
        settings = self.settings
        boss = _lookups(settings)
        queues = {name: QueueSettings(name, queue.agents, queue.limit) for name, queue in settings.queues.items()}
        catalog = Catalog(lookups=boss.signatures(), queues=sorted(queues))
        library = load_folder(settings.flows, catalog, direct=self._direct)
        for issue in library.issues:
            log.warning("%s", issue)
        recordings = settings.data / "recordings"
        recordings.mkdir(exist_ok=True)
        services = Services(
            clock=self._clock,
            zone=ZoneInfo(settings.timezone),
            journal=Journal(self.store, self._clock),
            prompts=PromptDesk(_prompts(settings, library)),
            lookups=Lookups(boss),
            queues=MemoryQueues(queues, self._clock),
            messages=Messages({"sms": LogChannel("sms"), "chat": LogChannel("chat")}),
            recordings=recordings,
        )
        limits = settings.limits
        admission = Admission(Limits(limits.calls, limits.per_caller, limits.per_second), self._clock)
        return Engine(library, services, admission)

    def _link(self, switch: SwitchSettings) -> tuple[SwitchLinks, Liveness]:
        settings = self.settings
        links = SwitchLinks(
            switch.name,
            switch.host,
            switch.port,
            switch.secret(),
            worker=f"w{settings.worker.slot}",
            events=SUBSCRIBED,
        )
        guard = Guard(links, after_s=settings.worker.guard_s)
        dialing = Dialing(
            switch.domain, settings.dialing.trunks, settings.dialing.allowed, settings.dialing.caller_number or ""
        )
        driver = FreeSwitch(switch.name, links, self.engine, dialing, guard)
        links.listen(driver)
        self.engine.add_switch(driver)
        return links, Liveness(links, settings.worker.slot, guard)


def _store(settings: Settings, clock: SystemClock) -> Store:
    url = settings.store.url or f"sqlite:///{settings.data / 'cti.db'}"
    return open_store(url, settings.store.keys or settings.data / "keys.json", clock=clock.now)
