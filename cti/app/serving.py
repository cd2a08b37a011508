"""The API of an engine: made, listening, and the first administrator told to whoever starts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti.api.app import create_app
from cti.api.desks import Desks
from cti.api.engine_metrics import DatabaseCollector, FlowCollector, LinkCollector, ProcessFigures, WebhookCollector
from cti.api.feed_metrics import FeedCollector
from cti.api.floor_metrics import FloorCollector
from cti.api.flows import Flows
from cti.api.office_routes import BackOffice
from cti.api.order_metrics import OrderCollector
from cti.api.reports import ReportResource
from cti.api.server import listen, make_server
from cti.api.switch_directory import Switches
from cti.runtime.accounts import FIRST_ADMIN
from cti.switch.conf.configuration import TrunkSettings
from cti.switch.sandbox import SwitchSandbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from gevent.pywsgi import WSGIServer

    from cti.api.operations import Vitals
    from cti.app.calls_side import CallsSide
    from cti.app.floor_side import FloorSide
    from cti.app.ground import Ground
    from cti.app.outside import Outside
    from cti.runtime.account_services import AccountServices


def start_api(
    ground: Ground,
    vitals: Vitals,
    side: FloorSide,
    calls: CallsSide,
    outside: Outside,
) -> WSGIServer:
    """Virtual calls are placed where a switch is an embedded one of ours. Raises ConfigError (address-in-use)."""
    settings, store, accounts, floor = ground.settings, ground.store, ground.accounts, side.floor
    switches = calls.switches
    embedded = [switch.name for switch in settings.switches if switch.kind == "embedded" and switch.name in switches]
    flows = Flows(ground.library, ground.reloader, store.flows)
    report = ReportResource(
        store.reports,
        accounts.store.agents,
        accounts.clock,
        ground.zone,
        lambda: {name: floor.views.queue(queue) for name, queue in floor.owner.acd.floor.queues.items()},
    )
    app = create_app(
        store,
        vitals,
        accounts,
        sandbox=SwitchSandbox(switches[embedded[0]].links) if embedded else None,
        flows=flows,
        reports=report,
        floor=floor,
        switches=Switches(
            {one.name: one.domain for one in settings.switches},
            {one.name: TrunkSettings(one.settings) for one in settings.switches if one.settings is not None},
        ),
        origins=settings.api.origins,
        desks=Desks(side.callbacks, side.set_notices, ground.blocked),
        shelf=ground.recordings.shelf,
        chats=calls.chats,
        webhooks=outside.webhooks,
        office=BackOffice(ground.office, outside.ordered, outside.feeds, outside.orders),
        collectors=[
            FeedCollector(outside.feeds),
            OrderCollector(outside.orders, outside.order_keeper),
            FloorCollector(floor),
            LinkCollector(switches),
            DatabaseCollector(store),
            FlowCollector(ground.reloader),
            WebhookCollector(outside.webhooks),
            ProcessFigures(ground.overload, settings.node, settings.worker.slot),
        ],
    )
    server = make_server(settings.api.host, settings.api.port, app)
    listen(server)
    return server


def welcome(accounts: AccountServices, announce: Callable[[str], None]) -> None:
    """On the first start: make an administrator. The password is for a person's eyes and goes to no log."""
    password = accounts.accounts.first_admin()
    if password is not None:
        announce(f"First start: sign in as '{FIRST_ADMIN}' with the one-time password {password}")
        announce("It is good for 3 days and must be changed at the first sign-in; `cti user passwd` makes another.")
