"""An engine goes on with a call that another one left: the run at its wait, and what it was waiting for."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from cti.core import commands as cmd
from cti.core import events as ev
from cti.core.errors import CtiError
from cti.flow import Run
from cti.runtime.durable.body import Saved, SnapshotUnreadable
from cti.runtime.floor.stays import Stay
from cti.runtime.messages import CameBack

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.core.calls import NewCall
    from cti.core.snapshots import RunSnapshot
    from cti.ports import Switch
    from cti.runtime.durable.desk import DurableCalls
    from cti.runtime.durable.saver import CallSaver
    from cti.runtime.hands import Hands
    from cti.runtime.messages import Timers
    from cti.runtime.services import Services
    from cti.runtime.standing import Standing

log = logging.getLogger("cti.call")

#: The reference of what a caller hears first after a gap, among those of the run, which count from 1.
FIRST_HEARD = -2
#: How long the next engine waits for a message that it gives again, though its time was over in the gap.
MESSAGE_S = 5.0


class TakingUp:
    """``seconds``: how long nobody saw to the call, from the last time that it was kept. ``here``: by an engine of
    this worker."""

    def __init__(self, saved: Saved, run: Run, began_at: float, seconds: float, shift_s: float, *, here: bool) -> None:
        self.saved, self.run, self.here = saved, run, here
        self._now = saved.at.monotonic + seconds + shift_s
        self.began_at, self.seconds, self._shift_s = began_at, seconds, shift_s

    @classmethod
    def of(cls, durable: DurableCalls, saver: CallSaver, kept: RunSnapshot) -> TakingUp | str:
        """Why it cannot be gone on with, in words, if it cannot. Blocks when the flow has another version by now."""
        try:
            saved = saver.taken_up(kept)
        except SnapshotUnreadable as error:
            return error.message
        plan = durable.find_plan(saved.flow, saved.version)
        if plan is None:
            return f"version {saved.version[:12]} of flow {saved.flow} is not to be had"
        try:
            run = Run.restore(plan, saved.run)
        except (CtiError, KeyError, TypeError, ValueError, AttributeError) as error:
            return f"the state of the run cannot be read ({type(error).__name__})"
        shift_s = durable.ahead_of(saved.at)
        seconds = max(0.0, durable.instant().monotonic - (saved.at.monotonic + shift_s))
        here = saved.owner == durable.owner
        return cls(saved, run, durable.last_seen(kept.saved_at), seconds, shift_s, here=here)

    @property
    def waits_for(self) -> frozenset[str]:
        """What kinds of things the run waits for."""
        return frozenset(kind for kind, _ in self.run.pending.values())

    def go_on(self, at: Standing) -> None:
        """The call stands where it was kept, and the gap is on record."""
        at.log.go_on(self.saved.log)
        at.ending.go_on(self.saved.ending)
        at.run = self.run
        at.clock.go_on(self.saved.run_at + self.seconds)
        since, at.silent.paused = self.saved.silent
        at.silent.since = since + self._shift_s
        at.log.gap(self.began_at, "resumed")
        self.start_timers(at.timers)

    def start_timers(self, timers: Timers) -> None:
        """Those of the run, with what is left of them: the time in between counts. A message that is given again is
        waited for all the same."""
        least = self._now + MESSAGE_S if "message" in self.waits_for else 0.0
        for ref, due in self.saved.timers.items():
            if ref == self.run.limit_ref:
                timers.start(ref, due + self._shift_s)
            elif ref in self.run.pending:
                timers.start(ref, max(due + self._shift_s, least))

    def restore_channel(self, call: NewCall, switch: Switch, services: Services, hands: Hands) -> None:
        """What the switch has forgotten: the recording; and the caller is told to wait a moment, where that is set."""
        run = self.run
        if run.answered and not call.answered:
            hands.do(cmd.Answer(), gone=False)
        hands.media.queue = (self.saved.stay or {}).get("queue") or run.queue or ""
        if run.recording:
            hands.do(cmd.StartRecording(), gone=False)
            if run.recording == "paused":
                hands.do(cmd.PauseRecording(True), gone=False)
            if run.masks:
                hands.do(cmd.MaskRecording(True), gone=False)
        durable = services.durable
        if durable is None or run.by_text or not run.answered or call.talking or "queue" in self.waits_for:
            return
        ready = services.prompts.find(durable.prompt(run.language)) if durable.prompt(run.language) else None
        if ready:
            switch.play(call.uuid, FIRST_HEARD, ready)

    def begin_again(self, call: NewCall, switch: Switch, hands: Hands, post: Callable[[Any], None]) -> None:
        """What the run still waits for, after it has heard of the gap."""
        for ref in list(self.run.pending):
            work = self.saved.work.get(ref)
            match work:
                case None:
                    continue  # a timer, or new
                case cmd.Transfer():
                    if not switch.take_up_transfer(call.uuid, ref, work.kind, work.target):
                        hands.do(work, gone=False)
                case cmd.EnterQueue():
                    self._queue(work, call, hands, post)
                case cmd.SendMessage():
                    hands.message_again(work, here=self.here)
                case cmd.SendFax() | cmd.ReceiveFax():
                    post(ev.FaxEnded(ref, "failed"))  # the other machine has given up by now, or will
                case _:
                    hands.do(work, gone=False)

    def _queue(self, wish: cmd.EnterQueue, call: NewCall, hands: Hands, post: Callable[[Any], None]) -> None:
        known = None if self.saved.stay is None else Stay.of(self.saved.stay, self.saved.at.monotonic + self._shift_s)
        if self.run.by_text:  # who wrote with an agent waits for that one again
            hands.enter(wish, known)
            return
        talked = known is not None and bool(known.agent)
        if hands.take_back(wish, known, talking=call.talking, connected=talked):
            return
        if call.talking:
            if not talked:
                post(ev.QueueConnected(wish.ref, ""))
            return  # `CameBack` tells the end of it
        if talked:
            post(CameBack())
            return
        hands.enter(wish, known)
