"""The ``given:`` of a test made of a call: what the call brought, and what the outside answered, in order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cti.core import events as e
from cti.flow.replay_recording import Fed, Recording
from cti.flow.stubbed_hours import PREFIX
from cti.flow.to_test_values import spelled

NEVER = "3h"  # the answer was not awaited
_NAMES: Mapping[str, str] = {
    "Transfer": "transfer", "RequestCallback": "callback", "Record": "record", "SendMessage": "message",
    "SendFax": "fax", "ReceiveFax": "fax", "PlayVideo": "video",
}  # fmt: skip


def given_of(recording: Recording) -> dict[str, Any]:
    """Texts, lists and mappings, as `cti.flow.stubs` reads them."""
    given: dict[str, Any] = {name: spelled(v) for name, v in recording.inputs.items() if v is not None}
    given["now"] = recording.moment(0).isoformat()
    found: dict[str, list[Any]] = {}
    for number, step in enumerate(recording.steps):
        for item in step.items:
            if item[0] == "hours":
                found.setdefault(PREFIX + item[1], []).append(item[2])
            elif item[0] == "ask":
                ref, what, name = int(item[1]), str(item[2]), str(item[3])
                if what in ("FindNotices", "Listen"):
                    continue
                stub: str = f"queue.{name}" if what == "EnterQueue" else _NAMES.get(what, name)
                found.setdefault(stub, []).append(_answer(recording.steps[number:], ref, what))
    given.update({name: answers[0] if _all_same(answers) else answers for name, answers in found.items()})
    given.update(_notices(recording))
    return given


def _answer(steps: tuple[Fed, ...], ref: int, what: str) -> Any:
    events = [(step.at_us - steps[0].at_us, step.event) for step in steps if getattr(step.event, "ref", 0) == ref]
    if what == "EnterQueue":
        return _queue(events)
    if not events:
        return {"outcome": "error", "after": NEVER} if what in ("Lookup", "Request") else {"after": NEVER}
    after, event = events[-1]
    ended: Any = event
    answer: dict[str, Any] = {"outcome": ended.outcome, "after": f"{-(-after // 1000)}ms"}
    if isinstance(event, e.LookupEnded | e.RequestEnded) and event.values:
        answer["values"] = spelled(event.values)
    if isinstance(event, e.RecordEnded):
        answer = {"outcome": ended.outcome, "lasts": f"{round(event.duration_s * 1000)}ms"}
    return answer


def _queue(events: list[tuple[int, e.Event | None]]) -> Any:
    answer: dict[str, Any] = {"outcome": "timeout", "after": NEVER}
    for after, event in events:
        if isinstance(event, e.QueueEnded):
            answer |= {"outcome": event.outcome, "after": f"{-(-after // 1000)}ms"}
        elif isinstance(event, e.QueueAnnounced):
            answer["position"] = str(event.position)
            if event.ewt_s is not None:
                answer["ewt"] = f"{round(event.ewt_s * 1000)}ms"
    return answer


def _notices(recording: Recording) -> Mapping[str, Any]:
    texts = {
        notice.id: next(iter(notice.texts.values()), "")
        for step in recording.steps
        if isinstance(step.event, e.NoticesFound)
        for notice in step.event.notices
    }
    return {"notices": list(texts.values())} if texts else {}


def _all_same(answers: list[Any]) -> bool:
    return all(answer == answers[0] for answer in answers)
