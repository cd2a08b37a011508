"""One call, one greenlet, one mailbox: the only owner of the call's state (DESIGN 3.5).

Everything that happens to a call is posted here and handled in order; the run (pure) says what to do, and `Hands` does
it through the ports. Every wait has a deadline, and hang-up at any point is a normal path.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import gevent
from gevent.event import Event as Flag

from cti.core import commands as cmd
from cti.core import events as ev
from cti.core.calls import HandOver, Medium, TerminalCause
from cti.logs import CALL
from cti.runtime import messages as msg
from cti.runtime.durable import CallSaver, RunClock
from cti.runtime.ending import AFTER_HANGUP_S, Ending
from cti.runtime.floor.text_line import TextLine
from cti.runtime.hands import Hands
from cti.runtime.mailbox import Mailbox
from cti.runtime.media import CallMedia
from cti.runtime.replies import Replies
from cti.runtime.resuming import Resuming
from cti.runtime.silent import TIMER, SilentStay
from cti.runtime.standing import Standing
from cti.runtime.transcripts import CallWords

if TYPE_CHECKING:
    from collections.abc import Callable

    from gevent.event import AsyncResult

    from cti.core.calls import NewCall
    from cti.core.snapshots import RunSnapshot
    from cti.flow import Run
    from cti.flow.types import Type
    from cti.ports import Switch
    from cti.runtime.journal import CallLog
    from cti.runtime.queues import Queues
    from cti.runtime.services import Services

log = logging.getLogger("cti.call")

#: After our hang-up the switch must report it; a channel that does not is written off.
HANGUP_DEADLINE_S = 5.0


class CallActor:
    """Drives one `Run` for one channel. ``on_close`` is called once, from the actor's greenlet, at the very end."""

    def __init__(
        self,
        call: NewCall,
        run: Run,
        switch: Switch,
        services: Services,
        call_log: CallLog,
        on_close: Callable[[CallActor], None],
        *,
        rejected: bool = False,
        kept: RunSnapshot | None = None,
    ) -> None:
        """``kept``: where an earlier engine has left the call, which goes on there if that can be."""
        self.call = call
        self.uuid = call.uuid
        self.ending = Ending(rejected=rejected)
        self.done = Flag()
        self.log = call_log
        self._switch = switch
        self._services = services
        self._on_close = on_close
        self._kept, self._left = kept, False
        self._mailbox = Mailbox(services.clock.monotonic)
        self._timers = self._mailbox.timers
        self._clock = RunClock(services.clock, services.zone)
        self._saver = CallSaver(services.durable, call, rejected=rejected)
        by_text = run.by_text or call.medium is Medium.TIMER
        self._silent = SilentStay(0.0 if by_text else services.silent_s, services.clock.monotonic())
        self._at = Standing(run, self._clock, self._timers, self.ending, call_log, self._silent)
        self._words = CallWords(services.transcripts, call.uuid) if run.by_text else None
        self._replies = replies = Replies(call, services, self._words, self._saver, self.post)
        self._queues: Queues = services.queues
        if run.by_text or call.medium is Medium.FAX:
            send = replies.write if run.by_text else None
            self._queues = TextLine(services.texts, services.queues, call, send)
        media = CallMedia(call.uuid, switch, services, self.post, call_log.recording_kept)
        self._hands = Hands(
            call.uuid, switch, services, self._timers, self.post, self._hangup, replies.send, media, self._queues,
            call.adopted, self._story, self._saver.on_disk,
        )  # fmt: skip
        self._resuming = Resuming(
            call, self._at, services, switch, self._saver, self._hands, self._words, replies, self._feed, self.post
        )
        self._facts: dict[type[Any], Callable[[Any], None]] = {
            cmd.NodeEntered: self._entered,
            cmd.NodeLeft: call_log.node_left,
            cmd.GoalReached: self.ending.goal,
            cmd.NoticeHeard: lambda heard: services.notices.heard(call.uuid, heard),
            cmd.FlowError: self._flow_error,
            cmd.RunEnded: self.ending.run_ended,
        }

    # ---- mailbox: called by anybody, returns at once ------------------------------------------------------------

    def post(self, event: Any) -> None:
        self._mailbox.post(event)

    def receipt(self) -> AsyncResult[bool]:
        """True when the call has come to all that was posted so far, and what came of it is on its way to the disk;
        False: it has ended, or its engine has let go of it, before that."""
        return self._mailbox.receipt()

    def leave(self) -> None:
        """The engine ends, and the call does not: what it waits for is left as it is, for the next one."""
        self._left = True

    def unread(self) -> list[Any]:
        """What was posted and not handled; of an actor that has ended."""
        return self._mailbox.unread()

    @property
    def released(self) -> bool:
        """In a talk that an earlier engine made: the engine only waits for its end."""
        return self._resuming.released

    @property
    def recorded_before(self) -> bool:
        """The call detail record is there already."""
        return self._resuming.recorded_before

    @property
    def _run(self) -> Run:
        return self._at.run

    @property
    def language(self) -> str:
        return self._run.language

    def variables(self, *, unmask: bool = False) -> dict[str, Any]:
        """Of the flow that runs now, for a person to see: sensitive ones masked, unless asked for."""
        if self._run.ended or not self._run.started:
            return {}
        return dict(self._run.frames[-1].variables) if unmask else self._run.public_variables()

    def editable(self) -> dict[str, Type]:
        """Of the flow that runs now, variables that an agent may put right, with their types."""
        return {} if self._run.ended or not self._run.started else self._run.editable()

    # ---- the greenlet ---------------------------------------------------------------------------------------------

    def main(self) -> None:
        """Run the call to its end. A bug in here ends this call only, with a record that says so."""
        CALL.set(self.uuid)
        try:
            if self._silent.limit_s:
                self._timers.start(TIMER, self._silent.since + self._silent.limit_s)
            if self._resuming.begins(self._kept):
                if self._words is not None:  # it begins with what the caller wrote
                    first = self.call.attributes.get("text", "")
                    self._words.received(self._run, first)
                    self._run.feed(ev.TextReceived(first), self._clock.now())
                    self._words.fed(self._run)
                self._fed(self.log.start(self._run, self._clock.now()))
            while not self.ending.closed:
                self._handle(self._next())
        except Exception as bug:
            log.exception("call %s: internal error", self.uuid)
            self.ending.bug(bug)
            self._switch.hangup(self.uuid, "NORMAL_TEMPORARY_FAILURE")
        finally:
            self._close()

    def _next(self) -> Any:
        """The next thing to handle: a message, or `TimerFired` when one is due first."""
        due = self._mailbox.due()
        if due is not None:
            return due
        self._saver.save(self._at, self._queues.stay)
        if not self._run.ended:  # its end is kept with the record of it
            self._mailbox.settled()
        found, deadline = self._mailbox.wait(self.ending.deadline), self.ending.deadline
        if found is None and deadline is not None and self._services.clock.monotonic() >= deadline:
            self._overdue()
        return found

    def _overdue(self) -> None:
        if not self.ending.gone and not self._switch.up:
            # The hang-up is kept and sent when the link is back; if it never is, the engine ends the call.
            self.ending.deadline = self._services.clock.monotonic() + HANGUP_DEADLINE_S
            return
        self.ending.overdue()
        self._feed(ev.HungUp(""))

    def _handle(self, message: Any) -> None:
        match message:
            case None:
                return
            case msg.Stop(cause, detail):
                self.ending.force(cause, detail)
                self._gone("")
            case msg.Vanished():
                self.ending.note("ended while the link to the switch was down")
                self._gone("")
            case msg.Kill():
                self.ending.force(TerminalCause.KILLED, "")
                self._hangup(cmd.Hangup())
            case msg.AudioReady():
                self._hands.audio_ready(message, gone=self.ending.gone)
            case msg.CameBack():
                self._back_from_talk()
            case msg.StayChanged():
                self._saver.changed = True
            case msg.Answered():
                self.log.answered()
            case msg.LegJoined(uuid, role, number):
                self.log.leg_joined(uuid, role, number)
            case msg.LegLeft(uuid, cause):
                self.log.leg_left(uuid, cause)
            case ev.FaxEnded():
                self._feed(self._hands.media.fax_ended(message))
            case msg.RecordingFailed(action):
                self.ending.note(self._hands.media.tape.failed(action))
            case msg.RecordTalk():
                self._hands.media.tape.talk(message)
            case ev.RecordEnded():
                self._hands.media.recorded(message)
                self._feed(message)
            case ev.HungUp(cause):
                self._gone(cause)
            case ev.TimerFired(ref) if ref == TIMER:
                self._silent_too_long()
            case ev.TextReceived() if self._run.ended:
                self._mailbox.missed()  # the next message begins another conversation
            case ev.TextReceived(text):
                if self._words is not None:
                    self._words.received(self._run, text)
                self._feed(message)
            case _:
                self._feed(message)

    def _gone(self, cause: str) -> None:
        if self.ending.hung_up(cause, self._services.clock.monotonic() + AFTER_HANGUP_S):
            self._queues.gone(self.uuid)  # at once: no agent's phone may ring for a caller who left
            self._feed(ev.HungUp(cause))

    def _back_from_talk(self) -> None:
        """From one with an agent, that is; those of transfers end by themselves."""
        if (durable := self._services.durable) is not None:
            durable.no_talk(self.uuid)
        for ref, (kind, _) in tuple(self._run.pending.items()):
            if kind == "queue":
                self._feed(ev.QueueEnded(ref, "talked"))

    def _entered(self, node: cmd.NodeEntered) -> None:
        self._silent.entered(node.type, self._services.clock.monotonic())
        self.log.node_entered(node)

    def _silent_too_long(self) -> None:
        now = self._services.clock.monotonic()
        left = self._silent.left_s(now)
        if left > 0:
            self._timers.start(TIMER, now + left)
        elif not self.ending.gone:
            self.ending.force(
                TerminalCause.LIMIT, f"silent-stay: nothing came from the caller for {now - self._silent.since:.0f} s"
            )
            self._hangup(cmd.Hangup())

    def _feed(self, event: ev.Event) -> None:
        self._silent.heard(event, self._services.clock.monotonic())
        self._fed(self.log.feed(self._run, event, self._clock.now()))

    def _fed(self, sprint: cmd.Sprint) -> None:
        if self._words is not None:
            self._words.fed(self._run)
        self._saver.changed = True
        self._do(sprint)

    def _do(self, sprint: cmd.Sprint) -> None:
        for work in sprint:
            fact = self._facts.get(type(work))
            self._saver.did(work)
            self._silent.did(work, self._services.clock.monotonic())
            if fact is not None:
                fact(work)
            else:
                self._hands.do(work, gone=self.ending.gone)  # type: ignore[arg-type]  # what is no fact is a command
        if self.ending.gone and (self._run.ended or not self._run.started):
            self.ending.closed = True

    def _story(self, identity: str) -> HandOver:
        caller = self.call.caller
        path = tuple(f"{flow}.{node}" for flow, node, _visit in self.log.path)
        return HandOver(self.uuid, caller.number, caller.called, path, identity)

    def _hangup(self, hangup: cmd.Hangup) -> None:
        self.ending.we_hang_up(self._services.clock.monotonic() + HANGUP_DEADLINE_S)
        if self._run.ended and self._saver.heeds_hangup:
            gevent.spawn(self._hang_up_when_kept, hangup.cause)  # begins when the actor waits, and has kept the end
        else:
            self._switch.hangup(self.uuid, hangup.cause)

    def _hang_up_when_kept(self, cause: str) -> None:
        """The flow has ended: else the next engine would take it for the caller's hang-up, which the flow heeds."""
        self._saver.on_disk()
        if not self.ending.gone:
            self._switch.hangup(self.uuid, cause)

    def _flow_error(self, error: cmd.FlowError) -> None:
        log.warning("call %s: %s.%s [%s] %s", self.uuid, error.flow, error.node, error.code, error.message)
        self.ending.note(f"{error.code} at {error.flow}.{error.node}")

    def _close(self) -> None:
        try:
            if self._left:
                self._hands.let_go()
            else:
                self._hands.close(talks_on=self.released)
        except Exception:
            log.exception("call %s: not everything could be put away", self.uuid)
        finally:
            if self._words is not None:
                self._words.ended()
            self._on_close(self)
            if not self._left:
                self._mailbox.settled()
            self._mailbox.close()
            self.done.set()
