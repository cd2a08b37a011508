"""Records as table rows, sensitive values sealed, foreign text made fit for a column."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from cti.core.calls import Medium, TerminalCause
from cti.core.documents import DocumentServed, DocumentWaits
from cti.core.floor_records import FLOOR_RECORDS
from cti.core.numbers import normalise_number
from cti.core.recordings import RecordingKind
from cti.core.records import (
    CallEnded,
    CallGap,
    CallStarted,
    JournalPart,
    LegAdded,
    LegEnded,
    NodeVisit,
    NoticeCount,
    Record,
    RecordingKept,
)
from cti.core.transcripts import Author, MessageKept
from cti.core.webhooks import EventKept
from cti.core.wrapups import WrapUpKept
from cti.store.sealing import Sealer

Row = dict[str, Any]

_SPILL = "spill"
_KINDS: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        CallStarted,
        LegAdded,
        LegEnded,
        NodeVisit,
        CallEnded,
        CallGap,
        JournalPart,
        RecordingKept,
        MessageKept,
        NoticeCount,
        WrapUpKept,
        DocumentWaits,
        DocumentServed,
        EventKept,
        *FLOOR_RECORDS,
    )
}
_MAX_TEXT = 4_000
#: Of a recording, filled in when it is sealed, held or deleted.
_LATER = ("sealed_path", "digest", "key_id", "held_by", "held_reason", "deleted_by", "deleted_reason")


def clean(text: str, limit: int = _MAX_TEXT) -> str:
    """What every database takes: no NUL, no lone surrogates, cut to the column. Ids and numbers never get this long."""
    fit = text[:limit]
    if fit.isascii() and "\x00" not in fit:
        return fit  # nearly everything; at a third of the cost
    return fit.encode("utf-8", "replace").decode().replace("\x00", "\N{REPLACEMENT CHARACTER}")


def seal(sealer: Sealer, value: str | None, table: str, column: str, *ids: str) -> str | None:
    return None if value is None else sealer.seal(clean(value), context(table, column, *ids))


def context(table: str, column: str, *ids: str) -> str:
    """What a sealed value is bound to."""
    return "/".join((table, column, *ids))


def blind_number(sealer: Sealer, number: str | None) -> str | None:
    return None if not number else sealer.blind("number:" + normalise_number(clean(number)))


def call_row(record: CallStarted, sealer: Sealer) -> Row:
    call_id = clean(record.call_id, 128)
    return {
        "call_id": call_id,
        "switch": clean(record.switch, 64),
        "medium": record.medium.value,
        "called": clean(record.called, 128),
        "caller_sealed": seal(sealer, record.caller, "calls", "caller", call_id),
        "caller_blind": blind_number(sealer, record.caller),
        "caller_name_sealed": seal(sealer, record.caller_name or None, "calls", "caller_name", call_id),
        "entry": clean(record.entry, 200),
        "flow": clean(record.flow, 200),
        "flow_version": clean(record.flow_version, 80),
        "language": clean(record.language, 35),
        "started_at": float(record.started_at),
    }


def leg_row(record: LegAdded, sealer: Sealer, ordinal: int) -> Row:
    call_id, leg_id = clean(record.call_id, 128), clean(record.leg_id, 128)
    return {
        "call_id": call_id,
        "leg_id": leg_id,
        "role": clean(record.role, 16),
        "switch": clean(record.switch, 64),
        "number_sealed": seal(sealer, record.number, "legs", "number", call_id, leg_id),
        "number_blind": blind_number(sealer, record.number),
        "added_at": float(record.added_at),
        "ended_at": None,
        "hangup_cause": "",
        "ordinal": ordinal,
    }


def leg_end(record: LegEnded) -> Row:
    return {
        "of_call": clean(record.call_id, 128),
        "of_leg": clean(record.leg_id, 128),
        "at": float(record.ended_at),
        "cause": clean(record.hangup_cause, 64),
    }


def gap_row(record: CallGap) -> Row:
    return {
        "call_id": clean(record.call_id, 128),
        "began_at": float(record.began_at),
        "ended_at": float(record.ended_at),
        "how": clean(record.how, 16),
    }


def visit_row(record: NodeVisit, ordinal: int) -> Row:
    return {
        "call_id": clean(record.call_id, 128),
        "flow": clean(record.flow, 200),
        "node": clean(record.node, 200),
        "visit": record.visit,
        "type": clean(record.type, 40),
        "entered_at": float(record.entered_at),
        "left_at": None if record.left_at is None else float(record.left_at),
        "exit": clean(record.exit, 200),
        "note": clean(record.note),
        "ordinal": ordinal,
    }


def recording_row(record: RecordingKept) -> Row:
    return {
        "recording_id": clean(record.recording_id, 200),
        "call_id": clean(record.call_id, 128),
        "kind": record.kind.value,
        "node": clean(record.node, 64),
        "path": clean(record.path, 300),
        "queue": clean(record.queue, 64),
        "started_at": float(record.started_at),
        "ended_at": None if record.ended_at is None else float(record.ended_at),
        "spans": json.dumps({"masked": record.masked, "paused": record.paused}),
        "pages": record.pages,
        "error": clean(record.error),
        **dict.fromkeys(_LATER, ""),
    }


def agent_rows(record: RecordingKept) -> list[Row]:
    recording_id = clean(record.recording_id, 200)
    return [
        {"recording_id": recording_id, "agent": clean(agent, 64), "team": clean(team, 64)}
        for agent, team in record.agents
    ]


def message_row(record: MessageKept, sealer: Sealer) -> Row:
    call_id = clean(record.call_id, 128)
    text = seal(sealer, record.text, "call_messages", "text", call_id, str(record.number))
    return {
        "call_id": call_id,
        "number": record.number,
        "at": float(record.at),
        "author": record.author.value,
        "agent": clean(record.agent, 64),
        "text_sealed": text,
    }


def cdr_row(record: CallEnded) -> Row:
    return {
        "call_id": clean(record.call_id, 128),
        "ended_at": float(record.ended_at),
        "answered_at": None if record.answered_at is None else float(record.answered_at),
        "terminal_cause": record.terminal_cause.value,
        "hangup_cause": clean(record.hangup_cause, 64),
        "outcome": clean(record.outcome, 200),
        "error": clean(record.error),
        "language": clean(record.language, 35),
    }


def goal_rows(record: CallEnded) -> list[Row]:
    call_id = clean(record.call_id, 128)
    return [
        {"call_id": call_id, "position": position, "goal": clean(goal, 200)}
        for position, goal in enumerate(record.goals)
    ]


# ---- records outside the database: the spill file and the file of refused records -----------------------------------


def to_line(record: Record, ordinal: int, sealer: Sealer) -> bytes:
    """One line of JSON whose payload is sealed whole: a spill file tells nothing about anybody. A call's secrets are
    not written at all: a file is not sure to be gone when the call is."""
    if isinstance(record, JournalPart):
        record = replace(record, secrets={})
    body = json.dumps({"record": type(record).__name__, "ordinal": ordinal, "fields": asdict(record)})
    return json.dumps({"v": 1, "record": sealer.seal(body, _SPILL)}).encode() + b"\n"


def from_line(line: bytes, sealer: Sealer) -> tuple[int, Record]:
    """Raises ValueError (not a line of ours), SealBroken."""
    try:
        sealed = json.loads(line)["record"]
    except (KeyError, TypeError) as error:
        raise ValueError("not a spilled record") from error
    told = json.loads(sealer.open(str(sealed), _SPILL))
    kind, fields = _KINDS[told["record"]], told["fields"]
    _revive(kind, fields)
    return told["ordinal"], kind(**fields)


def _pairs(found: list[list[Any]]) -> tuple[tuple[Any, ...], ...]:
    return tuple(tuple(pair) for pair in found)


def _revive(kind: type[Any], fields: dict[str, Any]) -> None:
    revive: Mapping[str, Any] = {"terminal_cause": TerminalCause, "goals": tuple, "entries": tuple, "kept": tuple}
    if kind is CallStarted:
        revive = {"medium": Medium}
    if kind is RecordingKept:
        revive = {"kind": RecordingKind} | dict.fromkeys(("masked", "paused", "agents"), _pairs)
    if kind is MessageKept:
        revive = {"author": Author}
    if kind is EventKept:
        revive = dict.fromkeys(("webhooks", "teams", "queues"), tuple)
    for name, make in revive.items():
        if name in fields:
            fields[name] = make(fields[name])
