"""A call without a phone: a run on a virtual clock, with stubs for everything outside it.

A prompt lasts as long as its characters times a constant of its language. At every wait the run is written to JSON
and read back, so that nothing a run needs can hide outside its state.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cti.core import commands as c
from cti.core import events as e
from cti.flow.plan import Plan
from cti.flow.run import Run
from cti.flow.stubs import Stubs
from cti.flow.transcript import Line

# Measured rates of ordinary announcements: some 5 Chinese characters, or 15 Latin letters, a second.
SECONDS_PER_CHARACTER = {"zh": 0.2, "ja": 0.15, "ko": 0.18}
OTHER_SECONDS_PER_CHARACTER = 0.065
SOUND_S, TONE_S = 3.0, 1.0
KEY_S = 0.2  # between two keys typed in one go
END_S = 4 * 3600.0  # a virtual call that lasts longer is stuck


def spoken_s(part: c.AudioPart) -> float:
    """How long a part of a prompt lasts, in seconds."""
    if isinstance(part, c.Sound):
        return SOUND_S
    if isinstance(part, c.Tone):
        return TONE_S
    rate = SECONDS_PER_CHARACTER.get(part.language.split("-")[0], OTHER_SECONDS_PER_CHARACTER)
    return len(part.text) * rate


def shown(part: c.AudioPart) -> str:
    if isinstance(part, c.Say):
        return part.text
    return f"[file {part.file}]" if isinstance(part, c.Sound) else "[tone]"


@dataclass(slots=True)
class Prompted:
    """Something that was played, ``text`` being all its parts."""

    at_s: float
    text: str


@dataclass
class Simulator:
    """``start`` once, then `press`, `hang_up` and the ``advance_*`` methods; read `prompts`, `work`, `transcript`."""

    plan: Plan
    inputs: Mapping[str, Any]
    now: datetime
    stubs: Stubs = field(default_factory=Stubs)
    language: str | None = None
    time_s: float = 0.0
    transcript: list[Line] = field(default_factory=list)
    prompts: list[Prompted] = field(default_factory=list)
    work: list[tuple[float, c.Work]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.run = Run(self.plan, self.inputs, now=self.now, language=self.language)
        self._agenda: list[tuple[float, int, e.Event]] = []
        self._order = 0
        self._cancelled: set[int] = set()
        self._playing: set[int] = set()

    # ---- what the caller does --------------------------------------------------------------------------------

    def start(self) -> None:
        """A conversation by text begins with what the caller writes first."""
        if not self.run.by_text:
            self._carry_out(self.run.start(self._now()))

    def write(self, text: str) -> None:
        self._say("caller", f"writes {text}")
        self.feed(e.TextReceived(text))
        self._begin()

    def speak(self, text: str) -> bool:
        """As soon as the flow listens, which it does when it has spoken; False when it does not."""
        while self._listens() is None and not self.silent and self.step():
            pass
        ref = self._listens()
        if ref is None:
            return False
        self._say("caller", f"says {text}")
        self.feed(e.Heard(ref, "heard", text, 1.0))
        return True

    def _listens(self) -> int | None:
        return next((ref for ref, (kind, _) in self.run.pending.items() if kind == "listen"), None)

    def _begin(self) -> None:
        if not self.run.started:
            self._carry_out(self.run.start(self._now()))

    def press(self, keys: str) -> None:
        for index, key in enumerate(keys):
            if index:
                self.advance(KEY_S)
            self._say("caller", f"presses {key}")
            self.feed(e.DigitPressed(key))

    def hang_up(self) -> None:
        self._begin()
        self._say("caller", "hangs up")
        self.feed(e.HungUp("NORMAL_CLEARING"))

    def strike(self) -> bool:
        """The time limit is reached now; False when none runs."""
        if self.run.limit_ref is None:
            return False
        self._say("engine", "the time limit is reached")
        self.feed(e.TimerFired(self.run.limit_ref))
        return True

    # ---- time ------------------------------------------------------------------------------------------------

    @property
    def silent(self) -> bool:
        """Nothing is being played."""
        return not self._playing

    def advance(self, seconds: float) -> None:
        """Let time pass, everything that is due at its end included."""
        self._begin()
        until = self.time_s + seconds
        while (at := self._next_at()) is not None and at <= until + 1e-9 and self.step():
            pass
        self.time_s = until

    def step(self) -> bool:
        """Let the next thing happen; False when nothing is due any more, or the call is over."""
        if not self.run.started:
            self._begin()
            return True
        if self._next_at() is None or self.run.ended or self.time_s > END_S:
            return False
        at, _, event = heapq.heappop(self._agenda)
        self.time_s = max(self.time_s, at)
        if isinstance(event, e.PlayEnded):
            self._playing.discard(event.ref)
        self.feed(event)
        return True

    def finish(self) -> None:
        """The caller stays and does nothing until the call ends."""
        while self.step():
            pass

    def _next_at(self) -> float | None:
        while self._agenda and getattr(self._agenda[0][2], "ref", 0) in self._cancelled:
            heapq.heappop(self._agenda)
        return self._agenda[0][0] if self._agenda else None

    def _now(self) -> datetime:
        return self.now + timedelta(seconds=self.time_s)

    # ---- the engine's part -----------------------------------------------------------------------------------

    def feed(self, event: e.Event) -> None:
        self.run = Run.load(self.plan, self.run.dump())
        self._carry_out(self.run.feed(event, self._now()))

    def _later(self, seconds: float, event: e.Event) -> None:
        self._order += 1
        heapq.heappush(self._agenda, (self.time_s + seconds, self._order, event))

    def _say(self, side: str, text: str) -> None:
        self.transcript.append(Line(round(self.time_s, 3), side, text))

    def _carry_out(self, sprint: c.Sprint) -> None:
        for work in sprint:
            self.work.append((self.time_s, work))
            match work:
                case c.Play(ref, parts):
                    self._play(ref, parts)
                case c.StopPlay(ref):
                    self._playing.discard(ref)
                    self._cancelled.add(ref)
                case c.StartTimer(ref, seconds):
                    self._later(seconds, e.TimerFired(ref))
                case c.CancelTimer(ref) | c.LeaveQueue(ref) | c.StopFax(ref) | c.StopVideo(ref) | c.StopListen(ref):
                    self._cancelled.add(ref)
                case c.StopRecord(ref):
                    self._cancelled.add(ref)
                    self._later(0.0, self.stubs.recorded(ref, stopped=True))
                    self._cancelled.discard(ref)
                case c.Reply(text):
                    self._say("flow", text)
                    self.prompts.append(Prompted(self.time_s, text))
                case c.Hangup():
                    self._say("engine", "the call is hung up")
                    self._playing.clear()
                case c.FlowError(code=code, message=message):
                    self._say("engine", f"error {code}: {message}")
                case _:
                    self._ask_outside(work)

    def _play(self, ref: int, parts: tuple[c.AudioPart, ...]) -> None:
        text = " ".join(shown(part) for part in parts)
        self._say("flow", text)
        self.prompts.append(Prompted(self.time_s, text))
        self._playing.add(ref)
        self._later(sum(spoken_s(part) for part in parts), e.PlayEnded(ref))

    def _ask_outside(self, work: c.Work) -> None:
        said, answers = self.stubs.answer(work)
        if said:
            self._say("engine", said)
        for seconds, event in answers:
            self._later(seconds, event)
