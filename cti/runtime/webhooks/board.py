"""Which webhooks there are, and what each is to get. Every event is looked at here, in the moment in which it happens,
and goes to the store in the transaction of the facts that it tells of."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cti.core.access import Principal, Visible
from cti.core.access.principal import ScopeKind
from cti.core.webhooks import EventKept
from cti.runtime.floor.catalogue import EVENTS, TO_ONE
from cti.runtime.floor.hub import Sight

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cti.core.access import ResourceScope, Scope
    from cti.core.records import Record
    from cti.core.webhooks import Webhook
    from cti.ports import Clock
    from cti.runtime.floor.hub import Event
    from cti.store.webhook_queue import Active, WebhookQueue

#: Of a webhook in the audit and in principals.
VIA = "webhook:"
#: Positions of a start are above all of the start before: milliseconds since the epoch, then the number of the event.
_NUMBERS = 20


@dataclass(frozen=True, slots=True)
class Hook:
    """``types``: events that it wants; ``part``: of what; ``sight``: what its user may see."""

    webhook: Webhook
    types: frozenset[str]
    part: Visible
    sight: Sight

    def shows(self, type_: str, scope: ResourceScope) -> bool:
        return type_ in EVENTS and self.part.shows(scope) and self.sight.shows_object(type_, scope)


def hook_of(active: Active) -> Hook:
    webhook = active.webhook
    principal = Principal(webhook.user_id, active.user_name, active.grants, f"{VIA}{webhook.webhook_id}")
    types = frozenset(name for name in EVENTS if name not in TO_ONE and webhook.wants(name))
    return Hook(webhook, types, part_of(webhook.scopes), Sight(principal))


def part_of(scopes: Sequence[Scope]) -> Visible:
    return Visible(
        everything=any(scope.kind is ScopeKind.ALL for scope in scopes),
        teams=frozenset(scope.name for scope in scopes if scope.kind is ScopeKind.TEAM),
        queues=frozenset(scope.name for scope in scopes if scope.kind is ScopeKind.QUEUE),
    )


class Board:
    """``kept`` is told the webhooks that an event was kept for. ``outcomes``: of attempts, since the start."""

    def __init__(self, queue: WebhookQueue, record: Callable[[Record], None], clock: Clock) -> None:
        self._queue, self._record = queue, record
        self._first = int(clock.now() * 1000) << _NUMBERS
        self.hooks: Mapping[str, Hook] = {}
        self.outcomes: Counter[str] = Counter()
        self.kept: Callable[[tuple[str, ...]], None] = lambda _ids: None

    def look(self) -> None:
        """Raises StoreUnavailable; then everything stays as it is."""
        self.hooks = {active.webhook.webhook_id: hook_of(active) for active in self._queue.active()}

    def heard(self, event: Event, at: float, data: Mapping[str, Any]) -> None:
        """A listener of the hub."""
        if not self.hooks:
            return
        type_, scope = event.type, event.scope
        ids = tuple(id_ for id_, hook in self.hooks.items() if type_ in hook.types and hook.shows(type_, scope))
        if not ids:
            return
        self._record(
            EventKept(
                event_id=event.id,
                type=type_,
                at=at,
                position=self._first + event.number,
                lane=_lane(type_, data),
                text=event.text,
                webhooks=ids,
                owner=scope.owner,
                teams=tuple(sorted(scope.teams)),
                queues=tuple(sorted(scope.queues)),
            )
        )
        self.kept(ids)


def _lane(type_: str, data: Mapping[str, Any]) -> str:
    """Events about one contact, agent or queue come in their order."""
    if data.get("contact"):
        return f"contact:{data['contact']}"
    noun = type_.partition(".")[0]
    return f"{noun}:{data.get(noun, '')}"
