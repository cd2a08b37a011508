"""The composition root: the one place that names concrete adapters and joins them."""

from __future__ import annotations

import logging
import signal
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import gevent
from gevent.event import Event as Flag

from cti.api.app import create_app
from cti.api.flows import Flows
from cti.api.server import make_server
from cti.boss import (
    DEMO_LOOKUPS,
    Definitions,
    SqlLookups,
    SqlRequests,
    ensure_demo_database,
    load_definitions,
)
from cti.channels.conversations import Conversations
from cti.channels.fax_pages import TextPages
from cti.channels.log import LogChannel
from cti.channels.outbox import OutboxChannel
from cti.channels.timer_runs import TimerRuns
from cti.core.errors import ConfigError, SwitchUnavailable
from cti.flow.notices import load_notices
from cti.prompts import Renderer, TextPrompts, WavPrompts
from cti.runtime.admission import Admission, Limits
from cti.runtime.callbacks import NoCallbacks
from cti.runtime.engine import Engine
from cti.runtime.journal import Journal
from cti.runtime.library import FlowsRefused, load_folder
from cti.runtime.notices import FileNotices
from cti.runtime.queues import MemoryQueues, QueueSettings
from cti.runtime.reload_job import PromptJob
from cti.runtime.reloading import Reloader, ReloadSetup
from cti.runtime.request_spool import FileSpool
from cti.runtime.requests import RequestDesk
from cti.runtime.services import Lookups, Messages, PromptDesk, Services
from cti.runtime.timers import Timers
from cti.runtime.waiting import wait_until
from cti.store import open_store
from cti.store.flow_versions import open_flow_versions
from cti.store.keyring import load_ring
from cti.switch.dialing import Dialing
from cti.switch.driver import SUBSCRIBED, FreeSwitch
from cti.switch.links import LinkSettings
from cti.switch.sandbox import SwitchSandbox

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gevent.pywsgi import WSGIServer

    from cti.config import Settings, SwitchSettings
    from cti.core.issue import Issue
    from cti.flow import Catalog
    from cti.ports import Clock, MessageChannel, Recogniser, Store
    from cti.runtime.engine import Figures
    from cti.runtime.library import FlowLibrary
    from cti.store.flow_versions import FlowVersions

log = logging.getLogger("cti.app")


class SystemClock:
    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


class ShiftedClock(SystemClock):
    """A wall clock that shows ``begins`` (seconds since 1970) now, and goes on from there."""

    def __init__(self, begins: float) -> None:
        self._ahead_s = begins - time.time()

    def now(self) -> float:
        return time.time() + self._ahead_s


class Application:
    """An engine with its switches, store and API. ``start`` returns when it serves; `stop` ends it in order."""

    def __init__(
        self,
        settings: Settings,
        *,
        direct: Mapping[str, str] | None = None,
        clock: Clock | None = None,
        channels: Mapping[str, MessageChannel] | None = None,
        recogniser: Recogniser | None = None,
    ) -> None:
        """``direct``: called number -> flow, before the entry table is asked (the telephone in the terminal).
        ``clock``: the machine's unless said. ``channels``: message channels in the place of configured ones.
        ``recogniser``: who understands speech; without it callers can only press keys."""
        self.settings = settings
        self._channels, self._recogniser = dict(channels or {}), recogniser
        self._direct = dict(direct or {})
        self._asked = Flag()
        self._clock: Clock = clock or SystemClock()
        _make_folder(settings.data)
        definitions, boss_url = _boss(settings)
        self._boss = SqlLookups(definitions.lookups, boss_url)
        self._writes = SqlRequests(definitions.requests, boss_url)
        url, keys = _store_place(settings)
        store = open_store(url, keys, clock=self._clock.now)
        self.store: Store = store
        self._requests = RequestDesk(self._writes, self._clock, _spool(settings.data / "requests", keys))
        speech = recogniser is not None
        catalog = replace(definitions.catalog(), queues=frozenset(settings.queues), speech=speech)
        self.library = load_folder(settings.flows, catalog, direct=self._direct)
        self.engine, self._prompts = self._engine(self.library)
        self.reloader = Reloader(self.library, store.flows, self._clock, _reload_setup(settings, catalog))
        self._flows = Flows(self.library, self.reloader, store.flows)
        self.conversations = Conversations(self.engine)
        self.engine.add_switch(self.conversations)
        self.timers = self._timers()
        self.switches_by_name = {s.name: self._switch(s) for s in settings.switches}
        self._beats: list[gevent.Greenlet[[], None]] = []
        self._api: WSGIServer | None = None

    # ---- life --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Raises ConfigError when the API's address cannot be had; nothing has been started then."""
        drivers = list(self.switches_by_name.values())
        api = self.settings.api
        server = make_server(
            api.host, api.port, create_app(self.store, self, SwitchSandbox(drivers[0].links), self._flows)
        )
        try:
            server.start()
        except OSError as error:
            raise ConfigError(
                f"the API cannot listen on {api.host}:{api.port}: {error.strerror or error}",
                code="address-in-use",
                remedy="end what listens there, or set another `api: {port: …}`",
            ) from error
        self._api = server
        if self.settings.reload.watch:
            self.reloader.start()
        for driver in drivers:
            driver.links.start()
            self._beats.append(gevent.spawn(driver.liveness.run))
        if self.settings.worker.slot == 0:
            self._beats.append(gevent.spawn(self.timers.main))
        resumed = self._requests.resume()
        if resumed:
            log.warning("%d requests that were promised to callers are taken up", resumed)
        log.info("API on http://%s:%d", api.host, self.api_port)

    @property
    def api_port(self) -> int:
        assert self._api is not None
        return int(self._api.server_port or 0)

    def heed_signals(self) -> None:
        """From here on SIGTERM and SIGINT end `run_until_signal`; call it before `start`, so that none is missed."""
        for number in (signal.SIGTERM, signal.SIGINT):
            gevent.signal_handler(number, self._asked.set)

    def run_until_signal(self) -> int:
        self._asked.wait()
        self.stop()
        return 0

    def ask_to_stop(self) -> None:
        """As a signal would."""
        self._asked.set()

    def wait_until_up(self, timeout_s: float) -> None:
        """Until every switch gives us its calls. Raises SwitchUnavailable at the deadline."""
        drivers = self.switches_by_name
        wait_until(lambda: all(driver.up for driver in drivers.values()), timeout_s)
        for name, driver in drivers.items():
            links = driver.links
            if not links.connected:
                raise SwitchUnavailable(f"switch {name} is not up after {timeout_s:g} s: {links.reason or links.state}")
            driver.liveness.beat(timeout_s)

    def wait_until_recorded(self, call_id: str, timeout_s: float) -> bool:
        """Until the call is over for the engine and its records are in the database; False at the deadline."""
        return self.engine.wait_closed(call_id, timeout_s) and self.store.flush(timeout_s)

    def stop(self) -> None:
        """No new calls; wait for those that are up; what is left stays parked for the next engine or the guard."""
        self.timers.stop()
        for driver in self.switches_by_name.values():
            driver.liveness.close()
        self.engine.drain(self.settings.worker.drain_s)
        self.let_go()

    def let_go(self) -> None:
        """End at once: calls that are up stay as they are on the switch, and open on record."""
        self.reloader.stop()
        left = self.engine.abandon()
        if left:
            log.warning("%d calls are left parked on the switch", left)
        gevent.killall(self._beats)
        if self._api is not None:
            self._api.stop(timeout=1)
        for driver in self.switches_by_name.values():
            driver.links.stop()
        self.store.close(10.0)
        self._requests.close()
        self._writes.close()
        self._boss.close()
        if isinstance(self._prompts, WavPrompts):
            self._prompts.close()

    # ---- what the API asks (Vitals) ------------------------------------------------------------------------------

    def figures(self) -> Figures:
        return self.engine.figures()

    def switches(self) -> dict[str, str]:
        return {name: str(driver.links.state) for name, driver in self.switches_by_name.items()}

    # ---- parts -----------------------------------------------------------------------------------------------------

    def _engine(self, library: FlowLibrary) -> tuple[Engine, TextPrompts | WavPrompts]:
        settings = self.settings
        queues = {name: QueueSettings(name, queue.agents, queue.limit) for name, queue in settings.queues.items()}
        for issue in library.issues:
            log.warning("%s", issue)
        recordings = settings.data / "recordings"
        faxes = settings.data / "faxes"
        _make_folder(recordings)
        _make_folder(faxes)
        prompts = _prompts(settings, library)
        services = Services(
            clock=self._clock,
            zone=ZoneInfo(settings.timezone),
            journal=Journal(self.store, self._clock),
            prompts=PromptDesk(prompts),
            lookups=Lookups(self._boss),
            requests=self._requests,
            notices=FileNotices(settings.flows / "notices.yaml", _notice_languages(library)),
            callbacks=NoCallbacks(),
            queues=MemoryQueues(queues, self._clock),
            messages=Messages({n: _channel(settings, n, how) for n, how in settings.messages} | self._channels),
            recordings=recordings,
            faxes=faxes,
            pages=TextPages(settings.fax.font),
            recogniser=self._recogniser,
        )
        limits = settings.limits
        admission = Admission(Limits(limits.calls, limits.per_caller, limits.per_second), self._clock)
        return Engine(library, services, admission, lost_after_s=settings.worker.guard_s), prompts

    def _timers(self) -> Timers:
        runs = TimerRuns(self.engine)
        self.engine.add_switch(runs)
        settings = self.settings
        zone, file = ZoneInfo(settings.timezone), settings.data / "timers.json"
        return Timers(lambda: self.library.entry, runs.begin, self._clock, zone, file)

    def _switch(self, switch: SwitchSettings) -> FreeSwitch:
        settings = self.settings
        link = LinkSettings(switch.host, switch.port, switch.secret(), SUBSCRIBED, worker=str(settings.worker.slot))
        dialing = Dialing(
            switch.domain, settings.dialing.trunks, settings.dialing.allowed, settings.dialing.caller_number or ""
        )
        driver = FreeSwitch(switch.name, link, self.engine, dialing, guard_s=settings.worker.guard_s)
        self.engine.add_switch(driver)
        return driver


def _reload_setup(settings: Settings, catalog: Catalog) -> ReloadSetup:
    prompts = None
    if not _speaks_by_itself(settings):
        folder, cache = settings.flows / "prompts", settings.data / "prompts"
        prompts = PromptJob(str(folder), str(cache), dict(settings.prompts.voices), settings.prompts.speed)
    tested = settings.data / "flows-tested.json"
    return ReloadSetup(settings.flows, catalog, tested, prompts, settings.reload.deadline_s)


def _speaks_by_itself(settings: Settings) -> bool:
    return all(switch.kind == "embedded" for switch in settings.switches)


def _make_folder(folder: Path) -> None:
    """Raises ConfigError: not to be made, or not to be named to the switch (`record` takes words)."""
    if any(char.isspace() for char in str(folder.resolve())):
        raise ConfigError(
            f"the folder {folder} has a blank in its path, and the switch cannot record into it",
            code="bad-folder",
            remedy="set `data:` to a path without blanks",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"cannot make the folder {folder}: {error.strerror}",
            code="unwritable-folder",
            remedy="set `data:` to a folder that the engine's user may write",
        ) from error


def _store_place(settings: Settings) -> tuple[str, Path]:
    url = settings.store.url or f"sqlite:///{settings.data / 'cti.db'}"
    return url, settings.store.keys or settings.data / "keys.json"


def _boss(settings: Settings) -> tuple[Definitions, str]:
    boss = settings.boss
    definitions = load_definitions(boss.lookups or DEMO_LOOKUPS)
    return definitions, boss.url or f"sqlite:///{ensure_demo_database(settings.data / 'boss-demo.db')}"


def _spool(folder: Path, keys: Path) -> FileSpool:
    """Promised requests are sealed with the store's key ring, which is there once the store is open."""
    ring = load_ring(keys)
    assert ring is not None
    sealer = ring.sealer()
    return FileSpool(folder, sealer.seal, sealer.open)


def _channel(settings: Settings, name: str, how: str) -> MessageChannel:
    return OutboxChannel(settings.data / "outbox" / name) if how == "outbox" else LogChannel(name)


def _notice_languages(library: FlowLibrary) -> set[str]:
    """Every notice must be there in the languages of the flows that say notices."""
    flows = [flow for plan in library.plans.values() for flow in plan.flows.values()]
    told = [flow for flow in flows if any(node.type == "notice" for node in flow.nodes.values())]
    return {language for flow in told for language in flow.languages}


def _prompts(settings: Settings, library: FlowLibrary) -> TextPrompts | WavPrompts:
    """As text when every switch speaks by itself, else as files, all fixed ones rendered before the first call."""
    folder = settings.flows / "prompts"
    if _speaks_by_itself(settings):
        return TextPrompts(folder)
    prompts = WavPrompts(
        folder,
        settings.data / "prompts",
        voices=settings.prompts.voices,
        renderer=Renderer(speed=settings.prompts.speed),
    )
    report = prompts.render_ahead(library.fixed_prompts(), _progress)
    log.info("prompts: %d rendered, %d cached, %d recorded", report.rendered, report.cached, report.recorded)
    for say, error in report.failed:
        log.error("prompt not rendered (%s): %s", say.language, error)
    return prompts


def _progress(done: int, total: int) -> None:
    if done == total or done % max(1, total // 10) == 0:
        log.info("prompts: %d of %d", done, total)


def load_flows(folder: Path) -> FlowLibrary:
    """The flows in a folder against the demo's look-ups, as the demo would run them. Raises FlowsRefused."""
    return load_folder(folder, demo_catalog())


def configured_flows(settings: Settings) -> FlowLibrary:
    """The flows of an installation against what its back office offers. Raises FlowsRefused, LookupsRefused."""
    return load_folder(settings.flows, flow_catalog(settings))


def flow_catalog(settings: Settings) -> Catalog:
    """What the flows of an installation may ask. Raises LookupsRefused."""
    return replace(load_definitions(settings.boss.lookups or DEMO_LOOKUPS).catalog(), speech=False)


def kept_files(settings: Settings, flow: str, version: str) -> Mapping[str, str] | None:
    """File name -> text of a version of a flow as the history has it; None when it does not."""
    with open_flow_versions(_store_place(settings)[0]) as history:
        found = history.find(flow, version)
    return found[0].files if len(found) == 1 else None


def demo_catalog() -> Catalog:
    """What the demo's flows may ask."""
    return replace(load_definitions(DEMO_LOOKUPS).catalog(), speech=False)


def check_flows(folder: Path) -> list[Issue]:
    """All findings about the flows and notices in a folder; raises nothing for bad content."""
    languages: set[str] = set()
    try:
        library = load_flows(folder)
        issues, languages = library.issues, _notice_languages(library)
    except FlowsRefused as refused:
        issues = refused.findings
    notices = folder / "notices.yaml"
    if notices.exists():
        issues = [*issues, *load_notices(notices.read_bytes(), str(notices), languages=languages).issues]
    return issues


@contextmanager
def open_flow_history(settings: Settings) -> Iterator[FlowVersions]:
    """The history of the flows alone, to read and to write beside a running engine."""
    with open_flow_versions(_store_place(settings)[0]) as history:
        yield history


@contextmanager
def open_records(settings: Settings) -> Iterator[Store]:
    """The records alone, for reading beside a running engine."""
    clock = SystemClock()
    url, keys = _store_place(settings)
    store = open_store(url, keys, clock=clock.now, read_only=True)
    try:
        yield store
    finally:
        store.close(1.0)
