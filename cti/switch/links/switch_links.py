"""The links to one switch, kept alive: connect, subscribe, reconcile, watch, reconnect (DESIGN 3.1 and 3.3)."""

from __future__ import annotations

import logging
import random
import uuid as uuids
from collections.abc import Callable, Mapping
from time import monotonic
from typing import TYPE_CHECKING, Any

import gevent
from gevent.event import Event as Flag

from cti import esl
from cti.core.errors import CtiError
from cti.esl import Event, Frame
from cti.switch.links.ahead import Standing
from cti.switch.links.errors import AccessRefused, LinkLost
from cti.switch.links.jobs import Jobs, refusal
from cti.switch.links.pair import LinkPair
from cti.switch.links.pending import Pending
from cti.switch.links.settings import WORKER_HEADER, LinkSettings, LinkSink, LinkState

if TYPE_CHECKING:
    from cti.switch.holding import Claim, Fence

log = logging.getLogger("cti.switch.links")

_STOP_S = 10.0

_STANDINGS = {
    Standing.AHEAD: (logging.INFO, "the switch reads our commands before it serves its calls"),
    Standing.FORBIDDEN: (
        logging.WARNING,
        "the switch is on this machine, but we may not let it read our commands before it serves its calls, so that a "
        "full machine carries fewer. Run both as one user, the switch with LimitRTPRIO=99 (as `cti ops units` has it)",
    ),
    Standing.UNKNOWN: (logging.WARNING, "which of its threads reads our commands the switch's machine does not show"),
}


class SwitchLinks:
    """``sink`` hears of events and of the links' fate; ``on_state(state, reason)`` of every change of state.

    Commands raise LinkLost while the links are down, and EslError for what cannot be said safely.
    """

    def __init__(
        self,
        name: str,
        settings: LinkSettings,
        sink: LinkSink,
        *,
        rng: random.Random | None = None,
        new_id: Callable[[], str] = lambda: str(uuids.uuid4()),
        on_state: Callable[[LinkState, str], object] | None = None,
        fence: Fence | None = None,
        claim: Claim | None = None,
    ) -> None:
        """``fence``: nothing is said when it is over. ``claim``: to be taken before anything is done, each time."""
        self.name = name
        self.settings = settings
        self.worker = settings.worker
        self.state = LinkState.STOPPED
        self.reason = ""
        self.core_uuid = ""
        self.standing: Standing | None = None  # of the switch's thread that reads our commands; None: not looked yet
        self._sink = sink
        self._rng = rng or random.Random()
        self._new_id = new_id
        self._on_state = on_state
        self._fence, self._claim = fence, claim
        # A minus: none of these, whatever other filters say (mod_event_socket.c: event_handler).
        self._filters = [("Application", f"-{name}") for name in settings.unheard]
        if settings.worker is not None:
            self._filters.append((WORKER_HEADER, settings.worker))
            self._filters += [("Event-Name", "HEARTBEAT"), ("Event-Name", "BACKGROUND_JOB")]
            # Subclasses of CUSTOM are about no channel, or carry no variables of it. One filter for all: each is looked
            # for among the headers of every event, the hundred and fifty of a call's too.
            if subclasses := [name for name in settings.events if "::" in name]:
                self._filters.append(("Event-Subclass", f"/^({'|'.join(subclasses)})$/"))
        self._jobs = Jobs()
        self._pair: LinkPair | None = None
        self._attention = Flag()
        self._errands: list[Callable[[], object]] = []
        self._stopping = False
        self._greenlet: gevent.Greenlet[[], None] | None = None
        self._failures = 0
        self._counts = {"connects": 0, "losses": 0, "resyncs": 0, "refused_commands": 0}

    # ---- life ------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Returns at once; the sink hears of the rest."""
        if self._greenlet is None:
            self._stopping = False
            self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        """Within seconds: say goodbye, fail what is under way, tell the sink."""
        self._stopping = True
        self._attention.set()
        if self._greenlet is not None and self._greenlet is not gevent.getcurrent():
            self._greenlet.join(_STOP_S)
            self._greenlet.kill(block=False)
        self._greenlet = None

    def _run(self) -> None:
        while not self._stopping:
            self._set_state(LinkState.CONNECTING, self.reason)
            pair = self._pair = LinkPair(
                self.settings,
                self.name,
                on_event=self._sink.on_event,
                on_job=self._jobs.finished,
                attention=self._attention.set,
            )
            up_since = monotonic()
            came_up = False
            try:
                pair.connect(self._filters)
                self._stands(pair.standing)
                self._hold(pair)
                self._reconcile(pair)
                came_up = True
                self._counts["connects"] += 1
                self._watch(pair)
                reason: CtiError = pair.lost or LinkLost("stopped", code="link-stopped")
            except CtiError as error:
                reason = pair.lost if came_up and pair.lost is not None else error
            self._down(pair, reason, came_up)
            if came_up and monotonic() - up_since > self.settings.backoff_max_s:
                self._failures = 0
            if not self._stopping:
                self._wait_to_retry(reason, told=came_up)
        self._set_state(LinkState.STOPPED, "")

    def _hold(self, pair: LinkPair) -> None:
        """Raises SlotHeld, LinkLost, DeadlineExceeded."""
        at = self._fence.now() if self._fence is not None else 0.0
        if self._claim is not None:
            self._claim.take(lambda *words: pair.commands.request(esl.api(*words), self.settings.reply_timeout_s).reply)
        if self._fence is not None:
            self._fence.renewed(at)

    def _stands(self, standing: Standing) -> None:
        if standing is not self.standing and standing in _STANDINGS:
            level, says = _STANDINGS[standing]
            log.log(level, "%s: %s", self.name, says)
        self.standing = standing

    def _down(self, pair: LinkPair, reason: CtiError, came_up: bool) -> None:
        pair.close(handle_rest=came_up, goodbye=self._stopping)
        self._jobs.fail_all(LinkLost(f"the link was lost: {reason.message}"))
        self._pair = None
        if came_up:
            self._counts["losses"] += 1
            log.log(logging.INFO if self._stopping else logging.WARNING, "%s: down: %s", self.name, reason)
            self._tell("on_down", self._sink.on_down, reason.message)

    def _wait_to_retry(self, reason: CtiError, *, told: bool) -> None:
        refused = isinstance(reason, AccessRefused)
        state = LinkState.REFUSED if refused else LinkState.WAITING
        if not told and str(reason) != self.reason:
            # Once per reason: a switch that is away for an hour is one line in the log, not thousands.
            log.log(logging.ERROR if refused else logging.WARNING, "%s: %s", self.name, reason)
        self._set_state(state, str(reason))
        self._attention.clear()
        if not self._stopping:
            self._attention.wait(self._delay_s(refused))

    def _delay_s(self, refused: bool) -> float:
        """Doubling, with half of it left to chance, so that workers do not come back all at once."""
        s = self.settings
        whole = (
            s.refused_retry_s if refused else min(s.backoff_max_s, s.backoff_first_s * 2.0 ** min(self._failures, 20))
        )
        self._failures += 1
        return whole * (0.5 + self._rng.random() / 2) if not refused else whole * (1 + self._rng.random() / 10)

    def _reconcile(self, pair: LinkPair) -> None:
        """Tell the sink what is there, while events wait; then let them through."""
        pair.inbox.hold()
        pair.missed = False
        core_uuid, channels = pair.snapshot()
        restarted = bool(self.core_uuid) and core_uuid != self.core_uuid
        self.core_uuid = core_uuid
        self._set_state(LinkState.UP, "")
        log.info("%s: up, core %s%s, %d channels", self.name, core_uuid, " (restarted)" * restarted, len(channels))
        self._tell("on_up", self._sink.on_up, core_uuid, restarted, channels)
        pair.inbox.release()

    def _watch(self, pair: LinkPair) -> None:
        """Until a link is lost or `stop`."""
        while not self._stopping and pair.lost is None:
            self._attention.clear()
            if pair.missed:
                self._counts["resyncs"] += 1
                self._reconcile(pair)
            while self._errands and pair.lost is None:
                pair.inbox.hold()
                self._tell("an errand", self._errands.pop(0))
                pair.inbox.release()
            if not (self._stopping or pair.missed or self._errands) and pair.lost is None:
                self._attention.wait(self.settings.quiet_s / 3)
                pair.probe(monotonic())

    def _tell(self, what: str, callback: Callable[..., object], *args: Any) -> None:
        try:
            callback(*args)
        except LinkLost as error:  # under it: the next one that comes up begins anew
            log.warning("%s: %s was broken off: %s", self.name, what, error)
        except Exception:
            log.exception("%s: %s failed", self.name, what)

    def _set_state(self, state: LinkState, reason: str) -> None:
        if (state, reason) == (self.state, self.reason):
            return
        self.state, self.reason = state, reason
        if self._on_state is not None:
            self._tell("on_state", self._on_state, state, reason)

    def between(self, work: Callable[[], object]) -> None:
        """Do it between two events, on the links' own greenlet; at the next time that they are up, if they are not."""
        self._errands.append(work)
        self._attention.set()

    # ---- commands --------------------------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        """Both links are there and the subscription holds."""
        return self.state is LinkState.UP and self._pair is not None and self._pair.connected

    def submit(self, command: bytes) -> Pending[Frame]:
        """One command of `cti.esl`'s builders on the command link."""
        pair = self._pair
        if pair is None or not pair.connected or self.state is not LinkState.UP:
            raise LinkLost(f"{self.name} is not connected ({self.reason or self.state})")
        if self._fence is not None and self._fence.over:
            # We were stopped, or the switch does not answer: others may have our calls by now.
            stale = LinkLost(f"{self.name}: the lease of the worker slot is over", code="lease-over")
            pair.commands.fail(stale)
            raise stale
        return pair.commands.submit(command)

    def execute(
        self,
        uuid: str,
        application: str,
        argument: str = "",
        *,
        event_uuid: str = "",
        event_lock: bool = False,
        during: Mapping[str, str] | None = None,
    ) -> Pending[Frame]:
        """Run an application; its EXECUTE_COMPLETE carries ``event_uuid`` as Application-UUID, if it ever comes.
        ``during``: variables for as long as it runs."""
        command = esl.execute(uuid, application, argument, event_uuid=event_uuid, event_lock=event_lock, during=during)
        return self.submit(command)

    def submit_api(self, command: str, *args: str) -> Pending[Frame]:
        return self.submit(esl.api(command, *args))

    def hangup(self, uuid: str, cause: str = "NORMAL_CLEARING") -> Pending[Frame]:
        return self.submit(esl.hangup(uuid, cause))

    def api(self, command: str, *args: str, timeout_s: float | None = None) -> str:
        """The command's output. Raises CommandRefused for -ERR, LinkLost, DeadlineExceeded. For quick commands only:
        it holds up the command link while it runs."""
        timeout = self.settings.reply_timeout_s if timeout_s is None else timeout_s
        answer = self.submit_api(command, *args).wait(timeout).reply
        refused = refusal(answer, command)
        if refused is not None:
            self._counts["refused_commands"] += 1
            raise refused
        return "" if answer.startswith("-ERR no reply") else answer

    def submit_job(self, command: str, *args: str, timeout_s: float, job_uuid: str | None = None) -> Pending[str]:
        """A command that may take long, in the background; ends with its output or an error after ``timeout_s``."""
        job_uuid = job_uuid or self._new_id()
        order = esl.bgapi(command, *args, job_uuid=job_uuid)
        job = self._jobs.expect(job_uuid, command, timeout_s)
        try:
            reply = self.submit(order)
        except CtiError as error:
            job.fail(error)
            raise
        reply.add_callback(lambda answered: self._jobs.acknowledged(job_uuid, answered))
        return job

    def job(self, command: str, *args: str, timeout_s: float) -> str:
        """`submit_job` and wait. Raises CommandRefused, LinkLost, DeadlineExceeded."""
        return self.submit_job(command, *args, timeout_s=timeout_s).wait(timeout_s + 1.0)

    def dump(self, uuid: str, timeout_s: float | None = None) -> Event:
        """All that the switch knows of a channel (``uuid_dump``). Raises CommandRefused when it is gone."""
        text = self.api("uuid_dump", uuid, timeout_s=timeout_s)
        return esl.PlainEvent(b"\n" + text.encode("utf-8", "replace"), 0)

    def add_filter(self, header: str, value: str) -> Pending[Frame]:
        """Let more events through (another worker's calls), also after a reconnect."""
        order = esl.filter_add(header, value)
        if (header, value) not in self._filters:
            self._filters.append((header, value))
        return self._on_event_link(order)

    def remove_filter(self, header: str, value: str) -> Pending[Frame]:
        order = esl.filter_delete(header, value)
        self._filters = [kept for kept in self._filters if kept != (header, value)]
        return self._on_event_link(order)

    def _on_event_link(self, order: bytes) -> Pending[Frame]:
        pair = self._pair
        if pair is None or not pair.connected:
            raise LinkLost(f"{self.name} is not connected ({self.reason or self.state})")
        return pair.events.submit(order)

    @property
    def backlog(self) -> int:
        """Events that nobody has handled yet and commands that the switch has not answered."""
        pair = self._pair
        return len(pair.inbox) + pair.commands.unanswered if pair is not None else 0

    def stats(self) -> dict[str, Any]:
        """Numbers for metrics; counts since the start of the program."""
        pair = self._pair
        return {
            "state": str(self.state),
            "reason": self.reason,
            **self._counts,
            "ahead": self.standing is Standing.AHEAD,
            "jobs": len(self._jobs),
            "waiting_events": len(pair.inbox) if pair else 0,
            "dropped_events": pair.inbox.dropped if pair else 0,
            "frames": pair.events.frames + pair.commands.frames if pair else 0,
        }
