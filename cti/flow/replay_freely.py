"""The second half of a replay: the run goes its own way on a virtual clock; what is left of the recording is matched to
it by meaning.

The outside answers the same questions as then (`cti.flow.replay_answers`). The caller does next what they did next,
once the run is at the node where they did it, in the same state (a prompt playing or not), as long after it began.
At a node that the recording does not know the caller is silent; a node that is no longer there has its keys pressed in
the node that asks in its place. Who hung up at a node that is never reached hangs up when they did.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cti.core import commands as c
from cti.core import events as e
from cti.flow.replay_answers import SECOND, Answers
from cti.flow.replay_lockstep import Lockstep, place_of
from cti.flow.replay_recording import Fed, Recording
from cti.flow.replay_trace import Item, observe
from cti.flow.run import Run

MOST_STEPS = 5_000
LONGEST_US = 6 * 3600 * SECOND
_CALLERS = (e.DigitPressed, e.TextReceived, e.HungUp)
_TAKES_KEYS = ("menu", "collect", "queue", "voicemail")


@dataclass(frozen=True, slots=True)
class Act:
    """Something the caller did: at which visit of which node, with a prompt playing or not, after how many prompts
    there, and how long after the last thing that happened."""

    step: Fed
    node: str
    visit: int
    playing: bool
    prompts: int
    since_us: int


def acts_of(recording: Recording, first: int) -> list[Act]:
    found: list[Act] = []
    node, visit, prompts, last_us = "", 0, 0, 0
    playing: set[int] = set()
    ended = {step.event.ref: n for n, step in enumerate(recording.steps) if isinstance(step.event, e.PlayEnded)}
    for number, step in enumerate(recording.steps):
        if isinstance(step.event, _CALLERS):
            if number >= first:
                found.append(Act(step, node, visit, bool(playing), prompts, step.at_us - last_us))
            playing = {ref for ref in playing if ended.get(ref, 0) > number}  # the others were cut short by this
        elif isinstance(step.event, e.PlayEnded):
            playing.discard(step.event.ref)
        last_us = step.at_us
        for item in step.items:
            if item[0] == "enter":
                node, visit, prompts = f"{item[1]}.{item[2]}", item[4], 0
                playing.clear()
            elif item[0] == "play":
                prompts += 1
                playing = {item[1]}
    return found


@dataclass
class Freely:
    """``missing``: what nothing answered; the replay ends there. ``unused``: acts that nothing asked for."""

    run: Run
    recording: Recording
    lockstep: Lockstep
    given: Mapping[str, Any] = field(default_factory=dict)
    done: list[Fed] = field(default_factory=list)
    missing: str = ""
    unused: int = 0

    def __post_init__(self) -> None:
        first = self.lockstep.left_at or 0
        self._answers = Answers(self.recording, self.lockstep.asked_from, self.given)
        self._acts = acts_of(self.recording, first)
        self._now = self._since = self.recording.steps[max(first - 1, 0)].at_us
        self._agenda: list[tuple[int, int, e.Event]] = []
        self._order = 0
        self._playing: set[int] = set()
        self._prompts = self._prompts_before()

    def _prompts_before(self) -> int:
        """Prompts of the present visit, without those that begin now."""
        done = self.lockstep.done[:-1] if self.lockstep.sprint else self.lockstep.done
        kinds = [item[0] for step in done for item in step.items if item[0] in ("enter", "play")]
        return [*reversed(kinds), "enter"].index("enter")

    def play(self) -> None:
        self._take_over()
        self._begun(self.lockstep.sprint)
        for _ in range(MOST_STEPS):
            if self.run.ended or self.missing or self._now > LONGEST_US or not self._step():
                break
        self.unused += sum(not isinstance(act.step.event, e.HungUp) for act in self._acts)

    # ---- what goes on from before ------------------------------------------------------------------------------------

    def _take_over(self) -> None:
        """What is under way ends as it did then; timers that nothing ended then fire when they are due."""
        fresh = {item[1] for item in (self.lockstep.done[-1].items if self.lockstep.sprint else ()) if len(item) > 1}
        own = {mine: recorded for recorded, mine in self.lockstep.refs.items() if mine not in fresh}
        seconds = {
            item[1]: item[2] for step in self.lockstep.done for item in step.items if item[0] in ("timer", "limit")
        }
        first = self.lockstep.left_at or 0
        for ref, recorded in own.items():
            if ref not in self.run.pending and ref != self.run.limit_ref:
                continue
            if ref in seconds:
                self._later(self.lockstep.started[ref] + round(seconds[ref] * SECOND), e.TimerFired(ref))
                continue
            for step in self.recording.steps[first:]:
                if step.event is not None and getattr(step.event, "ref", None) == recorded:
                    event: Any = step.event
                    self._later(step.at_us, type(event)(ref, *_rest(event)))
            if self.run.pending.get(ref, ("",))[0] == "play":
                self._playing.add(ref)

    def _begun(self, sprint: c.Sprint) -> None:
        """The work of a sprint begins. Its items are those that `observe` made of it last."""
        items = self.lockstep.done[-1].items if not self.done else self.done[-1].items
        by_ref = {item[1]: item for item in items if item[0] in ("play", "ask")}
        for work in sprint:
            match work:
                case c.NodeEntered():
                    self._prompts = 0
                case c.Play(ref):
                    self._prompts += 1
                    self._playing.add(ref)
                    self._later(self._now + self._answers.lasts_us(by_ref[ref][2], work), e.PlayEnded(ref))
                case c.StopPlay(ref):
                    self._playing.discard(ref)
                case c.StopRecord(ref):
                    self._stop_record(ref)
                case c.StartTimer(ref, seconds):
                    self._later(self._now + round(seconds * SECOND), e.TimerFired(ref))
                case _ if (asked := by_ref.get(getattr(work, "ref", 0))) is not None:
                    self._ask(work, asked)
        self._since = self._now

    def _ask(self, work: c.Work, item: Item) -> None:
        answers = self._answers.answer(work, item)
        if answers is None:
            self.missing = self.missing or f"{item[2]} {item[3]}".strip()
            return
        for after, event in answers:
            self._later(self._now + after, event)

    def _stop_record(self, ref: int) -> None:
        """It ends as it is known to end, only now."""
        known = next((event for _, _, event in self._agenda if getattr(event, "ref", 0) == ref), None)
        lasted = (self._now - self._since) / SECOND
        self._later(self._now, known or e.RecordEnded(ref, lasted, "done"))

    def _later(self, at_us: int, event: e.Event) -> None:
        self._order += 1
        heapq.heappush(self._agenda, (max(at_us, self._now), self._order, event))

    # ---- time --------------------------------------------------------------------------------------------------------

    def _step(self) -> bool:
        """The next thing happens; False when nothing will any more."""
        while self._agenda and not self._awaited(self._agenda[0][2]):
            heapq.heappop(self._agenda)
        due = self._agenda[0][0] if self._agenda else None
        act = self._next_act() or (self._at_last() if due is None else None)
        if act is not None and (due is None or act[0] <= due):
            at, chosen = act
            self._now = max(self._now, at)
            self._feed(chosen.step.event, private=chosen.step.private)
            return True
        if due is None:
            return False
        self._now, _, event = heapq.heappop(self._agenda)
        if isinstance(event, e.PlayEnded):
            self._playing.discard(event.ref)
        self._feed(event)
        return True

    def _awaited(self, event: e.Event) -> bool:
        ref = getattr(event, "ref", 0)
        return ref in self.run.pending or ref == self.run.limit_ref

    def _feed(self, event: e.Event | None, *, private: bool = False) -> None:
        assert event is not None
        sprint = self.run.feed(event, self.recording.moment(self._now))
        self.done.append(Fed(self._now, event, tuple(observe(self.run, sprint)), private))
        self._begun(sprint)

    # ---- the caller --------------------------------------------------------------------------------------------------

    def _next_act(self) -> tuple[int, Act] | None:
        """When, and what, the caller does next as things stand; taken off the list by time coming, not by asking."""
        if not self._acts:
            return None
        here, visit = place_of(self.run), self.run.frames[-1].visit
        index = next(
            (
                number
                for number, act in enumerate(self._acts)
                if act.node == here and (act.visit == visit or (number == 0 and act.visit < visit))
            ),
            None,
        )
        if index is None:
            return self._elsewhere(self._acts[0])
        act = self._acts[index]
        if (self._playing and not act.playing) or self._prompts < act.prompts:
            return self._elsewhere(act) if isinstance(act.step.event, e.HungUp) else None
        at = max(self._since + act.since_us, self._now)
        return self._if_next(at, act, index)

    def _elsewhere(self, act: Act) -> tuple[int, Act] | None:
        if isinstance(act.step.event, e.HungUp):
            return self._if_next(max(act.step.at_us, self._now), act, 0)
        flow, _, node = act.node.partition(".")
        known = self.run.plan.flows.get(flow)
        if (known is not None and node in known.nodes) or self.run.node.type not in _TAKES_KEYS or self._playing:
            return None
        return self._if_next(max(self._since + act.since_us, self._now), act, 0)

    def _at_last(self) -> tuple[int, Act] | None:
        """Nothing will happen any more unless the caller does something: whatever they did at this node, or hang up."""
        here = place_of(self.run)
        for wanted in (lambda act: act.node == here, lambda act: isinstance(act.step.event, e.HungUp)):
            index = next((number for number, act in enumerate(self._acts) if wanted(act)), None)
            if index is not None:
                return self._if_next(max(self._acts[index].step.at_us, self._now), self._acts[index], index)
        return None

    def _if_next(self, at: int, act: Act, index: int) -> tuple[int, Act] | None:
        if self._agenda and self._agenda[0][0] < at:
            return None
        self.unused += index
        del self._acts[: index + 1]
        return at, act


def _rest(event: Any) -> list[Any]:
    return [getattr(event, name) for name in event.__slots__ if name != "ref"]
