"""The API of an engine: made, listening, and the first administrator told to whoever starts it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo

from cti.api.app import create_app
from cti.api.desks import Desks
from cti.api.engine_metrics import DatabaseCollector, FlowCollector, LinkCollector, ProcessFigures, WebhookCollector
from cti.api.feed_metrics import FeedCollector
from cti.api.floor_metrics import FloorCollector
from cti.api.operations import Vitals
from cti.api.order_metrics import OrderCollector
from cti.api.reports import ReportResource
from cti.api.server import make_server
from cti.core.errors import ConfigError
from cti.runtime.accounts import FIRST_ADMIN
from cti.store import SqlStore
from cti.switch.conf.configuration import TrunkSettings
from cti.switch.sandbox import SwitchSandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gevent.pywsgi import WSGIServer

    from cti.api.flows import Flows
    from cti.boss.async_desk import AsyncDesk
    from cti.boss.feeds import FeedRunner
    from cti.boss.orders.runner import OrderRunner
    from cti.boss.server import InterfaceServer
    from cti.config import Settings
    from cti.ports import Store
    from cti.runtime.account_services import AccountServices
    from cti.runtime.chats import Chats
    from cti.runtime.floor import Floor
    from cti.runtime.overload import Overload
    from cti.runtime.recordings.shelf import Shelf
    from cti.runtime.webhooks.desk import WebhookDesk
    from cti.store.report_rows import Reports
    from cti.switch.driver import FreeSwitch


class Running(Vitals, Protocol):
    """An engine that can be asked how it is."""

    overload: Overload


def start_api(
    settings: Settings,
    store: Store,
    vitals: Running,
    accounts: AccountServices,
    switches: Mapping[str, FreeSwitch],
    flows: Flows,
    floor: Floor,
    reports: Reports,
    desks: Desks,
    shelf: Shelf,
    chats: Chats,
    webhooks: WebhookDesk,
    office: InterfaceServer,
    ordered: AsyncDesk,
    feeds: FeedRunner,
    orders: OrderRunner,
) -> WSGIServer:
    """Virtual calls are placed where a switch is an embedded one. Raises ConfigError (address-in-use)."""
    embedded = [switch.name for switch in settings.switches if switch.kind == "embedded"]
    sandbox = SwitchSandbox(switches[embedded[0]].links) if embedded and switches else None
    api = settings.api
    domains = {switch.name: switch.domain for switch in settings.switches}
    report = ReportResource(
        reports,
        accounts.store.agents,
        accounts.clock,
        ZoneInfo(settings.timezone),
        lambda: {name: floor.views.queue(queue) for name, queue in floor.owner.acd.floor.queues.items()},
    )
    app = create_app(
        store,
        vitals,
        accounts,
        sandbox=sandbox,
        flows=flows,
        reports=report,
        floor=floor,
        domains=domains,
        trunks={one.name: TrunkSettings(one.settings) for one in settings.switches if one.settings is not None},
        origins=api.origins,
        desks=desks,
        shelf=shelf,
        chats=chats,
        webhooks=webhooks,
        office=office,
        ordered=ordered,
        feeds=feeds,
        orders=orders,
        collectors=[
            FeedCollector(feeds),
            OrderCollector(orders),
            FloorCollector(floor),
            LinkCollector(switches),
            *([DatabaseCollector(store)] if isinstance(store, SqlStore) else []),
            FlowCollector(flows.reloader),
            WebhookCollector(webhooks),
            ProcessFigures(vitals.overload, settings.node, settings.worker.slot),
        ],
    )
    server = make_server(api.host, api.port, app)
    try:
        server.start()
    except OSError as error:
        raise ConfigError(
            f"the API cannot listen on {api.host}:{api.port}: {error.strerror or error}",
            code="address-in-use",
            remedy="end what listens there, or set another `api: {port: …}`",
        ) from error
    return server


def welcome(accounts: AccountServices, announce: Callable[[str], None]) -> None:
    """On the first start: make an administrator. The password is for a person's eyes and goes to no log."""
    password = accounts.accounts.first_admin()
    if password is not None:
        announce(f"First start: sign in as '{FIRST_ADMIN}' with the one-time password {password}")
        announce("It is good for 3 days and must be changed at the first sign-in; `cti user passwd` makes another.")
