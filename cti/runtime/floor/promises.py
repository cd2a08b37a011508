"""What a wish for a callback becomes: whom it is about, when, in which place, and what the agent is told."""

from __future__ import annotations

import uuid as uuids
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from cti.core.callbacks import Callback
from cti.core.commands import Say

if TYPE_CHECKING:
    from collections.abc import Collection

    from cti.core.commands import AudioPart, RequestCallback
    from cti.ports import Clock
    from cti.runtime.floor.callers import Callers

#: What the agent is told first: this is nobody who waits on the line.
TOLD = {"zh": "回拨。", "en": "A callback."}


@dataclass(frozen=True, slots=True)
class CallbackRules:
    """``pause_s`` between attempts; ``ring_s``: how long the phone rings; ``limit``: how many may be open; ``at_once``:
    calls for flows at the same time; ``permitted``: may people be called at this moment?; ``language`` of what the
    agent is told without a whisper."""

    pause_s: float = 300.0
    ring_s: float = 30.0
    limit: int = 1000
    at_once: int = 10
    permitted: Callable[[float], bool] = lambda _at: True
    language: str = "zh-CN"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What else is asked: is this call up, whose number is it, is this number on the line, is there such a flow, is
    the notice that is meant by an event over already."""

    is_up: Callable[[str], bool]
    number_of: Callable[[str], str | None]
    on_line: Callable[[str], bool]
    has_flow: Callable[[str], bool]
    is_over: Callable[[str], bool]


class Promises:
    """``queues``: those that there are now. ``worker``: the slot that will call."""

    def __init__(
        self,
        callers: Callers,
        queues: Callable[[], Collection[str]],
        clock: Clock,
        rules: CallbackRules,
        around: Surroundings,
        worker: str,
    ) -> None:
        self._callers, self._queues, self._clock = callers, queues, clock
        self._rules, self._around, self._worker = rules, around, worker

    def has_queue(self, queue: str) -> bool:
        return queue in self._queues()

    def served(self, wish: RequestCallback) -> bool:
        if wish.flow is not None:
            return self._around.has_flow(wish.flow)
        return wish.queue is not None and wish.queue in self._queues()

    def asked(self, call_id: str, wish: RequestCallback) -> Callback:
        now = self._clock.now()
        event = wish.when.removeprefix("event:") if wish.when.startswith("event:") else ""
        due = None if event and not self._around.is_over(event) else now
        if wish.when != "now" and not event:
            due = datetime.fromisoformat(wish.when).timestamp()
        asked = Callback(
            str(uuids.uuid4()),
            wish.number,
            now,
            due,
            event,
            "" if wish.flow is not None else wish.queue or "",
            wish.flow or "",
            worker=self._worker,
            call_id=call_id,
            about=_told(self._callers.whisper_of(call_id), self._rules.language),
            allowed=wish.attempts,
        )
        place = self._callers.place_of(call_id) if wish.keep_place and wish.flow is None else None
        if place is None:
            return asked
        own, since = place
        return replace(asked, rank_at=since, counted=True, priority=own.priority, skills=dict(own.skills))


def whisper_of(one: Callback) -> tuple[AudioPart, ...]:
    return tuple(Say(text, language, fixed=False, sensitive=True) for language, text in one.about)


def _told(whisper: tuple[AudioPart, ...], language: str) -> tuple[tuple[str, str], ...]:
    """The whisper of the queue, in texts, after a word that says what this is."""
    said = [(part.language, part.text) for part in whisper if isinstance(part, Say)]
    spoken = said[0][0] if said else language
    first = TOLD.get(spoken.partition("-")[0])
    return (*(((spoken, first),) if first else ()), *said)
