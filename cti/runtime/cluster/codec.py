"""What goes between the processes as JSON: words of the platform, and back. Pure.

A dataclass is ``{"$": name, "v": [its fields in order]}``. All sequences come back as tuples, as they are in the words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from enum import StrEnum
from typing import Any, get_args

from cti.core import commands as c
from cti.core import events as ev
from cti.core import legs
from cti.core.calls import Caller, Medium, NewCall
from cti.flow import types
from cti.flow.replay_events import pack as pack_plain
from cti.flow.replay_events import unpack as unpack_plain
from cti.runtime import messages as msg
from cti.runtime.floor.stays import Stay

WORDS: tuple[type[Any], ...] = (
    *get_args(legs.LegEvent),
    legs.Phone,
    Caller,
    NewCall,
    c.EnterQueue,
    c.RequestCallback,
    c.Say,
    c.Pause,
    c.Sound,
    c.Tone,
    ev.QueueAnnounced,
    ev.QueueConnected,
    ev.QueueEnded,
    msg.LegJoined,
    msg.LegLeft,
    msg.RecordTalk,
    msg.StayChanged,
    types.Type,
    Stay,
)
ENUMS: tuple[type[StrEnum], ...] = (Medium,)
#: Fields that stay where they are: who is told of what becomes of it.
_LEFT_OUT = frozenset({"done"})
_BY_NAME: Mapping[str, type[Any]] = {f"{kind.__module__.rpartition('.')[2]}.{kind.__name__}": kind for kind in WORDS}
_NAMES: Mapping[type[Any], str] = {kind: name for name, kind in _BY_NAME.items()}
_ENUMS: Mapping[str, type[StrEnum]] = {kind.__name__: kind for kind in ENUMS}


def pack(value: Any) -> Any:
    """JSON can hold it. What no flow could read becomes text."""
    kind = type(value)
    if kind in _NAMES:
        return {"$": _NAMES[kind], "v": [pack(getattr(value, name)) for name in _sent(kind)]}
    if kind in ENUMS:
        return {"$": kind.__name__, "v": str(value)}
    if isinstance(value, tuple | list):
        return [pack(item) for item in value]
    if isinstance(value, Mapping):
        return {"$": "record", "v": {str(name): pack(item) for name, item in value.items()}}
    return pack_plain(value)


def unpack(data: Any) -> Any:
    """Raises KeyError, TypeError, ValueError: nothing that `pack` of this release gave."""
    if isinstance(data, list):
        return tuple(unpack(item) for item in data)
    if not isinstance(data, dict):
        return data
    name = data["$"]
    if name in _BY_NAME:
        kind = _BY_NAME[name]
        return kind(**dict(zip(_sent(kind), map(unpack, data["v"]), strict=True)))
    if name in _ENUMS:
        return _ENUMS[name](data["v"])
    if name == "record":
        return {key: unpack(item) for key, item in data["v"].items()}
    return unpack_plain(data)


def _sent(kind: type[Any]) -> list[str]:
    return [one.name for one in fields(kind) if one.name not in _LEFT_OUT]
