"""An engine with its switches, store and API, put together of its sides."""

from __future__ import annotations

import logging
import signal
from typing import TYPE_CHECKING

import gevent
from gevent.event import Event as Flag

from cti.app.calls_side import CallsSide, Hearing, distribution_of
from cti.app.clocks import SystemClock
from cti.app.conversing import resume_conversations
from cti.app.floor_side import FloorSide
from cti.app.ground import Ground
from cti.app.outside import Outside
from cti.app.serving import start_api, welcome
from cti.app.surviving import make_survivor
from cti.app.switchboard import OurSwitches
from cti.runtime.collector import set_aside

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gevent.pywsgi import WSGIServer

    from cti.config import Settings
    from cti.ports import Clock, MessageChannel, Recogniser, Store
    from cti.runtime.engine import Figures
    from cti.switch.holding import Holder

log = logging.getLogger("cti.app")

#: Exit status of an engine whose slot another one has taken (EX_TEMPFAIL of sysexits.h): to be started as a standby.
TAKEN_OVER = 75


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
        self.settings, self._announce, self._holder = settings, announce, holder
        self._handing_over, self._taken_by, self._asked = False, "", Flag()
        self._beats: list[gevent.Greenlet[[], None]] = []
        self._api: WSGIServer | None = None
        hearing = Hearing(settings, recogniser)
        self.ground = ground = Ground(
            settings,
            clock or SystemClock(),
            direct=dict(direct or {}),
            hears=hearing.recogniser is not None,
            notice_over=self._notice_over,
        )
        self.store: Store = ground.store
        self.accounts, self.boss, self.recordings = ground.accounts, ground.office, ground.recordings
        self.library, self.reloader, self.notices = ground.library, ground.reloader, ground.notices
        self.blocked, self.overload, self.durable = ground.blocked, ground.overload, ground.durable
        self.transcripts = ground.transcripts
        self._side = side = FloorSide(ground, OurSwitches(lambda: calls.switches), lambda: calls.engine)
        self.floor, self.callbacks, self.set_notices = side.floor, side.callbacks, side.set_notices
        self._calls = calls = CallsSide(
            ground, distribution_of(side), settings.switches, hearing, channels or {}, holder
        )
        self.engine, self.switches_by_name = calls.engine, calls.switches
        self.conversations, self.chats = calls.conversations, calls.chats
        self._outside = outside = Outside(ground, side, calls, holder)
        self.webhooks, self.jobs, self.timers = outside.webhooks, outside.jobs, outside.timers
        calls.connect()

    # ---- life --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Raises ConfigError when the API's address cannot be had; nothing has been started then."""
        ground, outside = self.ground, self._outside
        self.webhooks.board.look()  # before anybody can make anything happen
        self._api = start_api(ground, self, self._side, self._calls, outside)
        outside.begin()
        welcome(self.accounts, self._announce)
        self._beats += ground.watch()
        self._beats += self._side.start()
        self.recordings.start()
        self.durable.lost = lambda: self.step_down("another engine of this worker")
        if left := self.durable.begin():
            log.warning("%d calls that the last engine left may go on", left)
        self._side.seat_agents()
        self._beats.append(gevent.spawn(self.durable.run))
        resume_conversations(self.durable, self.conversations, self.transcripts, self.store, self.engine)
        self._beats += self._calls.start()
        self._beats += outside.start()
        if self._holder is not None and self.settings.worker.adopts:
            self._beats.append(gevent.spawn(make_survivor(ground, self._calls, self._holder, self._side).run))
        resumed = ground.requests.resume()
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
            self._calls.leave_fresh()
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
        self.store.disown()
        self.conversations.leave()
        self._asked.set()

    def wait_until_up(self, timeout_s: float) -> None:
        """Until every switch gives us its calls. Raises SwitchUnavailable at the deadline."""
        self._calls.wait_until_up(timeout_s)

    def wait_until_recorded(self, call_id: str, timeout_s: float) -> bool:
        """Until the call is over for the engine and its records are in the database; False at the deadline."""
        return self.engine.wait_closed(call_id, timeout_s) and self.store.flush(timeout_s)

    def stop(self) -> None:
        """No new calls; wait for those that are up; what is left stays parked for the next engine or the guard."""
        self.timers.stop()
        self._calls.refuse_new()
        self.engine.drain(self.settings.worker.drain_s)
        self.let_go()

    def let_go(self) -> None:
        """End at once: calls that are up stay as they are on the switch, and open on record."""
        self.reloader.stop()
        self.conversations.leave()
        left = self.engine.abandon()
        if left:
            log.warning("%d calls are left parked on the switch", left)
        gevent.killall(self._beats)
        self._outside.release()
        self._side.stop(goes_on=bool(self._taken_by) or self._handing_over)
        if self._api is not None:
            self._api.stop(timeout=1)
        for driver in self.switches_by_name.values():
            driver.links.stop()
        self.recordings.stop()
        self._outside.close()
        self.ground.close()

    def _notice_over(self, notice: str) -> None:
        """Whoever wanted to be called when this is over is called now."""
        desk = getattr(self, "callbacks", None)  # flows are loaded before there is one
        if desk is not None:
            desk.raise_event(notice)

    # ---- what the API asks (Vitals) ------------------------------------------------------------------------------

    def figures(self) -> Figures:
        return self.engine.figures()

    def switches(self) -> dict[str, str]:
        return self._calls.states()

    def overloads(self) -> dict[tuple[str, str], bool]:
        return self.overload.states()
