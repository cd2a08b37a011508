"""Answers of everything outside a run, as a flow's test gives them.

``given:`` names a look-up (``subscriber.get``), ``queue`` or ``queue.NAME``, ``transfer``, ``callback``, ``record``,
``message``, ``fax``, ``video``; ``notices`` has those that hold (texts, or as in their file); ``hours.NAME`` stands for
a calendar's state (`cti.flow.stubbed_hours`). A value is an outcome (``timeout``), a mapping (``{outcome: …, after: 3s,
…}``; of a look-up or request also just its fields), or a list of such, one for each time, the last for the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cti.core import commands as c
from cti.core import events as e
from cti.flow.notices import find_notices, given_notices
from cti.flow.units import parse_duration

LOOKUP_S = 0.3
TALK_S = 30.0
RING_S = 5.0
MESSAGE_S = 10.0
FAX_S, VIDEO_S = 60.0, 20.0
NAMES = ("queue", "transfer", "callback", "record", "message", "notices", "fax", "video")
Answers = list[tuple[float, e.Event]]


@dataclass
class Stubs:
    """``problems`` collects what a test should have given and did not."""

    given: Mapping[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    used: dict[str, int] = field(default_factory=dict)
    last: dict[str, Any] = field(default_factory=dict)

    def take(self, *names: str) -> Any:
        """What is given for the first of ``names``, this time; None when nothing is."""
        name = next((name for name in names if name in self.given), None)
        if name is None:
            return None
        value, count = self.given[name], self.used.get(name, 0)
        self.used[name] = count + 1
        if isinstance(value, tuple | list) and value:
            value = value[min(count, len(value) - 1)]
        self.last[name] = value
        return value

    def answer(self, work: c.Work) -> tuple[str, Answers]:
        """(a line for the transcript, events to come with their delay in seconds)."""
        match work:
            case c.Lookup():
                return self._lookup(work)
            case c.Request():
                return self._request(work)
            case c.FindNotices():
                return self._notices(work)
            case c.EnterQueue():
                return self._queue(work)
            case c.Transfer():
                return self._transfer(work)
            case c.RequestCallback(ref, number):
                outcome, after, _ = _read(self.take("callback"), "accepted")
                return f"callback to {number}: {outcome}", [(after or 0.0, e.CallbackEnded(ref, outcome))]
            case c.Record(ref, max_s):
                return "records", [(min(MESSAGE_S, max_s), self.recorded(ref))]
            case c.SendMessage(ref, channel, recipient, text):
                outcome, after, _ = _read(self.take("message"), "sent")
                return f"{channel} to {recipient}: {text}", [(after or 0.1, e.MessageEnded(ref, outcome))]
            case c.SendFax(ref) | c.ReceiveFax(ref):
                return self._fax(work, ref)
            case c.PlayVideo(ref, file):
                outcome, after, _ = _read(self.take("video"), "next")
                usual = VIDEO_S if outcome == "next" else 0.0
                return f"video {file}: {outcome}", [(usual if after is None else after, e.VideoEnded(ref, outcome))]
            case c.Listen(ref, silence_s=silence_s):
                return "", [(silence_s, e.Heard(ref, "silence"))]
            case c.StartRecording() | c.StopRecording():
                return "the recording begins" if isinstance(work, c.StartRecording) else "the recording ends", []
            case c.PauseRecording(on) | c.MaskRecording(on):
                word = "masked" if isinstance(work, c.MaskRecording) else "paused"
                return f"the recording is {word}" if on else f"the recording is no longer {word}", []
        return "", []

    def _fax(self, work: c.SendFax | c.ReceiveFax, ref: int) -> tuple[str, Answers]:
        """``timeout``: nothing comes, and the node's deadline ends it."""
        outcome, after, extra = _read(self.take("fax"), "ok")
        line = f"receives a fax: {outcome}" if isinstance(work, c.ReceiveFax) else f"sends a fax: {outcome}"
        if outcome == "timeout":
            return line, []
        pages = int(extra.get("pages", 1 if outcome == "ok" else 0))
        document = str(extra.get("document", "fax.tif")) if isinstance(work, c.ReceiveFax) and outcome == "ok" else ""
        return line, [(FAX_S if after is None else after, e.FaxEnded(ref, outcome, pages, document))]

    def _lookup(self, work: c.Lookup) -> tuple[str, Answers]:
        stub = self.take(work.source)
        if stub is None:
            self.problems.append(f"the flow asks {work.source}; say under given: what it answers")
            return f"asks {work.source}: nothing given", [(LOOKUP_S, e.LookupEnded(work.ref, "error"))]
        values: Mapping[str, Any] = {}
        if isinstance(stub, Mapping) and "outcome" not in stub and "values" not in stub:
            outcome, after, values = "ok", None, stub
        else:
            outcome, after, extra = _read(stub, "ok")
            values = extra.get("values", {})
        if outcome == "timeout":
            after = work.deadline_s
        event = e.LookupEnded(work.ref, outcome, values if outcome == "ok" else {})
        return f"asks {work.source}: {outcome}", [(LOOKUP_S if after is None else after, event)]

    def _request(self, work: c.Request) -> tuple[str, Answers]:
        """As of a look-up, `done` being the plain outcome. What lasts longer than the deadline is `accepted`."""
        stub = self.take(work.source)
        if stub is None:
            self.problems.append(f"the flow requests {work.source}; say under given: what it answers")
            return f"requests {work.source}: nothing given", [(LOOKUP_S, e.RequestEnded(work.ref, "error"))]
        values: Mapping[str, Any] = {}
        if isinstance(stub, Mapping) and "outcome" not in stub and "values" not in stub and "after" not in stub:
            outcome, after, values = "done", None, stub
        else:
            outcome, after, extra = _read(stub, "done")
            values = extra.get("values", {})
        after = LOOKUP_S if after is None else after
        if after > work.deadline_s:
            outcome, after = "accepted", work.deadline_s
        event = e.RequestEnded(work.ref, outcome, values if outcome == "done" else {})
        return f"requests {work.source}: {outcome}", [(after, event)]

    def _notices(self, work: c.FindNotices) -> tuple[str, Answers]:
        """``notices:`` is what holds at all; whom it concerns, and when, is found as in the engine."""
        given = self.given.get("notices")
        notices, problems = given_notices(given if given is not None else ())
        self.problems += [f"given.notices: {problem}" for problem in problems]
        found = find_notices(notices, work)
        shown = ", ".join(notice.id for notice in found) or "none"
        return f"notices: {shown}", [(0.0, e.NoticesFound(work.ref, found))]

    def _queue(self, work: c.EnterQueue) -> tuple[str, Answers]:
        stub = self.take(f"queue.{work.queue}", "queue")
        outcome, after, extra = _read(stub, "queued" if work.document else "")
        end = work.max_wait_s if after is None and outcome in ("", "timeout") else after
        if after is None and outcome not in ("", "timeout"):
            end = RING_S + TALK_S if outcome == "talked" else 0.0
        answers: Answers = []
        ewt = parse_duration(str(extra["ewt"])) if "ewt" in extra else None
        every = work.announce_every_s
        for number in range(1, 101 if every else 1):
            at = (every or 0.0) * number
            if end is not None and at >= end:
                break
            answers.append((at, e.QueueAnnounced(work.ref, int(extra.get("position", 1)), ewt)))
        if end is not None:
            answers.append((end, e.QueueEnded(work.ref, outcome or "timeout")))
        return f"waits in queue {work.queue}", answers

    def _transfer(self, work: c.Transfer) -> tuple[str, Answers]:
        outcome, after, _ = _read(self.take("transfer"), "talked")
        usual = {"talked": RING_S + TALK_S, "no_answer": work.timeout_s}.get(outcome, RING_S)
        event = e.TransferEnded(work.ref, outcome)
        return f"dials {work.kind} {work.target}: {outcome}", [(usual if after is None else after, event)]

    def recorded(self, ref: int, stopped: bool = False) -> e.RecordEnded:
        given = self.last.get("record") if stopped else self.take("record")
        outcome, _, extra = _read(given, "done" if stopped else "silence")
        seconds = parse_duration(str(extra["lasts"])) if "lasts" in extra else MESSAGE_S
        return e.RecordEnded(ref, seconds or 0.0 if outcome == "done" else 0.0, outcome)


def _read(stub: Any, otherwise: str) -> tuple[str, float | None, Mapping[str, Any]]:
    """(outcome, delay, everything else)."""
    if isinstance(stub, Mapping):
        after = parse_duration(str(stub["after"])) if "after" in stub else None
        return str(stub.get("outcome", otherwise)), after, stub
    return (str(stub) if stub is not None else otherwise), None, {}
