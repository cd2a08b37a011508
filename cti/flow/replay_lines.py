"""A run as lines to read and to compare: what the flow did, what the caller did, what the outside answered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from cti.core import events as e
from cti.flow.replay_recording import Fed
from cti.flow.replay_trace import Item

Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """``side`` is flow, caller or outside. ``key`` is what is compared; None: shown only. ``node`` is ``flow.node``."""

    at_s: float
    side: str
    text: str
    node: str
    key: Key | None = None


def lines_of(steps: Iterable[Fed]) -> list[Line]:
    found: list[Line] = []
    node = ""
    asked: dict[int, tuple[str, float]] = {}
    for step in steps:
        at_s = step.at_us / 1e6
        if (line := _fed_line(step, at_s, node, asked)) is not None:
            found.append(line)
        for item in step.items:
            if item[0] == "enter":
                node = f"{item[1]}.{item[2]}"
            if item[0] == "ask":
                asked[item[1]] = (item[3] or item[2], at_s)
            text, key = describe(item)
            if text:
                found.append(Line(at_s, "flow", text, node, key))
    return found


def _fed_line(step: Fed, at_s: float, node: str, asked: dict[int, tuple[str, float]]) -> Line | None:
    match step.event:
        case e.DigitPressed(digit):
            return Line(at_s, "caller", f"presses {'•' if step.private else digit}", node)
        case e.TextReceived(text):
            return Line(at_s, "caller", f"writes {'•••' if step.private else text}", node)
        case e.Heard(outcome="heard", text=text):
            return Line(at_s, "caller", f"says {'•••' if step.private else text}", node)
        case e.HungUp():
            return Line(at_s, "caller", "hangs up", node)
        case e.Resumed():
            return Line(at_s, "outside", "another engine goes on here", node)
        case e.PlayEnded(ok=False):
            return Line(at_s, "outside", "the prompt could not be played", node)
        case None | e.PlayEnded() | e.TimerFired():
            return None
        case e.NoticesFound(notices=notices):
            return Line(at_s, "outside", f"{len(notices)} notices", node)
        case e.QueueAnnounced(position=position):
            return Line(at_s, "outside", f"place {position} in the queue", node)
        case e.QueueConnected(agent=agent):
            return Line(at_s, "outside", f"talks with agent {agent}", node)
        case event:
            name, since = asked.get(event.ref, ("", at_s))
            return Line(at_s, "outside", f"{name}: {event.outcome} after {_spent(at_s - since)}", node)


def _spent(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 10 else f"{seconds:.1f} s"


def describe(item: Item) -> tuple[str, Key | None]:
    """The words for an item, and what of it counts when two runs are compared; no words: not shown."""
    match item:
        case ["play", _, text]:
            return f"“{text}”", ("play", text)
        case ["enter", flow, node, kind, _]:
            return f"→ {node} ({kind})", ("enter", flow, node, kind)
        case ["leave", flow, node, _, exit, _]:
            return f"  exit {exit}", ("leave", flow, node, exit)
        case ["ask", _, what, name, arguments]:
            told = {**{key: arguments[key] for key in _TOLD if arguments.get(key)}, **arguments.get("arguments", {})}
            shown = ", ".join(f"{key}={value}" for key, value in told.items())
            compared = repr(sorted(arguments.items()))
            return f"{_ASKED.get(what, what)} {name} {shown}".strip(), ("ask", what, name, compared)
        case ["goal", goal]:
            return f"goal {goal}", ("goal", goal)
        case ["error", flow, node, code]:
            return f"error {code} at {node}", ("error", flow, node, code)
        case ["Reply", text]:
            return f"“{text}”", ("play", text)
        case ["hangup", _]:
            return "hangs up on the caller", ("hangup",)
        case ["end", outcome, reason]:
            return f"ends: {reason}{f', outcome {outcome}' if outcome else ''}", ("end", outcome, reason)
        case ["missing", what]:
            return f"nothing recorded answers {what}", ("missing", what)
        case ["timer" | "limit" | "hours", *_]:
            return "", None
    return " ".join(map(str, item)), tuple(map(str, item))


#: Of what is asked, what a reader of the call wants to see.
_TOLD = ("area", "service", "target", "number", "when", "recipient", "text")
_ASKED = {
    "Lookup": "asks",
    "Request": "writes",
    "FindNotices": "asks for notices",
    "Transfer": "dials",
    "EnterQueue": "enters queue",
    "RequestCallback": "registers a callback",
    "Record": "records",
    "SendMessage": "sends",
    "SendFax": "sends a fax",
    "ReceiveFax": "receives a fax",
    "PlayVideo": "plays a video",
    "Listen": "listens",
}


def keyed(lines: Sequence[Line]) -> list[Line]:
    return [line for line in lines if line.key is not None]
