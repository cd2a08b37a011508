"""A process with the role acd: it distributes callers of others, has the agents, and what is written to them.

A standby has its flows and its store ready; when it leads, the rest is put together, and agents sit where they sat.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import gevent

from cti.app.calls_side import CallsSide, Hearing, dialing_of, distribution_of
from cti.app.clocks import SystemClock
from cti.app.conversing import resume_conversations
from cti.app.floor_side import FloorSide
from cti.app.ground import Ground
from cti.app.outside import Outside
from cti.app.serving import start_api, welcome
from cti.config import WorkerSettings
from cti.runtime.cluster.leading import Leading
from cti.runtime.cluster.parts import PartsPrompts
from cti.runtime.cluster.queue_server import QueueServer
from cti.switch.holding import Holder

if TYPE_CHECKING:
    from collections.abc import Callable

    from gevent.pywsgi import WSGIServer

    from cti.config import Settings
    from cti.core.legs import Phone
    from cti.ports import Clock
    from cti.ports.cluster import Bus
    from cti.runtime.engine import Figures

log = logging.getLogger("cti.app")

#: As whom every leader writes, so that the next one goes on with what it left.
NODE = "acd"


def acd_settings(settings: Settings) -> Settings:
    """A folder of its own, so that it may stand beside a flow worker; keys are those of the whole cluster."""
    data = settings.data
    return settings.model_copy(
        update={
            "node": NODE,
            "worker": WorkerSettings(drain_s=settings.worker.drain_s),
            "data": data / NODE,
            "store": settings.store.model_copy(update={"keys": settings.store.keys or data / "keys.json"}),
            "api": settings.api.model_copy(
                update={
                    "token_key": settings.api.token_key or data / "token-key.pem",
                    "host": settings.cluster.host,
                    "port": settings.cluster.port,
                }
            ),
        }
    )


class AcdEngine:
    """``bus``: started already. ``announce``: shows a person the first administrator's one-time password."""

    def __init__(
        self, settings: Settings, bus: Bus, *, announce: Callable[[str], None] = print, clock: Clock | None = None
    ) -> None:
        self.settings, self.bus, self._announce = acd_settings(settings), bus, announce
        data = settings.data
        data.mkdir(parents=True, exist_ok=True)
        self.ground = Ground(
            self.settings,
            clock or SystemClock(),
            direct={},
            hears=Hearing(settings, None).recogniser is not None,
            notice_over=self._notice_over,
            prompts=PartsPrompts(),
            recorded=data,
        )
        self.overload = self.ground.overload
        self._api: WSGIServer | None = None
        self._beats: list[gevent.Greenlet[[], None]] = []
        self.leading: Leading | None = None

    # ---- life --------------------------------------------------------------------------------------------------

    def lead(self, epoch: int) -> None:
        """The lease is ours. Raises ConfigError when the API's address cannot be had."""
        ground, settings = self.ground, self.settings
        self.leading = leading = Leading(self.bus, epoch, self._may_dial)
        self._side = side = FloorSide(ground, leading, lambda: self.engine, lambda: self.server)
        self.floor, self.callbacks = side.floor, side.callbacks
        lost = side.floor.callers.lost
        self.server = QueueServer(leading, side.floor, lost, lambda: side.callbacks, ground.durable.instant)
        calls = CallsSide(ground, distribution_of(side), (), Hearing(settings, None), {}, None)
        self.engine, self.conversations = calls.engine, calls.conversations
        holder = Holder(f"{NODE}-0.{self.bus.me.replace('/', '-')}.{self.bus.run}")
        self._outside = outside = Outside(ground, side, calls, holder)
        outside.webhooks.board.look()
        self._api = start_api(ground, self, side, calls, outside)
        outside.begin()
        welcome(ground.accounts, self._announce)
        self._beats += ground.watch()
        self._beats += side.start()
        ground.durable.lost = self.conversations.leave  # the bus tells, too, and ends this process
        if left := ground.durable.begin():
            log.warning("%d conversations that the last leader left may go on", left)
        side.seat_agents()
        self._beats.append(gevent.spawn(ground.durable.run))
        resume_conversations(ground.durable, self.conversations, ground.transcripts, ground.store, self.engine)
        self._beats += calls.start()
        self._beats += outside.start()
        leading.start(side.floor.talks)
        self.bus.tell(api=f"http://{settings.api.host}:{self.api_port}")
        log.info("this process distributes (epoch %d), API on http://%s:%d", epoch, settings.api.host, self.api_port)

    @property
    def api_port(self) -> int:
        assert self._api is not None
        return int(self._api.server_port or 0)

    def stop(self, *, goes_on: bool) -> None:
        """``goes_on``: another process leads from here on, or is about to."""
        ground = self.ground
        ground.reloader.stop()
        if self.leading is not None:
            self._outside.timers.stop()
            self.conversations.leave()
            self.engine.abandon()
            gevent.killall(self._beats)
            self._outside.release()
            self._side.stop(goes_on=goes_on)
            if self._api is not None:
                self._api.stop(timeout=1)
            self._outside.close()
        ground.close()

    # ---- what the API asks (Vitals) ------------------------------------------------------------------------------

    def figures(self) -> Figures:
        return self.engine.figures()

    def switches(self) -> dict[str, str]:
        """As the workers tell; one that none of them has up is down."""
        up = {} if self.leading is None else self.leading.up()
        return {one.name: "up" if one.name in up else "down" for one in self.settings.switches}

    def overloads(self) -> dict[tuple[str, str], bool]:
        return self.ground.overload.states()

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _may_dial(self, phone: Phone) -> None:
        """As every switch's settings say. Raises CtiError (destination-denied)."""
        for switch in self.settings.switches:
            dialing_of(self.settings, switch).phone_routes(phone, 1.0)

    def _notice_over(self, notice: str) -> None:
        if self.leading is not None:
            self.callbacks.raise_event(notice)
