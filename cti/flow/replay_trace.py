"""What a run did, as the journal keeps it and as two runs are compared: short items, JSON-ready, masked.

Items are lists that begin with their kind. With a number of the command (``ref``) in second place:
``play ref text`` · ``timer ref seconds`` · ``limit ref seconds`` · ``ask ref what name arguments``, for everything that
the outside answers. Without: ``enter flow node type visit`` · ``leave flow node visit exit note`` · ``hours calendar
state`` · ``goal name`` · ``error flow node code`` · ``hangup cause`` · ``end outcome reason``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from cti.core import commands as c
from cti.core.masking import mask, mask_all

if TYPE_CHECKING:
    from cti.flow.run import Run

Item = list[Any]

#: Commands that an event of the outside ends, and the field that names what is asked.
ASKS: Mapping[type[Any], str] = {
    c.Lookup: "source",
    c.Request: "source",
    c.FindNotices: "",
    c.Transfer: "kind",
    c.EnterQueue: "queue",
    c.RequestCallback: "queue",
    c.Record: "",
    c.SendMessage: "channel",
    c.SendFax: "",
    c.ReceiveFax: "",
    c.PlayVideo: "",
    c.Listen: "",
}
WITH_REF = ("play", "timer", "limit", "ask")
_QUIET = (c.Answer, c.StopPlay, c.CancelTimer, c.LeaveQueue, c.StopRecord, c.StopFax, c.StopVideo, c.StopListen)
_NUMBERS = ("number", "recipient", "target")  # fields that hold somebody's number, declared or not
_SHORTEST = 4  # characters of a sensitive value that are looked for inside other texts


def observe(run: Run, sprint: c.Sprint) -> list[Item]:
    """The items of ``sprint``, which ``run`` has just returned. Holds no sensitive value in clear."""
    secrets = _sensitive_values(run)
    items: list[Item] = []
    for work in sprint:
        items += _items(run, work, secrets)
    return items


def _items(run: Run, work: c.Work, secrets: tuple[str, ...]) -> Iterator[Item]:
    match work:
        case c.NodeEntered(flow, node, kind, visit):
            yield ["enter", flow, node, kind, visit]
        case c.NodeLeft(flow, node, visit, exit, note):
            if (calendar := _calendar(run, flow, node)) and exit in ("open", "closed", "holiday"):
                yield ["hours", calendar, exit]
            yield ["leave", flow, node, visit, exit, note]
        case c.Play(ref, parts):
            yield ["play", ref, " ".join(_shown(part, secrets) for part in parts)]
        case c.Reply(text, shown):
            yield ["Reply", str(_clean(shown or text, secrets))]
        case c.StartTimer(ref, seconds):
            yield ["limit" if ref == run.limit_ref else "timer", ref, seconds]
        case c.GoalReached(goal):
            yield ["goal", goal]
        case c.FlowError(flow, node, code):
            yield ["error", flow, node, code]
        case c.Hangup(cause):
            yield ["hangup", cause]
        case c.RunEnded(outcome, reason):
            yield ["end", outcome, reason]
        case _ if type(work) in ASKS:
            named = ASKS[type(work)]
            name = str(getattr(work, named) or "") if named else ""
            yield ["ask", getattr(work, "ref", 0), type(work).__name__, name, _arguments(work, named, secrets)]
        case _ if not isinstance(work, _QUIET):
            yield [type(work).__name__, *(_clean(getattr(work, f.name), secrets) for f in fields(work))]


def _calendar(run: Run, flow: str, node: str) -> str:
    found = run.plan.flows[flow].nodes[node]
    return str(found.get("calendar") or "") if found.type == "hours" else ""


# ---- masking -----------------------------------------------------------------------------------------------------


def _sensitive_values(run: Run) -> tuple[str, ...]:
    values = {str(f.variables[name]) for f in run.frames for name in f.tainted if f.variables.get(name) is not None}
    return tuple(sorted((value for value in values if value), key=len, reverse=True))


def _shown(part: Any, secrets: tuple[str, ...]) -> str:
    """A part of a prompt as the records show it. A sensitive text whose value cannot be found in it is hidden whole."""
    if isinstance(part, c.Sound):
        return f"[file {part.file}]"
    if not isinstance(part, c.Say):
        return f"[{type(part).__name__.lower()}]"
    if not part.sensitive:
        return str(_clean(part.text, secrets))
    if part.pieces:
        return "".join(_piece(piece) for piece in part.pieces)
    masked = str(_clean(part.text, secrets))
    return masked if masked != part.text else mask_all(part.text)


def _piece(piece: c.Say | c.Pause) -> str:
    if isinstance(piece, c.Pause):
        return " "
    return "*" if piece.sensitive else piece.text


def _arguments(work: c.Work, named: str, secrets: tuple[str, ...]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for field in fields(work):
        value = getattr(work, field.name)
        if field.name in ("ref", named, "at", "deadline_s", "key"):
            continue
        if field.name == "whisper":
            value = [_shown(part, secrets) for part in value]
        elif field.name in _NUMBERS and isinstance(value, str) and getattr(work, "kind", "number") == "number":
            value = mask(value)
        shown[field.name] = _clean(value, secrets)
    return shown


def _clean(value: Any, secrets: tuple[str, ...]) -> Any:
    """JSON-ready, with every sensitive value masked wherever it stands."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Mapping):
        return {str(name): _clean(item, secrets) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item, secrets) for item in value]
    text = value if isinstance(value, str) else str(value)
    for secret in secrets:
        if text == secret or (len(secret) >= _SHORTEST and secret in text):
            text = text.replace(secret, _masked(secret))
    if text == value or isinstance(value, str):
        return text
    return value if isinstance(value, int | float) and text == str(value) else text


def _masked(secret: str) -> str:
    """Numbers stay recognisable, everything else is hidden: a PIN or a name shows nothing of itself."""
    digits = secret.removeprefix("+")
    return mask(secret) if digits.isdigit() and len(digits) >= 8 else mask_all(secret)
