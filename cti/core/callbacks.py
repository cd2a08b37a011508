"""A promise to call somebody back, and what becomes of it. Times in seconds since the epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from cti.core.moments import SKEW_S

#: An attempt that was none: the person was on the phone with us, or the agent left before anybody answered.
SOON_S = 30.0


class CallbackState(StrEnum):
    WAITING = "waiting"  # for its time, its event, or the end of the call in which it was promised
    QUEUED = "queued"  # for an agent
    CALLING = "calling"  # the phone of the person called rings, or is about to
    REACHED = "reached"
    FAILED = "failed"  # every attempt was made
    CANCELLED = "cancelled"


OPEN = (CallbackState.WAITING, CallbackState.QUEUED, CallbackState.CALLING)


@dataclass(frozen=True, slots=True)
class Callback:
    """``due_at`` None: not before ``event`` is raised. Met by ``flow``, or by an agent of ``queue``.

    ``rank_at``: since when it waits in the eyes of those who are served in turn; None: since it enters the queue.
    ``counted``: its entry in the queue stands in the counts already. ``about``: texts for the agent's ear, as
    (language, text). ``called_as``: the record of the last attempt; ``call_id``: of the call in which it was asked for
    (empty: somebody of the house did). ``version`` counts its changes.
    """

    callback_id: str
    number: str
    created_at: float
    due_at: float | None
    event: str = ""
    queue: str = ""
    flow: str = ""
    state: CallbackState = CallbackState.WAITING
    worker: str = "0"
    call_id: str = ""
    rank_at: float | None = None
    counted: bool = False
    priority: int = 0
    skills: Mapping[str, int] = field(default_factory=dict)
    about: tuple[tuple[str, str], ...] = ()
    allowed: int = 3  # attempts
    attempts: int = 0
    last: str = ""  # how the last attempt ended: no_answer, busy, …; or why it was cancelled
    called_as: str = ""
    agent: str = ""
    ended_at: float | None = None
    version: int = 1

    @property
    def open(self) -> bool:
        return self.state in OPEN


def is_due(callback: Callback, now: float, pause_s: float) -> bool:
    """``pause_s``: the longest between attempts. What is further ahead, and was not asked for at that time, was written
    before the clock was set back: it has waited long enough."""
    due = callback.due_at
    if due is None or due <= now:
        return due is not None
    by_itself = bool(callback.last) or due <= callback.created_at
    longest = max(pause_s, SOON_S) if callback.last else 0.0
    return by_itself and due > now + longest + SKEW_S


def begun(callback: Callback, state: CallbackState, called_as: str = "") -> Callback:
    """In a queue, or being called: then it is an attempt, and counted before the phone rings, so that a crash makes
    none more."""
    if state is CallbackState.CALLING:
        return replace(callback, state=state, attempts=callback.attempts + 1, called_as=called_as)
    return replace(callback, state=state, counted=True)


def missed(callback: Callback, outcome: str, now: float, pause_s: float) -> Callback:
    """The attempt came to nothing: again after a pause, or never more."""
    if callback.attempts >= callback.allowed:
        return replace(callback, state=CallbackState.FAILED, last=outcome, ended_at=now)
    return replace(callback, state=CallbackState.WAITING, last=outcome, due_at=now + pause_s)


def put_off(callback: Callback, why: str, now: float, pause_s: float) -> Callback:
    """No attempt was made: there was no agent, or it may not be called at this hour. The place in the queue stays."""
    return replace(callback, state=CallbackState.WAITING, last=why, due_at=now + pause_s)


def taken_back(callback: Callback, why: str, now: float, pause_s: float = SOON_S) -> Callback:
    """As `put_off`; the attempt that had begun is not counted."""
    return replace(put_off(callback, why, now, pause_s), attempts=max(0, callback.attempts - 1))


def reached(callback: Callback, now: float, agent: str = "") -> Callback:
    return replace(callback, state=CallbackState.REACHED, last="answered", agent=agent, ended_at=now)


def cancelled(callback: Callback, why: str, now: float) -> Callback:
    return replace(callback, state=CallbackState.CANCELLED, last=why, ended_at=now)


def restored(callback: Callback, now: float, pause_s: float) -> Callback:
    """After a restart: nobody knows how an attempt ended that was under way, and no queue has it any more."""
    if callback.state is CallbackState.CALLING:
        return missed(callback, "engine_lost", now, pause_s)
    return replace(callback, state=CallbackState.WAITING, due_at=now if callback.due_at is None else callback.due_at)


def merged(waiting: Callback, wish: Callback) -> Callback:
    """The same number asks again: it waits once, as it asked last, with the place that it has had for longer."""
    same = waiting.queue == wish.queue and waiting.rank_at is not None and wish.due_at is not None
    since = wish.created_at if wish.rank_at is None else wish.rank_at
    earlier = waiting.rank_at if same and waiting.rank_at is not None and waiting.rank_at <= since else wish.rank_at
    return replace(
        wish,
        callback_id=waiting.callback_id,
        created_at=waiting.created_at,
        rank_at=earlier,
        counted=waiting.counted or wish.counted,
        version=waiting.version,
    )
