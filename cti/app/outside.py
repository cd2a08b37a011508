"""What other systems are told and tell (webhooks, answers, feeds, orders), and flows that begin by the clock.

Timers, feeds and orders are jobs: of all engines that share a database one does each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import gevent

from cti.app.feeding import make_feeds
from cti.app.hooks import make_async_desk, make_webhooks
from cti.app.jobs import FEEDS, ORDERS, TIMERS, TimerMarks, make_owners
from cti.app.ordering import make_orders
from cti.channels.timer_runs import TimerRuns
from cti.runtime.order_keeping import OrderKeeper
from cti.runtime.timers import Timers

if TYPE_CHECKING:
    from cti.app.calls_side import CallsSide
    from cti.app.floor_side import FloorSide
    from cti.app.ground import Ground
    from cti.switch.holding import Holder


class Outside:
    """``holder``: who this engine is, among those that do a job."""

    def __init__(self, ground: Ground, side: FloorSide, calls: CallsSide, holder: Holder | None) -> None:
        settings, store, clock, office = ground.settings, ground.store, ground.clock, ground.office
        self.webhooks = make_webhooks(settings, store, side.floor, clock)
        self.ordered = make_async_desk(settings, store, office, self.webhooks, clock)
        self.feeds = make_feeds(
            settings,
            lambda: office.plan.feeds,
            store.accounts.feeds,
            store.reports,
            clock.now,
            ground.office_folder,
            office,
        )
        self.jobs = make_owners(settings, store.accounts.jobs, holder)
        self.feeds.owned = lambda: self.jobs[FEEDS].held
        runs = TimerRuns(calls.engine)
        calls.engine.add_switch(runs)
        marks = TimerMarks(store.accounts.jobs, self.jobs[TIMERS])
        self.timers = Timers(lambda: ground.library.entry, runs.begin, clock, ground.zone, marks)
        self.orders = make_orders(
            office.plan,
            ground.accounts,
            side.callbacks,
            side.set_notices,
            lambda: calls.messages,
            ground.blocked.holds,
            settings.dialing,
            clock,
            ground.office_folder,
            self.jobs[ORDERS],
        )
        self.order_keeper = OrderKeeper(
            store.accounts.orders, clock, settings.orders.keep_days, lambda: self.jobs[ORDERS].held
        )

    def begin(self) -> None:
        """Before anybody can make anything happen that has to be told."""
        self.webhooks.start()
        self.ordered.start()

    def start(self) -> list[gevent.Greenlet[[], None]]:
        """Once calls are met; what runs until it is killed."""
        beats = [gevent.spawn(owner.run) for owner in self.jobs.values()]
        beats += [gevent.spawn(self.timers.main), gevent.spawn(self.feeds.main), gevent.spawn(self.order_keeper.main)]
        self.orders.start()
        return beats

    def release(self) -> None:
        """Another engine may do the jobs."""
        for owner in self.jobs.values():
            owner.release()

    def close(self) -> None:
        self.orders.close()
        self.ordered.stop()
        self.webhooks.stop()
        self.feeds.close()
