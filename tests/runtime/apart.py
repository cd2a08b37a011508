"""An application whose calls and whose distribution know each other over a bus only, as two processes do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from cti.app import Application
from cti.app.calls_side import dialing_of
from cti.core.legs import Phone
from cti.ports.cluster import Member
from cti.runtime.cluster.following import Following
from cti.runtime.cluster.leading import Leading
from cti.runtime.cluster.leg_server import LegServer
from cti.runtime.cluster.memory_bus import MemoryHub
from cti.runtime.cluster.queue_server import QueueServer
from cti.runtime.cluster.remote_queues import RemoteQueues
from cti.runtime.cluster.remote_screens import RemoteScreens, shown_of
from cti.runtime.screens import CallScreens


def part(application: Application) -> tuple[MemoryHub, Callable[[], None]]:
    """Before it is started. What the two share; and to be called when the distribution begins to lead."""
    engine, floor, drivers = application.engine, application.floor, application.switches_by_name
    settings, store = application.settings, application.store
    hub = MemoryHub()
    flow = hub.join(Member("cti/0", "run-flow", frozenset({"flow"}), switches=tuple(drivers)))
    acd = hub.join(Member("cti/acd", "run-acd", frozenset({"acd"})))
    hub.lead(acd)
    assert hub.leader is not None

    def may_dial(phone: Phone) -> None:
        for switch in settings.switches:
            dialing_of(settings, switch).phone_routes(phone, 1.0)

    leading = Leading(acd, hub.leader.epoch, may_dial)
    instant = application.durable.instant
    server = QueueServer(leading, floor, lambda _calls: None, lambda: application.callbacks, instant)
    following = Following(flow)
    shown = CallScreens(lambda: engine, store, lambda _call: None)
    queues = RemoteQueues(following, lambda call: shown_of(shown, lambda _call: False, call), {})
    legs = LegServer(
        following,
        queues,
        lambda name: drivers[name].leg_control if name in drivers else None,
        lambda name, leg: leg in drivers[name].legs,
        application.ground.desk,
    )
    assert floor.dials is not None
    floor.callers._legs = leading.legs_of
    floor.phones._switches = leading.up
    floor.dials._calls._legs = lambda: next(iter(leading.up().items()), None)
    screens = RemoteScreens(lambda: engine, store, floor.dials._calls.numbers)
    screens.told = server.told_of
    floor.publisher.screens._calls = screens  # type: ignore[attr-defined]
    for name, driver in drivers.items():
        driver.leg_control._sink = legs.sink(name)
        driver.leg_control.spare = partial(legs.spare, name)
    legs.drop = lambda switch, left: drivers[switch].leg_control.drop(left)
    engine._services = replace(engine._services, queues=queues, callbacks=queues.news)
    return hub, partial(leading.start, floor.talks)
