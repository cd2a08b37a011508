"""The headers that every event about a channel begins with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti.switch.embedded.names import State
from cti.switch.embedded.wire import Block, Header, Shape

if TYPE_CHECKING:
    from cti.switch.embedded.channel import Channel


def basic_block(channel: Channel) -> Block:
    """switch_channel_event_set_basic_data, in its order."""
    headers = _basic_headers(channel)
    variables = channel.variables
    kind = (
        bool(variables.get("presence_id")),
        bool(variables.get("presence_data")),
        bool(channel.hangup_cause),
        bool(channel.has_media),
    )
    shape = _SHAPES.get(kind)
    if shape is None:
        shape = _SHAPES[kind] = Shape([name for name, _ in headers])
    return Block(headers, shape, channel.lines)


def _basic_headers(channel: Channel) -> list[Header]:
    direction = "outbound" if channel.outbound else "inbound"
    hit = not channel.outbound or channel.flipped
    headers = [
        ("Channel-State", f"CS_{channel.running_state.name}"),
        ("Channel-Call-State", channel.callstate),
        ("Channel-State-Number", str(int(channel.state))),
        ("Channel-Name", channel.name),
        ("Unique-ID", channel.uuid),
        ("Call-Direction", direction),
        ("Presence-Call-Direction", direction),
        ("Channel-HIT-Dialplan", "true" if hit else "false"),
    ]
    presence = channel.variables.get("presence_id")
    if presence:
        headers.append(("Channel-Presence-ID", presence))
    data = channel.variables.get("presence_data")
    if data:
        headers.append(("Channel-Presence-Data", data))
    headers.append(("Channel-Call-UUID", channel.variables.get("call_uuid", channel.uuid)))
    headers.append(("Answer-State", answer_state(channel)))
    if channel.hangup_cause:
        headers.append(("Hangup-Cause", channel.hangup_cause))
    if channel.has_media:
        headers += _CODEC_HEADERS
    return headers


def answer_state(channel: Channel) -> str:
    if channel.state >= State.HANGUP:
        return "hangup"
    if channel.answered:
        return "answered"
    return "early" if channel.early else "ringing"


#: Whether there is a presence id, a cause of the end, media -> names of the headers.
_SHAPES: dict[tuple[bool, bool, bool, bool], Shape] = {}
_CODEC_HEADERS: list[Header] = [
    (f"Channel-{side}-Codec-{what}", value)
    for side in ("Read", "Write")
    for what, value in (("Name", "PCMU"), ("Rate", "8000"), ("Bit-Rate", "64000"))
]
