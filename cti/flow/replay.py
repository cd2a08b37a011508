"""A recorded call once more, against its own version or another: what would be different, and where first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cti.flow.plan import Plan
from cti.flow.replay_freely import Freely
from cti.flow.replay_lines import Key, Line, keyed, lines_of
from cti.flow.replay_lockstep import Lockstep, with_recorded_hours
from cti.flow.replay_recording import STAND_INS, Fed, Recording
from cti.flow.replay_trace import Item
from cti.flow.run import RunMisuse

#: What the first difference is. Stable words: reports are grouped by them.
KINDS: Mapping[str, str] = {
    "prompt": "another text is said",
    "node": "another node is entered",
    "exit": "the node is left by another exit",
    "unknown-key": "a key that was pressed is not known any more",
    "missing-outcome": "something is asked that nothing recorded answers",
    "question": "something else is asked of the outside",
    "end": "the call ends otherwise",
    "error": "an error in the flow, or one less",
    "input": "the flow cannot begin with what the call brought",
    "step": "something else happens",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """``node`` is ``flow.node`` where it was decided; ``then`` and ``now`` the two lines (None: nothing more)."""

    kind: str
    node: str
    then: Line | None
    now: Line | None

    def __str__(self) -> str:
        then, now = (line.text.strip() if line else "nothing more" for line in (self.then, self.now))
        return f"[{self.kind}] at {self.node}: {KINDS[self.kind]}: then {then}, now {now}"


@dataclass(frozen=True)
class Replay:
    """``exact``: same version, event by event. ``difference`` None: nothing that a caller or a back office could
    notice. ``unused``: keys that nothing asked for any more."""

    exact: bool
    difference: Difference | None
    then: Sequence[Line] = field(default_factory=tuple)
    now: Sequence[Line] = field(default_factory=tuple)
    unused: int = 0
    missing: str = ""

    @property
    def same(self) -> bool:
        return self.difference is None


def replay(recording: Recording, plan: Plan, given: Mapping[str, Any] | None = None) -> Replay:
    """``given``: answers to questions that the recording knows none to, in the words of a flow's test.

    Secrets that died with the call are replaced, by the first stand-in that goes the recorded way, if one does. Raises
    nothing for a plan that does not fit: that is a difference.
    """
    candidates = STAND_INS if recording.lost_secrets else STAND_INS[:1]
    first: Replay | None = None
    for keys in candidates:
        found = _replay(recording.with_stand_ins(keys), plan, given or {})
        if found.same:
            return found
        first = first or found
    assert first is not None
    return first


def find_stand_in(recording: Recording, plan: Plan) -> Recording:
    """With those stand-ins for lost secrets that go the recorded way in ``plan``, or the first ones."""
    if not recording.lost_secrets:
        return recording
    fitting = (with_keys for keys in STAND_INS if _replay(with_keys := recording.with_stand_ins(keys), plan, {}).same)
    return next(fitting, recording.with_stand_ins(STAND_INS[0]))


def _replay(recording: Recording, plan: Plan, given: Mapping[str, Any]) -> Replay:
    lockstep = Lockstep(with_recorded_hours(plan, recording), recording)
    then = lines_of(recording.steps)
    try:
        run = lockstep.play()
    except RunMisuse as error:
        line = Line(0.0, "flow", error.message, plan.root)
        return Replay(False, Difference("input", plan.root, None, line), then, [line])
    done: list[Fed] = lockstep.done
    freely: Freely | None = None
    if lockstep.left_at is not None:
        freely = Freely(run, recording, lockstep, given)
        freely.play()
        done = [*done, *freely.done]
        if freely.missing:
            last = done[-1]
            done.append(Fed(last.at_us, None, (["missing", freely.missing],)))
    now = lines_of(done)
    exact = plan.version == recording.version
    return Replay(
        exact,
        _first_difference(then, now, complete=recording.complete) or (_hidden(recording, done) if exact else None),
        then,
        now,
        freely.unused if freely else 0,
        freely.missing if freely else "",
    )


def _first_difference(then: Sequence[Line], now: Sequence[Line], *, complete: bool) -> Difference | None:
    before, after = keyed(then), keyed(now)
    for index in range(max(len(before), len(after))):
        one = before[index] if index < len(before) else None
        other = after[index] if index < len(after) else None
        if one is None and not complete:
            return None  # the recording stops in the middle of the call
        if one is None or other is None or one.key != other.key:
            return _judge(before[:index], one, other, _last_press(now, other))
    return None


def _judge(common: Sequence[Line], then: Line | None, now: Line | None, pressed: bool) -> Difference:
    node = common[-1].node if common else (then or now or Line(0, "", "", "")).node
    if now is not None and (then is None or now.key[0] == "missing"):  # type: ignore[index]
        node = now.node if now.key[0] == "missing" else node  # type: ignore[index]
    return Difference(_kind(then.key if then else None, now.key if now else None, pressed), node, then, now)


def _kind(then: Key | None, now: Key | None, pressed: bool) -> str:
    kinds = (then[0] if then else "", now[0] if now else "")
    if kinds[1] == "missing":
        return "missing-outcome"
    if "error" in kinds:
        return "error"
    if pressed and kinds[0] == "leave" and then is not None:
        by_key = then[3] in ("star", "hash") or (then[3].isdigit() and len(then[3]) == 1)
        if by_key and (kinds[1] == "play" or (now is not None and now[0] == "leave" and now[3] == "no_match")):
            return "unknown-key"
    if kinds[0] == kinds[1]:
        return {"play": "prompt", "enter": "node", "leave": "exit", "ask": "question", "end": "end"}.get(
            kinds[0], "step"
        )
    if "end" in kinds or "hangup" in kinds or "" in kinds:
        return "end"
    return "question" if kinds[1] == "ask" else "step"


def _last_press(lines: Sequence[Line], line: Line | None) -> bool:
    """Was a key the last thing that happened before ``line``?"""
    if line is None:
        return False
    before = lines[: next(index for index, one in enumerate(lines) if one is line)]
    return bool(before) and before[-1].side == "caller" and before[-1].text.startswith("presses")


def _hidden(recording: Recording, done: Sequence[Fed]) -> Difference | None:
    """Against the recorded version everything must be the same, what is not shown (timers, numbers) too."""
    then: list[Item] = [item for step in recording.steps for item in step.items]
    now: list[Item] = [item for step in done for item in step.items]
    for one, other in zip(then, now, strict=False):
        if one != other:
            return Difference("step", recording.flow, _raw(one), _raw(other))
    if len(then) != len(now) and recording.complete:
        return Difference("step", recording.flow, None, None)
    return None


def _raw(item: Item) -> Line:
    return Line(0.0, "flow", " ".join(map(str, item)), "", tuple(map(str, item)))
