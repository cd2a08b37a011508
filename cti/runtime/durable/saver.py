"""Keeps where one call stands, at each wait; and gives it back."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cti.core.calls import Caller, Medium, NewCall
from cti.core.transcripts import TEXT
from cti.runtime.durable.body import KEPT_WORK, Saved, SnapshotUnreadable, dump, load

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cti.core.commands import Work
    from cti.core.snapshots import RunSnapshot
    from cti.flow import Run
    from cti.runtime.durable.desk import DurableCalls
    from cti.runtime.floor.stays import Stay
    from cti.runtime.standing import Standing

log = logging.getLogger("cti.call")

#: Media whose channel outlives the engine.
ON_A_SWITCH = frozenset({Medium.VOICE, Medium.VIDEO, Medium.FAX})
#: Of these what the flow does after the hang-up is kept, too. A fax is in its queue by then, and kept there.
SPOKEN = frozenset({Medium.VOICE, Medium.VIDEO})
#: Media that have none: what is known of the call is kept with it.
BY_TEXT = frozenset({Medium.SMS, Medium.CHAT})


class CallSaver:
    """Written from the call's greenlet alone. ``durable`` None: nothing is kept."""

    def __init__(self, durable: DurableCalls | None, call: NewCall, *, rejected: bool = False) -> None:
        kept = call.medium in ON_A_SWITCH | BY_TEXT and not rejected
        self._durable = durable if kept else None
        self._call = call
        self._work: dict[int, Any] = {}
        self.number = 0
        self.changed = False
        #: Where the call was kept last its flow went on, and what it does after a hang-up is begun by the next engine.
        self.heeds_hangup = False
        #: Those on their way to whoever writes.
        self.replies: Callable[[], Sequence[tuple[str, str]]] = tuple

    def did(self, work: Work) -> None:
        """A command was given, and its ending is to come."""
        if self._durable is not None and isinstance(work, KEPT_WORK):
            self._work[work.ref] = work

    def save(self, at: Standing, stay: Callable[[str], Stay | None]) -> None:
        """Where the call stands now, if that changed since the last time. Takes some tens of microseconds; nobody waits
        for the database. ``stay``: as `cti.runtime.queues.Queues.stay`."""
        durable, run = self._durable, at.run
        if durable is None or not self.changed:
            return
        self.changed = False
        if not run.started or (at.ending.gone and self._call.medium not in SPOKEN):
            return
        if run.ended and (at.ending.gone or not self.heeds_hangup):
            return
        self._work = {ref: work for ref, work in self._work.items() if ref in run.pending}
        try:
            now, stands, heeds = durable.instant(), stay(self._call.uuid), self._heeds(run)
            body = dump(
                Saved(
                    now, run.plan.root, run.plan.version, at.clock.time(), {}, self._work,
                    at.timers.due(), at.ending.state(), at.log.state(), (at.silent.since, at.silent.paused),
                    None if stands is None else stands.state(now.monotonic), self._told(at, heeds), durable.owner,
                    self.replies(),
                ),
                run.dump(),
            )  # fmt: skip
        except Exception:
            log.exception("call %s: a bug where it is kept, which ends here", self._call.uuid)
            self._durable = None
            return
        self.number += 1
        self.heeds_hangup = heeds
        durable.keep(self._call, self.number, body)

    def _heeds(self, run: Run) -> bool:
        return self._call.medium in SPOKEN and not run.ended and run.heeds_hangup

    def _told(self, at: Standing, heeds: bool) -> dict[str, Any] | None:
        """What the next engine must know of a conversation by text, or of a call whose flow heeds a hang-up, which may
        be over by then; None: its switch will tell."""
        if self._call.medium in BY_TEXT or at.ending.gone or at.run.ended or heeds:
            return told_of(self._call)
        return None

    def taken_up(self, kept: RunSnapshot) -> Saved:
        """Raises SnapshotUnreadable."""
        saved = load(kept.body)
        self._work = dict(saved.work)
        self.number = kept.number
        self.heeds_hangup = saved.call is not None and self._call.medium in SPOKEN
        return saved

    def on_disk(self) -> bool:
        return self._durable is None or self._durable.on_disk()


def told_of(call: NewCall) -> dict[str, Any]:
    """Who calls whom, as `call_of` reads it."""
    caller = call.caller
    return {
        "medium": call.medium.value,
        "number": caller.number,
        "name": caller.name,
        "called": caller.called,
        "attributes": {name: value for name, value in call.attributes.items() if name != TEXT},
    }


def call_of(kept: RunSnapshot) -> NewCall:
    """A conversation by text, or a call whose channel is gone, or may be, as it was. Raises SnapshotUnreadable."""
    told = load(kept.body).call
    try:
        assert told is not None
        caller = Caller(told["number"], told["name"], told["called"])
        attributes = {str(name): str(value) for name, value in told["attributes"].items()}
        return NewCall(
            kept.call_id, kept.switch, caller, Medium(told["medium"]), attributes, answered=True, adopted=True
        )
    except (AssertionError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise SnapshotUnreadable(f"not known who calls ({type(error).__name__})") from error


def over_of(kept: RunSnapshot) -> NewCall | None:
    """A call on a switch that no longer has its channel, and whose flow has something left to do: it was at what it
    does after the hang-up, or would be. None: it has not, or that cannot be read."""
    try:
        call = call_of(kept)
        return replace(call, over=True) if call.medium in SPOKEN or load(kept.body).ending.get("gone") else None
    except SnapshotUnreadable:
        return None
