"""Random calls, recorded as the engine would: late timers, impatient callers, a moody back office."""

from __future__ import annotations

import heapq
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from cti.core import commands as c
from cti.core import events as e
from cti.flow import Plan, Run
from cti.flow.replay_recorder import Recorder, is_late, look
from cti.flow.replay_recording import Recording, read_recording

BEGIN = datetime(2026, 3, 2, 10, 0, 0, 123457, tzinfo=ZoneInfo("Asia/Shanghai"))


@dataclass
class Chances:
    """``keys`` are drawn from; ``patience_s``: how long a caller thinks at most; ``values``: a look-up's answer."""

    keys: str = "0123456789*#111000"
    patience_s: float = 9.0
    values: Mapping[str, Any] = field(
        default_factory=lambda: {"tier": "vip", "balance": "88.50", "name": "王小明", "due": "2026-04-01", "plan": "5G"}
    )
    most_s: float = 300.0


@dataclass
class CallMaker:
    """One call of ``plan``, everything in it decided by ``random``."""

    plan: Plan
    inputs: Mapping[str, Any]
    random: Random
    chances: Chances = field(default_factory=Chances)
    begin: datetime = BEGIN

    def make(self) -> tuple[Recording, Run]:
        """The recording has been to JSON and back, without secrets, as after the call's end."""
        self.begin_only()
        self._caller(0.0)
        hang_up_at = self.random.uniform(1, self.chances.most_s)
        self._at(hang_up_at, e.HungUp("NORMAL_CLEARING"))
        while self.agenda and not self.run.ended:
            at, _, event = heapq.heappop(self.agenda)
            self.feed(event, at)
            if isinstance(event, e.DigitPressed):
                self._caller(at)
        return self.recording(), self.run

    def begin_only(self) -> None:
        self.run = Run(self.plan, self.inputs, now=self.begin)
        self.recorder = Recorder(self.inputs)
        self.agenda: list[tuple[float, int, e.Event]] = []
        self.order = 0
        sprint = self.run.start(self.begin)
        self.recorder.started(self.run, self.begin, {}, sprint)
        self._carry_out(sprint, 0.0)

    def recording(self) -> Recording:
        return read_recording(json.loads(json.dumps(self.recorder.peek())))

    def entries(self) -> Sequence[Any]:
        self.make()
        return self.recorder.peek()

    def _caller(self, at: float) -> None:
        think = self.random.choice([0.1, self.random.uniform(0.2, self.chances.patience_s), 12.0])
        self._at(at + think, e.DigitPressed(self.random.choice(self.chances.keys)))

    def feed(self, event: e.Event, at: float) -> None:
        now = self.begin + timedelta(microseconds=round(at * 1e6))
        late = is_late(self.run, event)
        before = look(self.run, event)
        sprint = self.run.feed(event, now)
        if late:
            assert sprint == [], f"{event} is no late one"
        else:
            self.recorder.fed(self.run, event, now, sprint, before)
        self._carry_out(sprint, at)

    def _at(self, at: float, event: e.Event) -> None:
        self.order += 1
        heapq.heappush(self.agenda, (at, self.order, event))

    def _carry_out(self, sprint: c.Sprint, at: float) -> None:
        chance, later = self.random, self._at
        for work in sprint:
            match work:
                case c.Play(ref):
                    later(at + chance.uniform(0.5, 6), e.PlayEnded(ref, chance.random() > 0.02))
                case c.StopPlay(ref):
                    later(at + 0.02, e.PlayEnded(ref))
                case c.StartTimer(ref, seconds):
                    later(at + seconds + chance.uniform(0, 0.004), e.TimerFired(ref))
                case c.Lookup(ref, _, _, deadline):
                    outcome = chance.choice(["ok", "ok", "ok", "not_found", "timeout", "error", "throttled"])
                    after = deadline if outcome == "timeout" else chance.uniform(0.01, deadline)
                    later(at + after, e.LookupEnded(ref, outcome, self.chances.values if outcome == "ok" else {}))
                case c.Request(ref):
                    outcome = chance.choice(["done", "rejected", "accepted", "unknown", "error"])
                    later(at + 0.4, e.RequestEnded(ref, outcome, self.chances.values if outcome == "done" else {}))
                case c.FindNotices(ref):
                    later(at + 0.01, e.NoticesFound(ref))
                case c.Transfer(ref):
                    outcome = chance.choice(["talked", "busy", "no_answer", "failed"])
                    later(at + chance.uniform(1, 30), e.TransferEnded(ref, outcome))
                case c.EnterQueue(ref, announce_every_s=every):
                    end = at + chance.uniform(0, 80)
                    for number in range(1, 4 if every else 1):
                        if at + (every or 0) * number < end:
                            later(
                                at + (every or 0) * number,
                                e.QueueAnnounced(ref, 4 - number, chance.choice([None, 150.0])),
                            )
                    later(end, e.QueueEnded(ref, chance.choice(["talked", "timeout", "full", "no_agents"])))
                case c.RequestCallback(ref):
                    later(at, e.CallbackEnded(ref, chance.choice(["accepted", "declined", "invalid"])))
                case c.Record(ref):
                    later(at + 6, e.RecordEnded(ref, 5.5, chance.choice(["done", "silence", "failed"])))
                case c.StopRecord(ref):
                    later(at + 0.1, e.RecordEnded(ref, 2.0, "done"))
                case c.SendMessage(ref):
                    later(at + 0.2, e.MessageEnded(ref, chance.choice(["sent", "failed"])))
