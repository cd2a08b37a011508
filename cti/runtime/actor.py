"""One call, one greenlet, one mailbox: the only owner of the call's state (DESIGN 3.5).

Everything that happens to a call is posted here and handled in order; the run (pure) says what to do, and this
module does it through the ports. Every wait has a deadline, and hang-up at any point is a normal path.
"""

from __future__ import annotations

import heapq
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import gevent
from gevent.queue import Empty, SimpleQueue

from cti.core import commands as cmd
from cti.core import events as ev
from cti.core.calls import TerminalCause
from cti.core.errors import CtiError
from cti.runtime.ending import Ending

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.core.calls import NewCall
    from cti.flow import Run
    from cti.ports import Switch
    from cti.runtime.services import Services

log = logging.getLogger("cti.call")

#: After our hang-up the switch must report it; a channel that does not is written off.
HANGUP_DEADLINE_S = 5.0
#: After the caller's hang-up the flow may still look up, write and send; then it is ended.
AFTER_HANGUP_S = 30.0
#: A mailbox this full belongs to a caller (or a bug) that floods: further digits are dropped, endings never are.
MAILBOX_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class _Stop:
    """Posted by the engine: the call is over without the switch having said so."""

    cause: TerminalCause
    detail: str


@dataclass(frozen=True, slots=True)
class _Audio:
    """Rendering ended for ``Play(ref)``; None: it failed."""

    ref: int
    arguments: list[str] | None


@dataclass(frozen=True, slots=True)
class _Answered:
    pass


@dataclass(frozen=True, slots=True)
class _Kill:
    pass


@dataclass(frozen=True, slots=True)
class _Joined:
    uuid: str
    number: str


@dataclass(slots=True)
class _Timers:
    """Timers of one call as a heap: the mailbox wait ends at the earliest, so no greenlet per timer."""

    heap: list[tuple[float, int]] = field(default_factory=list)
    live: set[int] = field(default_factory=set)

    def start(self, ref: int, at: float) -> None:
        self.live.add(ref)
        heapq.heappush(self.heap, (at, ref))

    def cancel(self, ref: int) -> None:
        self.live.discard(ref)

    def next_at(self) -> float | None:
        while self.heap and self.heap[0][1] not in self.live:
            heapq.heappop(self.heap)
        return self.heap[0][0] if self.heap else None

    def pop_due(self, now: float) -> int | None:
        at = self.next_at()
        if at is None or at > now:
            return None
        ref = heapq.heappop(self.heap)[1]
        self.live.discard(ref)
        return ref


class CallActor:
    """Drives one `Run` for one channel. ``on_close`` is called once, from the actor's greenlet, at the very end."""

    def __init__(
        self,
        call: NewCall,
        run: Run,
        switch: Switch,
        services: Services,
        on_close: Callable[[CallActor], None],
        *,
        rejected: bool = False,
    ) -> None:
        self.call = call
        self.uuid = call.uuid
        self._run = run
        self._switch = switch
        self._services = services
        self._on_close = on_close
        self._mailbox: SimpleQueue[Any] = SimpleQueue()
        self._timers = _Timers()
        self._workers: set[gevent.Greenlet[Any, Any]] = set()
        self._wanted_audio: set[int] = set()
        self.ending = Ending(rejected=rejected)
        self.dropped_digits = 0
        self._facts: dict[type[Any], Callable[[Any], None]] = {
            cmd.NodeEntered: lambda f: services.journal.node_entered(self.uuid, f),
            cmd.NodeLeft: lambda f: services.journal.node_left(self.uuid, f),
            cmd.GoalReached: self.ending.goal,
            cmd.FlowError: self._flow_error,
            cmd.RunEnded: self.ending.run_ended,
        }
        self._commands: dict[type[Any], Callable[[Any], None]] = {
            cmd.Answer: lambda _c: switch.answer(self.uuid),
            cmd.Play: self._play,
            cmd.StopPlay: self._stop_play,
            cmd.StartTimer: lambda c: self._timers.start(c.ref, services.clock.monotonic() + c.seconds),
            cmd.CancelTimer: lambda c: self._timers.cancel(c.ref),
            cmd.Lookup: self._lookup,
            cmd.Transfer: self._transfer,
            cmd.EnterQueue: lambda c: services.queues.enter(self.uuid, self._switch, c, self.post),
            cmd.LeaveQueue: lambda c: services.queues.leave(self.uuid, c.ref, keep_place=c.keep_place),
            cmd.RequestCallback: lambda c: self.post(services.queues.callback(self.uuid, c)),
            cmd.Record: self._record,
            cmd.StopRecord: lambda c: switch.stop_record(self.uuid, c.ref),
            cmd.SendMessage: lambda c: self._spawn(services.messages.send, c),
            cmd.Hangup: self._hangup,
        }

    # ---- mailbox: called by anybody, returns at once ------------------------------------------------------------

    def post(self, event: Any) -> None:
        if isinstance(event, ev.DigitPressed) and self._mailbox.qsize() >= MAILBOX_LIMIT:
            self.dropped_digits += 1
            return
        self._mailbox.put(event)

    def stop(self, cause: TerminalCause, detail: str) -> None:
        self._mailbox.put(_Stop(cause, detail))

    def kill(self) -> None:
        """Ended from outside (operator, API)."""
        self._mailbox.put(_Kill())

    @property
    def language(self) -> str:
        return self._run.language

    def answered(self) -> None:
        self._mailbox.put(_Answered())

    def joined(self, uuid: str, number: str) -> None:
        self._mailbox.put(_Joined(uuid, number))

    # ---- the greenlet ---------------------------------------------------------------------------------------------

    def main(self) -> None:
        """Run the call to its end. A bug in here ends this call only, with a record that says so."""
        try:
            self._do(self._run.start(self._services.now()))
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
        monotonic = self._services.clock.monotonic
        due = self._timers.pop_due(monotonic())
        if due is not None:
            return ev.TimerFired(due)
        at = self._timers.next_at()
        if self.ending.deadline is not None and (at is None or self.ending.deadline < at):
            at = self.ending.deadline
        try:
            return self._mailbox.get(timeout=None if at is None else max(0.0, at - monotonic()))
        except Empty:
            if self.ending.deadline is not None and monotonic() >= self.ending.deadline:
                self.ending.overdue()
                return None
            ref = self._timers.pop_due(monotonic())
            return None if ref is None else ev.TimerFired(ref)

    def _handle(self, message: Any) -> None:
        match message:
            case None:
                return
            case _Stop(cause, detail):
                self.ending.force(cause, detail)
                self._gone("LOST")
            case _Kill():
                self.ending.force(TerminalCause.KILLED, "")
                self._hangup(cmd.Hangup())
            case _Audio(ref, arguments):
                self._audio(ref, arguments)
            case _Answered():
                self._services.journal.answered(self.uuid)
            case _Joined(uuid, number):
                self._services.journal.leg_joined(self.uuid, uuid, number)
            case ev.HungUp(cause):
                self._gone(cause)
            case ev.PlayEnded(ref):
                if not self._services.queues.music_ended(self.uuid, ref):
                    self._feed(message)
            case ev.TransferEnded(ref, outcome):
                if not self._services.queues.talk_ended(self.uuid, ref, outcome):
                    self._feed(message)
            case _:
                self._feed(message)

    def _gone(self, cause: str) -> None:
        if self.ending.hung_up(cause, self._services.clock.monotonic() + AFTER_HANGUP_S):
            self._feed(ev.HungUp(cause))

    def _feed(self, event: ev.Event) -> None:
        self._do(self._run.feed(event, self._services.now()))

    def _do(self, sprint: cmd.Sprint) -> None:
        for work in sprint:
            kind = type(work)
            fact = self._facts.get(kind)
            if fact is not None:
                fact(work)
            elif not self.ending.gone or kind in (cmd.SendMessage, cmd.Lookup, cmd.CancelTimer, cmd.StartTimer):
                self._commands[kind](work)
        if self.ending.gone and self._run.ended:
            self.ending.closed = True

    # ---- commands that need more than a line ----------------------------------------------------------------------

    def _play(self, play: cmd.Play) -> None:
        ready = self._services.prompts.find(play.parts)
        if ready is not None:
            self._switch.play(self.uuid, play.ref, ready)
            return
        self._wanted_audio.add(play.ref)
        self._spawn(self._render, play)

    def _render(self, play: cmd.Play) -> _Audio:
        try:
            return _Audio(play.ref, self._services.prompts.render(self.uuid, play.parts))
        except CtiError as error:
            log.warning("call %s: prompt not available: %s", self.uuid, error)
            return _Audio(play.ref, None)

    def _audio(self, ref: int, arguments: list[str] | None) -> None:
        if ref not in self._wanted_audio:
            return  # the flow went on meanwhile
        self._wanted_audio.discard(ref)
        if arguments is None:
            self._feed(ev.PlayEnded(ref, ok=False))
        elif not self.ending.gone:
            self._switch.play(self.uuid, ref, arguments)

    def _stop_play(self, stop: cmd.StopPlay) -> None:
        if stop.ref in self._wanted_audio:
            self._wanted_audio.discard(stop.ref)
            self.post(ev.PlayEnded(stop.ref))
        else:
            self._switch.stop_play(self.uuid, stop.ref)

    def _lookup(self, lookup: cmd.Lookup) -> None:
        self._spawn(self._services.lookups.ask, lookup)

    def _transfer(self, transfer: cmd.Transfer) -> None:
        self._switch.transfer(self.uuid, transfer.ref, transfer.kind, transfer.target, transfer.timeout_s)

    def _record(self, record: cmd.Record) -> None:
        path = self._services.recording_path(self.uuid, record.ref)
        self._switch.record(self.uuid, record.ref, path, record.max_s, record.silence_s)

    def _hangup(self, hangup: cmd.Hangup) -> None:
        self.ending.we_hang_up(self._services.clock.monotonic() + HANGUP_DEADLINE_S)
        self._switch.hangup(self.uuid, hangup.cause)

    def _flow_error(self, error: cmd.FlowError) -> None:
        log.warning("call %s: %s.%s [%s] %s", self.uuid, error.flow, error.node, error.code, error.message)
        self.ending.error = self.ending.error or f"{error.code} at {error.flow}.{error.node}"

    def _spawn(self, work: Callable[[Any], Any], argument: Any) -> None:
        """Run something that may block beside the mailbox; its result is posted. `work` must keep its deadline."""

        def job() -> None:
            self.post(work(argument))

        worker = gevent.spawn(job)
        self._workers.add(worker)
        worker.rawlink(self._workers.discard)

    def _close(self) -> None:
        for worker in tuple(self._workers):
            worker.kill(block=False)
        self._services.queues.gone(self.uuid)
        self._services.prompts.discard_call(self.uuid)
        self._on_close(self)
