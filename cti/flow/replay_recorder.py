"""What a run was fed and did, written down as it happens: the journal of a run. Pure; the runtime stores it.

An entry is ``[microseconds since the start, event, items, private]``, the first with ``{…}`` of the start in the
event's place. From the plan of its version and the events alone the run can be made again, to the last node and
variable: that is what a replay does, and what a resumed call needs.

A *secret* (a key of a PIN) stands in an entry as its number; its text is kept apart (`Recorder.take`), because it must
not outlive the call. *Private* are its keys and those of any other sensitive value: kept, but not to be shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cti.core import commands as c
from cti.core import events as e
from cti.flow.replay_events import pack, pack_event
from cti.flow.replay_trace import observe
from cti.flow.run import Run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cti.flow.plan import Plan
    from cti.flow.types import Type

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
        self._early: list[list[Any]] = []
        self._entries: list[list[Any]] = []
        self._secrets: dict[str, str] = {}
        self._count = 0

    # ---- writing -------------------------------------------------------------------------------------------------

    def early(self, event: e.Event) -> None:
        """Fed before the start: what a conversation by text begins with."""
        self._early.append(pack_event(event))

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
            "early": self._early,
        }
        self._entries.append([0, start, observe(run, sprint), 0])

    def fed(self, run: Run, event: e.Event, now: datetime, sprint: c.Sprint, before: Before) -> None:
        """``before`` is what `look` said before the event was fed."""
        packed = pack_event(event)
        if before.secret:
            packed[1] = self._hide(packed[1])
        items = observe(run, sprint)
        kind = asked_for(run) if before.state and any(item[0] == "enter" for item in items) else None
        if kind is not None and before.state:
            self._hide_last(_flushed(run.plan, before.state, event, now, sprint), kind)
        if run.thrown and (asked := asked_for(run)) is not None:
            self._hide_last(run.thrown, asked)
        self._entries.append([micros(now) - self._begun, packed, items, int(before.private)])

    def _hide(self, text: str) -> dict[str, str]:
        self._count += 1
        self._secrets[str(self._count)] = text
        return {"secret": str(self._count)}

    def _hide_last(self, count: int, kind: Type) -> None:
        for entry in reversed(self._entries):
            packed = entry[1]
            if count and isinstance(packed, list) and packed[0] in _TYPED and isinstance(packed[1], str):
                count -= 1
                entry[3] = 1
                if packed[1].isdigit() and kind.kind != "phone":
                    packed[1] = self._hide(packed[1])

    # ---- another engine ------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """What `restore` makes the same recorder of, entries included that nobody has taken; JSON can hold it. Has
        secrets."""
        return {"begun": self._begun, "entries": self._entries, "secrets": self._secrets, "count": self._count}

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Recorder:
        """Of a run that was started."""
        recorder = cls({})
        recorder._begun, recorder._count = state["begun"], state["count"]
        recorder._entries = [list(entry) for entry in state["entries"]]
        recorder._secrets = dict(state["secrets"])
        return recorder

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


@dataclass(frozen=True, slots=True)
class Before:
    """``state`` of a run with keys typed ahead; None: with none."""

    secret: bool = False
    private: bool = False
    state: dict[str, Any] | None = None


def look(run: Run, event: e.Event) -> Before:
    """What has to be known before ``event`` is fed. Star and hash, and the keys of a confirmation, tell nothing of a
    sensitive value, and without them the path could not be followed."""
    digit = isinstance(event, e.DigitPressed) and event.digit.isdigit()
    kind = asked_for(run) if digit or isinstance(event, e.TextReceived) else None
    private = kind is not None or (isinstance(event, e.TextReceived) and _in_conversation(run))
    return Before(kind is not None and kind.kind != "phone", private, run.state() if run.keys else None)


def _in_conversation(run: Run) -> bool:
    """What customers write to people is theirs."""
    return run.started and not run.ended and run.node.type == "queue"


def _flushed(plan: Plan, state: dict[str, Any], event: e.Event, now: datetime, sprint: c.Sprint) -> int:
    """How many of the keys typed ahead were thrown away before the question for a secret: perhaps they were meant to
    answer it. They are those without which the run comes to the question all the same."""
    keys: str = state["keys"]
    for used in range(len(keys)):
        if Run.restore(plan, {**state, "keys": keys[:used]}).feed(event, now) == sprint:
            return len(keys) - used
    return 0


def asked_for(run: Run) -> Type | None:
    """The type of the sensitive value that the present node asks for; None: it asks for no such."""
    if run.ended or not run.started or run.node.type != "collect" or "value" in run.local:
        return None
    save = run.node.get("save")
    found = run.plan.flows[run.frames[-1].flow].variables.get(save.name) if save else None
    return found.type if found is not None and found.type.sensitive else None
