"""A process with the role flow: it carries calls on its switches, and asks whoever leads to distribute them."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

import gevent

from cti.app.calls_side import CallsSide, Distribution, Hearing
from cti.app.clocks import SystemClock
from cti.app.flow_watch import FlowWatch
from cti.app.ground import Ground
from cti.app.recalling import make_set_notices
from cti.app.surviving import make_survivor
from cti.runtime.cluster.following import Following
from cti.runtime.cluster.leg_server import LegServer
from cti.runtime.cluster.no_texts import NoTexts
from cti.runtime.cluster.remote_queues import RemoteQueues
from cti.runtime.cluster.remote_screens import shown_of
from cti.runtime.screens import CallScreens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cti.config import Settings
    from cti.ports import Clock, LegControl
    from cti.ports.cluster import Bus
    from cti.switch.holding import Holder

log = logging.getLogger("cti.app")

#: How often it is looked which switches are up, and told where that changed.
LOOK_S = 0.5


class FlowEngine:
    """``bus``: started by who makes this, before `start`. ``holder``: who this engine is in its worker slot."""

    def __init__(
        self,
        settings: Settings,
        bus: Bus,
        *,
        holder: Holder | None = None,
        direct: Mapping[str, str] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.settings, self.bus, self._holder = settings, bus, holder
        hearing = Hearing(settings, None)
        self.ground = ground = Ground(
            settings,
            clock or SystemClock(),
            direct=dict(direct or {}),
            hears=hearing.recogniser is not None,
            notice_over=lambda _notice: None,  # callbacks that wait for it are the leader's
        )
        self._following = following = Following(bus)
        music = {name: queue.music for name, queue in settings.queues.items()}
        self.queues = queues = RemoteQueues(following, self._shown, music)
        self.legs = LegServer(following, queues, self._legs, self._is_caller, ground.desk)
        distribution = Distribution(queues, NoTexts(), queues.news, self.legs.sink)
        self.calls = calls = CallsSide(ground, distribution, settings.switches, hearing, {}, holder)
        self.engine, self.store = calls.engine, ground.store
        self._screens = CallScreens(lambda: calls.engine, ground.store, lambda _call: None)
        self.set_notices = make_set_notices(
            ground.accounts.store.notices, ground.notices, ground.clock, ground.library, ground.desk
        )
        ground.durable.talk_over, queues.talks.taken = queues.news.talk_over, ground.durable.talk_taken
        queues.left_talking = lambda: ground.durable.agents_talking
        queues.unheard, queues.sure = lambda: ground.durable.unheard, ground.durable.sure
        calls.connect()
        for name, driver in calls.switches.items():
            driver.leg_control.spare = partial(self.legs.spare, name)
        self.legs.drop = lambda switch, legs: calls.switches[switch].leg_control.drop(legs)
        self._watch = FlowWatch(ground, calls, bus)
        self._beats: list[gevent.Greenlet[[], None]] = []
        self._draining = False

    # ---- life --------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """All that is known before it joins the others."""
        ground = self.ground
        self._beats += ground.watch()
        ground.blocked.look()
        self.set_notices.look()
        self._beats += [gevent.spawn(run) for run in (ground.blocked.run, self.set_notices.run)]
        ground.recordings.start()
        if left := ground.durable.begin():
            log.warning("%d calls that the last engine left may go on", left)
        self._beats.append(gevent.spawn(ground.durable.run))

    def start(self) -> None:
        """The bus tells who leads, and the switches give us their calls."""
        ground = self.ground
        self._beats += self.calls.start()
        self._beats += [gevent.spawn(run) for run in (self._look, self._watch.run)]
        if self._holder is not None and self.settings.worker.adopts:
            survivor = make_survivor(ground, self.calls, self._holder, None, self.bus.run)
            survivor.moved = self.queues.news.took
            self._beats.append(gevent.spawn(survivor.run))
        resumed = ground.requests.resume()
        if resumed:
            log.warning("%d requests that were promised to callers are taken up", resumed)

    def leave_fresh(self) -> None:
        self.calls.leave_fresh()

    def stop(self) -> None:
        """No new calls; wait for those that are up; what is left stays parked for the next engine or the guard."""
        self._draining = True
        self.bus.tell(draining=True)
        self.calls.refuse_new()
        self.engine.drain(self.settings.worker.drain_s)
        self.let_go()

    def let_go(self) -> None:
        """End at once: calls that are up stay as they are on the switch, and open on record."""
        ground = self.ground
        ground.reloader.stop()
        left = self.engine.abandon()
        if left:
            log.warning("%d calls are left parked on the switch", left)
        gevent.killall(self._beats)
        self._watch.stop()
        for driver in self.calls.switches.values():
            driver.links.stop()
        ground.recordings.stop()
        ground.close()

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Tell the others which switches are up here, and heed that this worker is to be drained."""
        told: tuple[str, ...] | None = None
        while True:
            up = tuple(sorted(name for name, driver in self.calls.switches.items() if driver.fit))
            if up != told:
                told = up
                self.bus.tell(switches=up)
            member = self.bus.members().get(self.bus.me)
            draining = member is not None and member.draining
            if draining != self._draining:
                self._draining = draining
                self._drained(draining)
            gevent.sleep(LOOK_S)

    def _drained(self, on: bool) -> None:
        log.warning("this worker %s", "takes no new calls: it is drained" if on else "takes calls again")
        for driver in self.calls.switches.values():
            if on:
                driver.liveness.close()
            else:
                driver.liveness.open()

    def _legs(self, switch: str) -> LegControl | None:
        driver = self.calls.switches.get(switch)
        return None if driver is None else driver.leg_control

    def _is_caller(self, switch: str, leg: str) -> bool:
        driver = self.calls.switches.get(switch)
        return driver is not None and leg in driver.legs

    def _shown(self, call: str) -> dict[str, object]:
        return shown_of(self._screens, self._adopted, call)

    def _adopted(self, call: str) -> bool:
        actor = self.engine.find(call)
        return actor is not None and actor.call.adopted
