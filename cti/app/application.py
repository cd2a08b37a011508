"""An engine with its switches, store and API."""

from __future__ import annotations

import logging
import signal
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import gevent
from gevent.event import Event as Flag

from cti.api.desks import Desks
from cti.api.flows import Flows
from cti.app.admitting import make_admission, make_overload
from cti.app.clocks import SystemClock
from cti.app.conversing import resume_conversations
from cti.app.feeding import make_feeds
from cti.app.hooks import make_async_desk, make_outbox, make_webhooks
from cti.app.jobs import FEEDS, ORDERS, TIMERS, TimerMarks, make_owners
from cti.app.office_keys import own_sealer
from cti.app.office_watch import OfficeWatch
from cti.app.ordering import make_orders
from cti.app.parts import (
    find_engine,
    load_boss,
    make_channel,
    make_durable,
    make_floor,
    make_folder,
    make_hours,
    make_keeper,
    make_prompts,
    open_spool,
    reload_setup,
    store_place,
)
from cti.app.phones import keep_phones
from cti.app.recalling import make_callback_desk, make_out_calls, make_set_notices
from cti.app.serving import start_api, welcome
from cti.boss import InterfaceServer
from cti.channels.conversations import Conversations
from cti.channels.fax_pages import TextPages
from cti.channels.timer_runs import TimerRuns
from cti.core.errors import StoreUnavailable, SwitchUnavailable
from cti.flow import EntryTable
from cti.prompts import TextPrompts, WavPrompts
from cti.runtime.account_services import AccountServices
from cti.runtime.blocked import BlockList
from cti.runtime.chats import Chats
from cti.runtime.collector import set_aside
from cti.runtime.engine import Engine
from cti.runtime.floor.documents import Documents, in_queues
from cti.runtime.floor.ledger import Ledger
from cti.runtime.floor.text_screens import TextScreens
from cti.runtime.journal import Journal
from cti.runtime.library import FlowLibrary
from cti.runtime.load_watch import LoadWatch
from cti.runtime.notices import NoticeBoard, NoticeTally
from cti.runtime.reloading import Reloader
from cti.runtime.requests import RequestDesk
from cti.runtime.screens import CallScreens
from cti.runtime.services import Lookups, Messages, PromptDesk, Services
from cti.runtime.timers import Timers
from cti.runtime.transcripts import Transcripts
from cti.runtime.waiting import wait_until
from cti.store import open_store
from cti.store.token_key import load_token_key
from cti.switch.dialing import Dialing, OtherPlatform
from cti.switch.driver import SUBSCRIBED, FreeSwitch
from cti.switch.links import LinkSettings
from cti.switch.speech import SPEECH_EVENTS, Ears, SwitchSpeech

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gevent.pywsgi import WSGIServer

    from cti.boss import OfficePlan
    from cti.config import Settings, SwitchSettings
    from cti.core.documents import DocumentLeft
    from cti.core.floor_records import EntryOpened
    from cti.ports import Clock, MessageChannel, Recogniser, Store
    from cti.runtime.engine import Figures
    from cti.switch.holding import Holder

log = logging.getLogger("cti.app")

#: Exit status of an engine whose slot another one has taken (EX_TEMPFAIL of sysexits.h): to be started as a standby.
TAKEN_OVER = 75
#: How long a start waits for what the last engine left in the spill file.
SPILLED_S = 10.0


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
        announce: Callable[[str], None] = print,
        holder: Holder | None = None,
    ) -> None:
        """``direct``: called number -> flow, before the entry table is asked (the telephone in the terminal).
        ``clock``: the machine's unless said. ``channels``: message channels in the place of configured ones.
        ``recogniser``: in the place of the configured one; without any callers can only press keys.
        ``announce``: shows a person, and no log, the first administrator's one-time password. ``holder``: who this
        engine is in its worker slot; None: nobody else can be there (one process has switch and engine)."""
        self._holder = holder
        self._handing_over = False
        self._taken_by = ""
        self.settings = settings
        self._speech = SwitchSpeech()
        self._hears = find_engine(settings) if recogniser is None else None
        self._channels = dict(channels or {})
        self._recogniser: Recogniser | None = self._speech if self._hears is not None else recogniser
        self._direct = dict(direct or {})
        self._asked = Flag()
        self._clock: Clock = clock or SystemClock()
        make_folder(settings.data)
        plan, folder = load_boss(settings)
        url, keys = store_place(settings)
        store = open_store(url, keys, clock=self._clock.now)
        self.store: Store = store
        self._reports, self._owners, self._flow_history = store.reports, store.owners, store.flows
        self._announce = announce
        self.accounts = AccountServices(store.accounts, load_token_key(settings.data / "token-key.pem"), self._clock)
        log_of_writes = store.accounts.office_writes
        sealer = store.accounts.office_sealer
        self._use_keys: Callable[[OfficePlan], None] = lambda plan: sealer.use(own_sealer(plan.keys, folder))
        self._use_keys(plan)
        self.boss = InterfaceServer(
            plan,
            self._clock,
            folder=folder,
            sealing=sealer,
            writes=log_of_writes,
            shared=store.accounts.office_cache,
            outbox=make_outbox(settings, store, self._clock),
        )
        self._requests = RequestDesk(self.boss, self._clock, open_spool(settings.data / "requests", sealer))
        speech = self._recogniser is not None
        catalog = replace(
            plan.catalog(),
            queues=frozenset(settings.queues),
            speech=speech,
            platforms=frozenset(settings.dialing.platforms),
        )
        self.overload = make_overload(settings)
        self.library = FlowLibrary({}, EntryTable((), {}, {}), direct=self._direct)
        zone = ZoneInfo(settings.timezone)
        tally = NoticeTally(store.record, lambda: datetime.fromtimestamp(self._clock.now(), zone))
        self.notices = NoticeBoard(over=self._notice_over, tally=tally)
        self.blocked = BlockList(store.accounts.blocked, self._clock)
        setup = reload_setup(settings, catalog)
        self.reloader = Reloader(self.library, store.flows, self._clock, setup, self.notices)
        self.reloader.load(watched=settings.reload.watch)
        self.engine, self._prompts = self._engine(self.library)
        self.webhooks = make_webhooks(settings, store, self.floor, self._clock)
        self.ordered = make_async_desk(settings, store, self.boss, self.webhooks, self._clock)
        self.feeds = make_feeds(
            settings,
            lambda: self.boss.plan.feeds,
            store.accounts.feeds,
            store.reports,
            self._clock.now,
            folder,
            self.boss,
        )
        self._flows = Flows(self.library, self.reloader, store.flows)
        self.conversations = Conversations(self.engine)
        self.engine.add_switch(self.conversations)
        self.jobs = make_owners(settings, store.accounts.jobs, holder)
        self.feeds.owned = lambda: self.jobs[FEEDS].held
        self.timers = self._timers()
        self.orders = make_orders(
            plan,
            self.accounts,
            self.callbacks,
            self.set_notices,
            lambda: self.engine._services.messages,
            self.blocked.holds,
            settings.dialing,
            self._clock,
            folder,
            self.jobs[ORDERS],
        )
        self.switches_by_name = {s.name: self._switch(s) for s in settings.switches}
        self._beats: list[gevent.Greenlet[[], None]] = []
        self._api: WSGIServer | None = None

    # ---- life --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Raises ConfigError when the API's address cannot be had; nothing has been started then."""
        drivers = list(self.switches_by_name.values())
        self.webhooks.board.look()  # before anybody can make anything happen
        self._api = start_api(
            self.settings,
            self.store,
            self,
            self.accounts,
            self.switches_by_name,
            self._flows,
            self.floor,
            self._reports,
            Desks(self.callbacks, self.set_notices, self.blocked),
            self.recordings.shelf,
            Chats(self.conversations, self.transcripts, self._clock),
            self.webhooks,
            self.boss,
            self.ordered,
            self.feeds,
            self.orders,
        )
        self.webhooks.start()
        self.ordered.start()
        welcome(self.accounts, self._announce)
        if self.settings.reload.watch:
            self.reloader.start()
            if self.settings.boss.file is not None:
                self._beats.append(gevent.spawn(OfficeWatch(self.boss, self.settings.boss.file, self._use_keys).run))
        self.floor.start()
        self._begin_desks()
        self.recordings.start()
        if left := self.durable.begin():
            log.warning("%d calls that the last engine left may go on", left)
        self._seat_agents()
        self._beats.append(gevent.spawn(self.durable.run))
        resume_conversations(self.durable, self.conversations, self.transcripts, self.store, self.engine)
        for driver in drivers:
            driver.links.start()
            self._beats.append(gevent.spawn(driver.liveness.run))
        self._beats.append(gevent.spawn(LoadWatch(self.overload, lambda: self.switches_by_name).run))
        self._beats.append(gevent.spawn(keep_phones(self.settings, self.accounts, self.switches_by_name).run))
        self._beats += [gevent.spawn(owner.run) for owner in self.jobs.values()]
        self._beats += [gevent.spawn(self.timers.main), gevent.spawn(self.feeds.main)]
        self.orders.start()
        resumed = self._requests.resume()
        if resumed:
            log.warning("%d requests that were promised to callers are taken up", resumed)
        log.info("API on http://%s:%d", self.settings.api.host, self.api_port)

    @property
    def api_port(self) -> int:
        assert self._api is not None
        return int(self._api.server_port or 0)

    def heed_signals(self) -> None:
        """From here on SIGTERM and SIGINT end `run_until_signal`; call it before `start`, so that none is missed."""
        for number in (signal.SIGTERM, signal.SIGINT):
            gevent.signal_handler(number, self._asked.set)
        gevent.signal_handler(signal.SIGUSR1, self.hand_over)

    def run_until_signal(self) -> int:
        """The process is this engine's alone: what has been loaded is kept from its cycle collector."""
        set_aside()
        self._asked.wait()
        if self._handing_over:
            for driver in self.switches_by_name.values():
                driver.liveness.beat(1.0)  # new callers are sent here until the next engine is up
                driver.guard.resync()
            self.let_go()
            return 0
        if self._taken_by:
            self.let_go()
            return TAKEN_OVER
        self.stop()
        return 0

    def ask_to_stop(self) -> None:
        """As a signal would."""
        self._asked.set()

    def hand_over(self) -> None:
        """The next engine waits already: everything is left to it as it is, at once."""
        log.warning("told to hand over: calls are left to the next engine")
        self._handing_over = True
        self._asked.set()

    def step_down(self, by: str) -> None:
        """Another engine has the worker slot, and with it the calls: nothing is waited for, nothing is closed."""
        self._taken_by = by
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
        for owner in self.jobs.values():
            owner.release()
        self.callbacks.stop()
        self.floor.stop()
        if not self._taken_by and not self._handing_over:  # else the other engine tells how agents spend their time
            self._ledger.close(self.floor.owner.acd, self.floor.owner.now())
            self.floor.seats_kept.forget()
        if self._api is not None:
            self._api.stop(timeout=1)
        for driver in self.switches_by_name.values():
            driver.links.stop()
        self.recordings.stop()
        self.orders.close()
        self.ordered.stop()
        self.webhooks.stop()
        self.feeds.close()
        self._requests.close()
        self.boss.close()
        self.accounts.close()
        self.store.close(10.0)
        if isinstance(self._prompts, WavPrompts):
            self._prompts.close()

    def _begin_desks(self) -> None:
        """Callbacks, notices set by people, blocked numbers, hours: what holds is known before the first call."""
        self.blocked.look()
        self.hours.look()
        self.set_notices.look()
        self.floor.texts.resume(self._documents)
        self.callbacks.start()
        runs = (self.blocked.run, self.set_notices.run, self.hours.run)
        self._beats += [gevent.spawn(run) for run in runs]

    def _documents_left(self, worker: str) -> list[DocumentLeft]:
        """Faxes that the last engine of this worker left waiting."""
        self.store.flush(SPILLED_S)  # what it could not write any more comes first
        found = in_queues(self.store.find_documents(worker), self.settings.queues)
        if found:
            log.warning("%d faxes that waited for agents wait on", len(found))
        return found

    def _seat_agents(self) -> None:
        """As they sat when the last engine of this worker ended without saying so."""
        kept, durable = self.floor.seats_kept, self.durable
        durable.talk_over = kept.over
        if durable.floor_left:
            seated = kept.restore(durable.floor_left, self.accounts.store.agents.find, durable.agents_talking)
            log.warning("%d agents sit where they sat", seated)
        kept.keep = durable.keep_floor

    def _stays_left(self, worker: str) -> list[EntryOpened]:
        """Callers whom the last engine of this worker left in queues."""
        try:
            return self.store.find_stays(worker)
        except StoreUnavailable as error:
            log.error("places in queues are not known: %s", error)
            return []

    def _notice_over(self, notice: str) -> None:
        """Whoever wanted to be called when this is over is called now."""
        desk = getattr(self, "callbacks", None)
        if desk is not None:
            desk.raise_event(notice)

    # ---- what the API asks (Vitals) ------------------------------------------------------------------------------

    def figures(self) -> Figures:
        return self.engine.figures()

    def switches(self) -> dict[str, str]:
        found = self.switches_by_name.items()
        return {name: "silent" if one.up and not one.fit else str(one.links.state) for name, one in found}

    def overloads(self) -> dict[tuple[str, str], bool]:
        return self.overload.states()

    # ---- parts -----------------------------------------------------------------------------------------------------

    def _engine(self, library: FlowLibrary) -> tuple[Engine, TextPrompts | WavPrompts]:
        settings = self.settings
        faxes = settings.data / "faxes"
        make_folder(faxes)
        self.recordings = make_keeper(settings, self.store, self.accounts.store.recordings, self._clock)
        prompts = make_prompts(settings, library, self.notices.notices)
        desk = PromptDesk(prompts)
        self.floor = make_floor(settings, self._clock, desk, lambda: self.switches_by_name)
        worker = f"{settings.node}/{settings.worker.slot}"
        self._ledger = Ledger(self.store.record, worker)
        self._documents = self._documents_left(worker)
        going_on = {one.contact: one.entry_id for one in self._documents if one.entry_id}
        self._ledger.begin(self.floor.owner.now(), going_on, self._stays_left(worker))
        self.floor.callers.settling = lambda: self.durable.settling
        self.floor.callers.lost = lambda calls: self._ledger.lose(calls, self.floor.owner.now())
        self.floor.texts.documents = Documents(self.store.record, worker)
        self.hours = make_hours(settings, self._clock, self.floor, library)
        self.floor.owner.listeners.append(self._ledger.hear)
        self.floor.owner.kept = self.store.flush
        self.floor.wrapups.keep, self._ledger.written = self._ledger.note, self.floor.wrapups.closing
        admission = make_admission(settings, self._clock, self.blocked.holds, self.overload, self.boss)
        journal = Journal(self.store, self._clock)
        self.durable = make_durable(
            settings, self.store, self._owners, self._flow_history, self._clock, library, self.reloader
        )
        self.durable.settled = self.floor.callers.let_in
        self.set_notices = make_set_notices(self.accounts.store.notices, self.notices, self._clock, library, desk)
        out = make_out_calls(settings, self.floor, journal, lambda: self.switches_by_name, self.recordings.plain)
        self.callbacks = make_callback_desk(
            settings,
            self._clock,
            self.floor,
            out,
            self.accounts.store.callbacks,
            library,
            lambda: self.engine,
            admission,
            self.notices.is_over,
        )
        self.transcripts = Transcripts(self.store, self._clock)
        self.floor.texts.attach(self.transcripts)
        calls = CallScreens(lambda: self.engine, self.store, out.numbers)
        self.floor.publisher.screens = TextScreens(calls, self.floor.texts, self.transcripts)
        services = Services(
            clock=self._clock,
            zone=ZoneInfo(settings.timezone),
            journal=journal,
            prompts=desk,
            lookups=Lookups(self.boss),
            requests=self._requests,
            notices=self.notices,
            callbacks=self.callbacks,
            queues=self.floor.callers,
            texts=self.floor.texts,
            transcripts=self.transcripts,
            messages=Messages({n: make_channel(settings, n, how) for n, how in settings.messages} | self._channels),
            plain=self.recordings.plain,
            recorded=self.recordings.complete,
            faxes=faxes,
            pages=TextPages(settings.fax.font),
            recogniser=self._recogniser,
            durable=self.durable,
            silent_s=settings.limits.silent_s,
        )
        return Engine(library, services, admission, lost_after_s=settings.worker.guard_s), prompts

    def _timers(self) -> Timers:
        runs = TimerRuns(self.engine)
        self.engine.add_switch(runs)
        settings = self.settings
        zone, marks = ZoneInfo(settings.timezone), TimerMarks(self.accounts.store.jobs, self.jobs[TIMERS])
        return Timers(lambda: self.library.entry, runs.begin, self._clock, zone, marks)

    def _switch(self, switch: SwitchSettings) -> FreeSwitch:
        settings = self.settings
        events = SUBSCRIBED + SPEECH_EVENTS if self._hears is not None else SUBSCRIBED
        link = LinkSettings(switch.host, switch.port, switch.secret(), events, worker=str(settings.worker.slot))
        dialing = Dialing(
            switch.domain,
            settings.dialing.trunks,
            settings.dialing.allowed,
            settings.dialing.caller_number or "",
            settings.dialing.denied,
            settings.dialing.sip_hosts,
            {name: OtherPlatform(one.trunk, one.number or "") for name, one in settings.dialing.platforms.items()},
        )
        driver = FreeSwitch(
            switch.name, link, self.engine, dialing, guard_s=settings.worker.guard_s, holder=self._holder
        )
        driver.leg_control.attach(self.floor.talks)
        driver.kept = self.durable.has
        if self._hears is not None:
            driver.ears = Ears(driver, self._hears)
            self._speech.add(driver.legs, driver.ears)
        self.engine.add_switch(driver)
        return driver
