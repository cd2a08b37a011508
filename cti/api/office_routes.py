"""The routes of the back office: lookups and writes, what is sent to it by time, and what it orders of us."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cti.api.async_requests import Ordering, RequestResource, Requests
from cti.api.dead_letters import DeadLetterDrop, DeadLetterReplay, DeadLetters
from cti.api.differences import Differences, DifferencesCleared, DifferencesOf
from cti.api.feeds import FeedRun, FeedRuns, Feeds
from cti.api.office import Backends, LookupResource
from cti.api.orders import Orders, OrderSources

if TYPE_CHECKING:
    from cti.api.holding import Holding
    from cti.api.routes import Api
    from cti.boss.async_desk import AsyncDesk
    from cti.boss.feeds import FeedRunner
    from cti.boss.orders.runner import OrderRunner
    from cti.boss.server import InterfaceServer
    from cti.runtime.account_services import AccountServices


@dataclass(frozen=True, slots=True)
class BackOffice:
    """``ordered``: requests that clients order and fetch later. What is None has no routes."""

    server: InterfaceServer
    ordered: AsyncDesk | None = None
    feeds: FeedRunner | None = None
    orders: OrderRunner | None = None


def add_back_office(app: Api, office: BackOffice, services: AccountServices, holding: Holding) -> None:
    server = office.server
    app.add_route("/v1/lookups/{lookup}", LookupResource(server, holding))
    app.add_route("/v1/backends", Backends(server))
    app.add_route("/v1/backends/differences", Differences(server))
    app.add_route("/v1/backends/differences/{lookup}", DifferencesOf(server))
    app.add_route("/v1/backends/differences/clear", DifferencesCleared(server))
    if office.ordered is not None:
        _add_requests(app, server, Ordering(server, office.ordered, services.store.async_requests, holding))
    if office.feeds is not None:
        app.add_route("/v1/feeds", Feeds(office.feeds))
        app.add_route("/v1/feeds/{feed}/runs", FeedRuns(office.feeds))
        app.add_route("/v1/feeds/{feed}/run", FeedRun(office.feeds))
    if office.orders is not None:
        app.add_route("/v1/orders", Orders(services.store.orders, office.orders))
        app.add_route("/v1/orders/sources", OrderSources(office.orders))


def _add_requests(app: Api, server: InterfaceServer, ordering: Ordering) -> None:
    app.add_route("/v1/requests", Requests(ordering))
    app.add_route("/v1/requests/{request_id}", RequestResource(ordering))
    app.add_route("/v1/requests/dead", DeadLetters(server))
    app.add_route("/v1/requests/dead/replay", DeadLetterReplay(server, ordering))
    app.add_route("/v1/requests/dead/drop", DeadLetterDrop(server, ordering))
