"""What a flow worker tells whoever leads of its callers, over the bus. The other way: `caller_orders`."""

from __future__ import annotations

import logging
from time import monotonic
from typing import TYPE_CHECKING, Any

from cti.core.errors import CtiError
from cti.runtime.cluster.codec import pack

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from cti.acd.states import Outcome
    from cti.core.commands import RequestCallback
    from cti.runtime.cluster.following import Following
    from cti.runtime.cluster.waiting import Waiting

log = logging.getLogger("cti.queue")

QUEUE = "queue."
#: How long a caller waits for the promise of a callback.
REGISTER_S = 6.0


class CallerNews:
    """Nothing is told while nobody leads. ``screen``: what agents' clients are shown of a call."""

    def __init__(self, following: Following, screen: Callable[[str], dict[str, Any]]) -> None:
        self._following, self._screen = following, screen
        self._known: set[str] = set()  # calls of which the leader was told
        self._took: list[tuple[str, str]] = []  # worker and switch: calls that came to us, of which nobody is told yet

    def hello(self, agents: Iterable[str], calls: Iterable[str]) -> None:
        """To a leader that is new, before all else. ``agents``: in talks that an earlier engine of this worker left.
        ``calls``: those that are this worker's, or may be."""
        self._known.clear()
        self._following.tell(f"{QUEUE}hello", {"talking": sorted(agents), "calls": sorted(calls)})
        self._tell_taken()

    def took(self, worker: str, switch: str) -> None:
        """The calls of a dead worker on this switch are this one's. Told to the next leader where there is none."""
        self._took.append((worker, switch))
        if self._following.led:
            self._tell_taken()

    def enter(self, one: Waiting) -> None:
        stay = one.stay.state(monotonic()) if one.back else None
        self._tell_of(one, "enter", {"returns": one.who.returns, "stay": stay})

    def back(self, one: Waiting, *, talking: bool) -> None:
        """Does who leads go on with the talk? ``talking``: it is with somebody; else on hold."""
        self._tell_of(one, "back", {"talking": talking, "connected": one.connected, "agent": one.stay.agent})

    def leave(self, one: Waiting) -> None:
        """Its place is kept."""
        self._tell("leave", one.uuid, ref=one.who.wish.ref)

    def gone(self, uuid: str, outcome: Outcome) -> None:
        if uuid in self._known:
            self._known.discard(uuid)
            self._tell("gone", uuid, outcome=outcome.value)

    def lost(self, calls: Collection[str]) -> None:
        if calls:
            self._following.tell(f"{QUEUE}lost", {"calls": list(calls)})

    def talk_over(self, agent: str) -> None:
        """One that was not of the present leader's making."""
        if agent:
            self._following.tell(f"{QUEUE}talked", {"agent": agent})

    def register(self, call_id: str, wish: RequestCallback) -> str:
        """`cti.ports.CallbackDesk`. Blocks until the leader has kept it; declined where nobody leads."""
        self._known.add(call_id)
        body = {"uuid": call_id, "wish": pack(wish), "screen": self._shown(call_id)}
        try:
            return str(self._following.ask(f"{QUEUE}callback", body, REGISTER_S))
        except CtiError as error:
            log.warning("call %s: callback declined: %s", call_id, error)
            return "declined"

    def _tell_taken(self) -> None:
        took, self._took = self._took, []
        for worker, switch in took:
            self._following.tell(f"{QUEUE}took", {"worker": worker, "switch": switch})

    def _tell_of(self, one: Waiting, what: str, told: Mapping[str, Any]) -> None:
        self._known.add(one.uuid)
        body = {
            "uuid": one.uuid, "number": one.number, "switch": one.who.switch.name, "wish": pack(one.who.wish),
            "screen": self._shown(one.uuid), **told,
        }  # fmt: skip
        try:
            self._following.tell(QUEUE + what, body)
        except CtiError as error:
            log.warning("call %s: agents see nothing of its variables: %s", one.uuid, error)
            self._following.tell(QUEUE + what, {**body, "screen": {}})

    def _shown(self, uuid: str) -> dict[str, Any]:
        try:
            return self._screen(uuid)
        except Exception:
            log.exception("call %s cannot be shown", uuid)
            return {}

    def _tell(self, what: str, uuid: str, **body: Any) -> None:
        self._following.tell(QUEUE + what, {"uuid": uuid, **body})
