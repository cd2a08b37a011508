"""What a run was fed and did, written down as it happens: the journal of a run. Pure; the runtime stores it.

An entry is ``[microseconds since the start, event, items]``, the first with ``{…}`` of the start in the event's place.
From the plan of its version and the events alone the run can be made again, to the last node and variable: that is
what a replay does, and what a resumed call needs.

A *secret* (a key of a PIN) stands in an entry as its number; its text is kept apart (`Recorder.take`), because it must
not outlive the call.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cti.core import commands as c
from cti.core import events as e
from cti.flow.replay_events import pack, pack_event
from cti.flow.replay_trace import observe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cti.flow.run import Run

FORMAT = 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_TYPED = ("DigitPressed", "TextReceived")


def micros(now: datetime) -> int:
    """Whole microseconds since the epoch."""
    return (now - _EPOCH) // _MICROSECOND


def zone_of(now: datetime) -> str | float:
    """The name of the time zone, or its offset in seconds: what the time of day is in a flow depends on it."""
    offset = now.utcoffset() or timedelta()
    return getattr(now.tzinfo, "key", None) or offset.total_seconds()


class Recorder:
    """Collects entries until somebody takes them."""

    def __init__(self, inputs: Mapping[str, Any]) -> None:
        self._inputs = dict(inputs)
        self._begun = 0
        self._entries: list[list[Any]] = []
        self._secrets: dict[str, str] = {}
        self._count = 0

    # ---- writing -------------------------------------------------------------------------------------------------

    def started(self, run: Run, now: datetime, visits: Mapping[str, int], sprint: c.Sprint) -> None:
        """``visits``: those that an earlier run of the same call left (`Run.visits` before the start)."""
        self._begun = micros(now)
        start = {
            "format": FORMAT,
            "flow": run.plan.root,
            "version": run.plan.version,
            "zone": zone_of(now),
            "at": self._begun,
            "inputs": pack(self._inputs),
            "visits": dict(visits),
        }
        self._entries.append([0, start, observe(run, sprint)])

    def fed(self, run: Run, event: e.Event, now: datetime, sprint: c.Sprint, *, secret: bool, ahead: int) -> None:
        """``secret`` as `is_secret` says before feeding, ``ahead`` the keys that were typed ahead then."""
        packed = pack_event(event)
        if secret:
            packed[1] = self._hide(packed[1])
        items = observe(run, sprint)
        if ahead and any(item[0] == "enter" for item in items) and asks_secret(run):
            self._hide_last(ahead)  # flushed before the question, but perhaps what was to be asked
        self._entries.append([micros(now) - self._begun, packed, items])

    def _hide(self, text: str) -> dict[str, str]:
        self._count += 1
        self._secrets[str(self._count)] = text
        return {"secret": str(self._count)}

    def _hide_last(self, count: int) -> None:
        for entry in reversed(self._entries):
            packed = entry[1]
            if count and isinstance(packed, list) and packed[0] in _TYPED and isinstance(packed[1], str):
                packed[1] = self._hide(packed[1]) if packed[1].isdigit() else packed[1]
                count -= 1

    # ---- handing over --------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._entries)

    def peek(self) -> tuple[Any, ...]:
        """The entries that nobody has taken yet."""
        return tuple(self._entries)

    def take(self) -> tuple[tuple[Any, ...], dict[str, str]]:
        """(entries, secrets) since the last time."""
        taken = tuple(self._entries), self._secrets
        self._entries, self._secrets = [], {}
        return taken


def is_late(run: Run, event: e.Event) -> bool:
    """The run will ignore it: of no use to anybody."""
    if not run.started:
        return not isinstance(event, e.HungUp)
    if run.ended or (run.hung_up and isinstance(event, e.HungUp | e.DigitPressed | e.TextReceived)):
        return True
    ref = getattr(event, "ref", None)
    return ref is not None and ref not in run.pending and ref != run.limit_ref


def is_secret(run: Run, event: e.Event) -> bool:
    """A digit (or a text) that answers a question for a secret. Star and hash, and the keys of a confirmation, tell
    nothing of it, and without them the path could not be followed."""
    if isinstance(event, e.DigitPressed):
        return event.digit.isdigit() and asks_secret(run)
    return isinstance(event, e.TextReceived) and asks_secret(run)


def asks_secret(run: Run) -> bool:
    """The present node asks for a sensitive value that is no telephone number."""
    if run.ended or not run.started or run.node.type != "collect" or "value" in run.local:
        return False
    save = run.node.get("save")
    kind = run.plan.flows[run.frames[-1].flow].variables.get(save.name) if save else None
    return kind is not None and kind.type.sensitive and kind.type.kind != "phone"
