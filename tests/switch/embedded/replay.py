"""Replays a recorded conversation against the embedded switch: same bytes, same moments, same situation."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from cti.switch.embedded.caller import VirtualCaller
from tests.switch.embedded.lab import START, Lab, Wire
from tests.switch.embedded.reading import Message, events, messages
from tests.transcripts import FROM_SWITCH, TO_SWITCH, Record, records


@dataclass(frozen=True)
class Call:
    """A caller of the recording. Times in seconds of the recording; ``keys``: (time, digit, how it came)."""

    at: float
    called: str
    uuid: str = ""
    keys: tuple[tuple[float, str, str], ...] = ()
    hangup_at: float | None = None
    speaking_s: float = 2.0
    says: tuple[tuple[float, float], ...] = ()  # (time, seconds)


@dataclass(frozen=True)
class Situation:
    """What was going on around a recorded conversation, and how much of it is compared.

    ``replies`` False: they hold figures of real audio. ``held``: the connection keeps the session, whose last events
    come late. ``since``, ``until``: compare only what was said between these moments. ``outbound``: the connection was
    the switch's to an application; its commands are replayed on an inbound one that follows the call ``calls[0]``.
    """

    file: str
    calls: tuple[Call, ...] = ()
    connections: tuple[int, ...] = (1,)
    since: float = 0.0
    until: float = 1e9
    outbound: bool = False
    replies: bool = True
    held: bool = False
    rejected: bool = False  # the client's address is on no list
    races: frozenset[str] = frozenset()  # events whose place among the others differs even within the recording
    skip: Callable[[Record], bool] = lambda record: False
    other: tuple[tuple[float, str], ...] = ()  # what another connection says, and when


def recorded(situation: Situation) -> dict[int, list[Message]]:
    """What the real switch said, per connection."""
    data: dict[int, bytes] = dict.fromkeys(situation.connections, b"")
    for record in records(situation.file):
        wanted = situation.since <= record.at_s < situation.until and record.connection in data
        if record.what == "DATA" and record.direction == FROM_SWITCH and wanted:
            data[record.connection] += record.data
    if situation.outbound:  # the reply to `connect` is an event-shaped block without a length
        data = {number: stream.partition(b"\n\n")[2] for number, stream in data.items()}
    return {number: list(messages(stream)) for number, stream in data.items()}


def replay(situation: Situation, lab: Lab | None = None) -> dict[int, list[Message]]:
    """What the embedded switch says to the same."""
    lab = lab or Lab()
    for call in situation.calls:
        lab.clock.call_at(START + call.at, partial(_place, lab, call))
    if situation.other:
        bystander = lab.login()
        for at, text in situation.other:
            lab.clock.call_at(START + at, partial(bystander.send, text))
    wires: dict[int, Wire] = {}
    heard: dict[int, bytes] = {}
    skipped: dict[int, int] = {}
    for record in records(situation.file):
        if record.direction == FROM_SWITCH and record.what == "DATA" and record.at_s >= situation.since:
            heard[record.connection] = heard.get(record.connection, b"") + record.data
        if record.direction != TO_SWITCH and not (situation.outbound and record.what == "OPEN"):
            continue
        if record.connection not in situation.connections or record.at_s >= situation.until or situation.skip(record):
            continue
        lab.clock.run_until(START + record.at_s)
        if record.connection in wires:
            if record.at_s < situation.since:
                skipped[record.connection] = 0
            elif skipped.get(record.connection) == 0:
                skipped[record.connection] = len(wires[record.connection].data)
            _wait(lab, wires[record.connection], heard.get(record.connection, b""), situation)
        if record.what == "OPEN":
            wires[record.connection] = lab.open(rejected=situation.rejected)
            if situation.outbound:
                wires[record.connection].send("auth ClueCon\n\n")
                wires[record.connection].take()
        elif record.what == "DATA":
            data = _inbound(record.data, situation) if situation.outbound else record.data
            wires[record.connection].send(data)
        else:
            wires[record.connection].connection.end()
    lab.clock.run_for(min(situation.until, 30.0))
    return {number: list(messages(bytes(wire.data[skipped.get(number, 0) :]))) for number, wire in wires.items()}


def _wait(lab: Lab, wire: Wire, heard: bytes, situation: Situation) -> None:
    """The driver answered to what it heard: wait for as many events as it had, for half a second at most."""
    if situation.outbound:
        heard = heard.partition(b"\n\n")[2]
    whole = heard if heard.endswith(b"\n") else b""
    try:
        wanted = _count(whole)
    except (ValueError, AssertionError):
        return
    lab.clock.run_while(lambda: _count(bytes(wire.data)) < wanted, 0.5)


def _count(data: bytes) -> int:
    """Events, without CHANNEL_PARK: whether the first one is seen is a race in the recordings."""
    return sum(event["Event-Name"] != "CHANNEL_PARK" for event in events(list(messages(data))))


def _place(lab: Lab, call: Call) -> None:
    caller = VirtualCaller("2000", call.called, "sipp", context="public", uuid=call.uuid, speaking_s=call.speaking_s)
    caller.place(lab.core)
    for at, digit, source in call.keys:
        lab.clock.call_at(START + at, partial(lab.core.type_keys, caller.channel, digit, source))
    for at, seconds in call.says:
        lab.clock.call_at(START + at, partial(caller.say, "something", 1.0, seconds))
    if call.hangup_at is not None:
        lab.clock.call_at(START + call.hangup_at, caller.hangup)


def _inbound(data: bytes, situation: Situation) -> bytes:
    """Commands of an application on its own socket, as they are said on an inbound connection."""
    uuid = situation.calls[0].uuid.encode()
    data = data.replace(b"connect\n\n", b"")
    data = re.sub(rb"^myevents\n", b"myevents %s\n" % uuid, data, flags=re.M)
    return re.sub(rb"^sendmsg\n", b"sendmsg %s\n" % uuid, data, flags=re.M)
