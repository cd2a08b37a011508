"""Replays a recorded conversation against the embedded switch: same bytes, same moments, same situation."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from cti.switch.embedded.caller import VirtualCaller
from tests.switch.embedded.lab import START, Lab, Wire
from tests.switch.embedded.reading import Message, messages
from tests.transcripts import FROM_SWITCH, TO_SWITCH, Record, records


@dataclass(frozen=True)
class Call:
    """A caller of the recording. Times in seconds of the recording; ``keys``: (time, digit, how it came)."""

    at: float
    called: str
    uuid: str = ""
    keys: tuple[tuple[float, str, str], ...] = ()
    hangup_at: float | None = None


@dataclass(frozen=True)
class Situation:
    """What was going on around a recorded conversation, and how much of it is compared.

    ``until``: compare only what was said before this moment. ``outbound``: the connection was the switch's to an
    application; its commands are replayed on an inbound connection that follows the call ``calls[0]``.
    """

    file: str
    calls: tuple[Call, ...] = ()
    connections: tuple[int, ...] = (1,)
    until: float = 1e9
    outbound: bool = False
    skip: Callable[[Record], bool] = lambda record: False
    other: tuple[tuple[float, str], ...] = ()  # what another connection says, and when
    ignore: frozenset[str] = frozenset()  # event names not compared, because races or SIP decide about them
    times: tuple[str, ...] = field(default=())


def recorded(situation: Situation) -> dict[int, list[Message]]:
    """What the real switch said, per connection."""
    data: dict[int, bytes] = {number: b"" for number in situation.connections}
    for record in records(situation.file):
        if record.what == "DATA" and record.direction == FROM_SWITCH and record.connection in data:
            if record.at_s < situation.until:
                data[record.connection] += record.data
    if situation.outbound:  # the reply to `connect` is an event-shaped block without a length
        data = {number: stream.partition(b"\n\n")[2] for number, stream in data.items()}
    return {number: list(messages(stream)) for number, stream in data.items()}


def replay(situation: Situation, lab: Lab | None = None) -> dict[int, list[Message]]:
    """What the embedded switch says to the same."""
    lab = lab or Lab()
    for call in situation.calls:
        lab.clock.call_at(START + call.at, lambda call=call: _place(lab, call))
    if situation.other:
        helper = lab.login()
        for at, text in situation.other:
            lab.clock.call_at(START + at, lambda text=text: helper.send(text))
    wires: dict[int, Wire] = {}
    for record in records(situation.file):
        if record.direction != TO_SWITCH and not (situation.outbound and record.what == "OPEN"):
            continue
        if record.connection not in situation.connections or record.at_s >= situation.until or situation.skip(record):
            continue
        lab.clock.run_until(START + record.at_s)
        if record.what == "OPEN":
            wires[record.connection] = lab.open()
            if situation.outbound:
                wires[record.connection].send("auth ClueCon\n\n")
                wires[record.connection].take()
        elif record.what == "DATA":
            data = _inbound(record.data, situation) if situation.outbound else record.data
            wires[record.connection].send(data)
        else:
            wires[record.connection].connection.end()
    lab.clock.run_for(min(situation.until, 30.0))
    return {number: list(messages(bytes(wire.data))) for number, wire in wires.items()}


def _place(lab: Lab, call: Call) -> None:
    caller = VirtualCaller("2000", call.called, "sipp", context="public", uuid=call.uuid)
    caller.place(lab.core)
    for at, digit, source in call.keys:
        lab.clock.call_at(
            START + at,
            lambda digit=digit, source=source: lab.core.type_keys(caller.channel, digit, source),
        )
    if call.hangup_at is not None:
        lab.clock.call_at(START + call.hangup_at, caller.hangup)


def _inbound(data: bytes, situation: Situation) -> bytes:
    """Commands of an application on its own socket, as they are said on an inbound connection."""
    uuid = situation.calls[0].uuid.encode()
    data = data.replace(b"connect\n\n", b"")
    data = re.sub(rb"^myevents\n", b"myevents %s\n" % uuid, data, flags=re.M)
    return re.sub(rb"^sendmsg\n", b"sendmsg %s\n" % uuid, data, flags=re.M)
