"""What is recorded of the outside: how long prompts lasted, and what answered each question, by what was asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cti.core import commands as c
from cti.core import events as e
from cti.flow.replay_lockstep import with_ref
from cti.flow.replay_recording import Recording
from cti.flow.replay_trace import Item
from cti.flow.simulator import spoken_s
from cti.flow.stubs import Stubs

SECOND = 1_000_000
CUT_US = 200_000
Timed = tuple[int, e.Event]  # microseconds from now


@dataclass
class Answers:
    """``followed``: recorded steps before this one are behind us. ``given`` answers what nothing recorded does, in the
    words of a flow's test (`cti.flow.stubs`)."""

    recording: Recording
    followed: int
    given: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._stubs = Stubs(self.given)
        self._lasted: dict[str, int] = {}
        self._longer: dict[str, int] = {}  # texts that were cut short, and how long they last at least
        self._cut: dict[int, int] = {}
        self._waiting: dict[tuple[str, str, str], list[list[Timed]]] = {}
        begun: dict[int, tuple[int, Item, list[Timed]]] = {}
        ended = {step.event.ref for step in self.recording.steps if isinstance(step.event, e.PlayEnded)}
        for number, step in enumerate(self.recording.steps):
            self._cut_short(begun, ended, step.at_us)
            ref = getattr(step.event, "ref", None)
            if step.event is not None and ref in begun:
                at_us, item, found = begun[ref]
                found.append((step.at_us - at_us, step.event))
                if item[0] == "play" and isinstance(step.event, e.PlayEnded) and step.event.ok:
                    self._lasted.setdefault(item[2], step.at_us - at_us)
            for item in step.items:
                if item[0] not in ("play", "ask"):
                    continue
                events: list[Timed] = []
                begun[item[1]] = (step.at_us, item, events)
                if item[0] == "ask" and number >= self.followed:
                    self._waiting.setdefault(_asked(item), []).append(events)

    def _cut_short(self, begun: Mapping[int, tuple[int, Item, list[Timed]]], ended: set[int], at_us: int) -> None:
        """The prompt begun last was not over at this moment, and its end was never seen."""
        last = max((ref for ref, (_, item, _) in begun.items() if item[0] == "play"), default=0)
        if last and last not in ended:
            since, item, _ = begun[last]
            if (was := self._cut.setdefault(last, at_us - since)) == at_us - since:
                self._longer[item[2]] = max(self._longer.get(item[2], 0), was + CUT_US)

    def lasts_us(self, text: str, play: c.Play) -> int:
        """As long as it did then, else as its length lets expect, and longer than when it was cut short."""
        expected = round(sum(map(spoken_s, play.parts)) * SECOND)
        return self._lasted.get(text, max(expected, self._longer.get(text, 0)))

    def answer(self, work: c.Work, item: Item) -> list[Timed] | None:
        """None: neither recorded nor given."""
        waiting = self._waiting.get(_asked(item))
        if waiting:
            return [(after, with_ref(event, item[1])) for after, event in waiting.pop(0)]
        if not self._is_given(item):
            return None
        return [(round(after * SECOND), event) for after, event in self._stubs.answer(work)[1]]

    def _is_given(self, item: Item) -> bool:
        _, _, what, name, _ = item
        usual = {"Transfer": "transfer", "RequestCallback": "callback", "Record": "record", "SendMessage": "message"}
        names = {"EnterQueue": ("queue", f"queue.{name}"), "FindNotices": ("notices",)}.get(what)
        return any(known in self.given for known in names or (usual.get(what, name),))


def _asked(item: Item) -> tuple[str, str, str]:
    """Source and arguments. What a queue is told besides (skills, priority) does not change who waits for it."""
    _, _, what, name, arguments = item
    told = what in ("Lookup", "Request", "Transfer")
    return what, name, repr(sorted(arguments.items())) if told else ""
