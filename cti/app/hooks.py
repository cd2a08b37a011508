"""What an engine tells other servers, made of its settings: webhooks, how requests went, and files of requests."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from cti.boss.async_desk import AsyncDesk
from cti.boss.way import Outbox
from cti.channels.webhook_http import HttpSender
from cti.core.webhook_urls import UrlRules
from cti.core.webhooks import Patience
from cti.runtime.webhooks.desk import WebhookDesk

if TYPE_CHECKING:
    from cti.boss import InterfaceServer
    from cti.config import Settings
    from cti.ports import Clock
    from cti.runtime.floor import Floor
    from cti.store import SqlStore

_HOUR_S, _DAY_S = 3600.0, 86_400.0


def make_webhooks(settings: Settings, store: SqlStore, floor: Floor, clock: Clock) -> WebhookDesk:
    """What happens on the floor is kept with the events that tell of it. Raises ConfigError (bad-certificate)."""
    told = settings.webhooks
    floor.owner.together = store.together
    rules = UrlRules(told.allowed, told.networks, loopback=told.loopback)
    return WebhookDesk(
        store.accounts.webhook_queue,
        HttpSender(rules, timeout_s=told.timeout_s, ca_file=told.ca_file),
        clock,
        floor.hub,
        store.record,
        store.flush,
        f"{settings.node}/{settings.worker.slot}",
        Patience(told.give_up_h * _HOUR_S, told.disable_h * _HOUR_S),
        told.keep_days * _DAY_S,
    )


def make_async_desk(
    settings: Settings, store: SqlStore, office: InterfaceServer, webhooks: WebhookDesk, clock: Clock
) -> AsyncDesk:
    """Callbacks go where webhooks may go, by the same sender, and are tried for as long."""
    return AsyncDesk(
        store.accounts.async_requests,
        office.writes,
        lambda: office.plan,
        webhooks.sender,
        clock,
        f"{settings.node}/{settings.worker.slot}",
        Patience(settings.webhooks.give_up_h * _HOUR_S),
    )


def make_outbox(settings: Settings, store: SqlStore, clock: Clock) -> Outbox:
    """Days and dates in the names of files are the settings' ones."""
    worker, zone = f"{settings.node}/{settings.worker.slot}", ZoneInfo(settings.timezone)
    return Outbox(store.accounts.request_files, worker, clock.now, zone)
