"""The event-socket wire format: bytes to frames and events, commands and frames to bytes. Pure, bounded, one error."""

from cti.esl.commands import (
    api,
    auth,
    bgapi,
    channel_event,
    channel_variables,
    events,
    execute,
    exit_,
    filter_add,
    filter_delete,
    gateway_dial,
    hangup,
    padded,
    safe_argument,
    single,
    user_dial,
)
from cti.esl.encode import encode_event_json, encode_event_plain, encode_frame, event_block
from cti.esl.errors import EslError
from cti.esl.event import Event, ListEvent, PlainEvent
from cti.esl.expansion import expand, scoped
from cti.esl.frame import Frame
from cti.esl.parser import MAX_FRAME, MAX_HEADERS, FrameParser
from cti.esl.urlcode import decode_value, encode_value

__all__ = [
    "MAX_FRAME",
    "MAX_HEADERS",
    "EslError",
    "Event",
    "Frame",
    "FrameParser",
    "ListEvent",
    "PlainEvent",
    "api",
    "auth",
    "bgapi",
    "channel_event",
    "channel_variables",
    "decode_value",
    "encode_event_json",
    "encode_event_plain",
    "encode_frame",
    "encode_value",
    "event_block",
    "events",
    "execute",
    "exit_",
    "expand",
    "filter_add",
    "filter_delete",
    "gateway_dial",
    "hangup",
    "padded",
    "safe_argument",
    "scoped",
    "single",
    "user_dial",
]
