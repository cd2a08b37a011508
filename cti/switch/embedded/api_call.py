"""Extensions of ours, which no real switch has: virtual callers placed and driven over the event socket.

``cti_call <json>`` (plain or in URL-safe base64), ``cti_press <uuid> <keys>``, ``cti_hangup <uuid>``,
``cti_phone <extension> <json>``; what callers hear and do is told in CUSTOM events ``cti::heard``, ``cti::heard_end``,
``cti::pressed``, ``cti::answered`` and ``cti::caller_done``.
"""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

from cti.switch.embedded.api import NO_CHANNEL, api
from cti.switch.embedded.caller import VirtualCaller
from cti.switch.embedded.causes import Q850
from cti.switch.embedded.core import Core
from cti.switch.embedded.phones import VirtualPhone
from cti.switch.embedded.script import parse_script
from cti.switch.embedded.wire import Block, Header

MAX_BODY = 256 * 1024


def _object(text: str) -> dict[str, Any]:
    if len(text) > MAX_BODY:
        raise ValueError("the request is too long")
    if not text.startswith("{"):
        try:
            text = base64.b64decode(text, altchars=b"-_", validate=True).decode()
        except ValueError:
            raise ValueError("neither a JSON object nor one in base64") from None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from None
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def _text(value: dict[str, Any], key: str, default: str = "") -> str:
    found = value.get(key, default)
    if not isinstance(found, str | int) or isinstance(found, bool):
        raise ValueError(f"{key} must be a text")
    text = str(found)
    if len(text) > 256 or any(ord(char) < 32 for char in text):
        raise ValueError(f"{key} is too long or holds control characters")
    return text


def caller_from_json(request: dict[str, Any]) -> VirtualCaller:
    """``{"number", "called", "name", "script", "hangup_at_end", "hangup_after", "speaking"}``; raises ValueError."""
    called = _text(request, "called")
    if not called:
        raise ValueError("called is missing: the number that the caller dials")
    script = request.get("script", [])
    if not isinstance(script, list) or len(script) > 1000:
        raise ValueError("script must be a list of at most 1000 items")
    after = request.get("hangup_after")
    if after is not None and (not isinstance(after, int | float) or isinstance(after, bool) or after < 0):
        raise ValueError("hangup_after must be seconds")
    return VirtualCaller(
        number=_text(request, "number", "+8613800000000"),
        called=called,
        name=_text(request, "name"),
        script=parse_script(script),
        hangup_at_end=bool(request.get("hangup_at_end", False)),
        hangup_after_s=None if after is None else float(after),
        speaking_s=float(request.get("speaking", 2.0)),
    )


def _publish(core: Core, caller: VirtualCaller, what: str, about: dict[str, Any]) -> None:
    uuid = caller.channel.uuid if caller.channel is not None else ""
    subclass = "cti::caller_done" if what == "done" else f"cti::{what}"
    headers: list[Header] = [("Caller-UUID", uuid), ("Caller-Number", caller.number), ("Called-Number", caller.called)]
    names = {
        "keys": "Keys-Pressed",
        "kind": "Heard-Kind",
        "text": "Heard-Text",
        "at": "Heard-At",
        "duration_s": "Heard-Duration",
        "interrupted": "Heard-Interrupted",
        "cause": "Hangup-Cause",
    }
    for key, value in about.items():
        text = ("true" if value else "false") if isinstance(value, bool) else str(value)
        headers.append((names[key], text))
    core.bus.fire("CUSTOM", lambda: [Block(headers)], subclass=subclass)


@api("cti_call")
def cti_call(core: Core, argument: str) -> str:
    try:
        caller = caller_from_json(_object(argument))
        caller.observers.append(lambda who, what, about: _publish(core, who, what, about))
        return f"+OK {caller.place(core)}\n"
    except (ValueError, TypeError, RuntimeError) as error:
        return f"-ERR {error}\n"


@api("cti_press")
def cti_press(core: Core, argument: str) -> str:
    uuid, _, keys = argument.partition(" ")
    channel = core.find(uuid)
    if channel is None:
        return NO_CHANNEL
    if not isinstance(channel.far, VirtualCaller):
        return "-ERR not a virtual caller\n"
    channel.far.press(keys)
    return "+OK\n"


@api("cti_hangup")
def cti_hangup(core: Core, argument: str) -> str:
    channel = core.find(argument)
    if channel is None:
        return NO_CHANNEL
    if not isinstance(channel.far, VirtualCaller):
        return "-ERR not a virtual caller\n"
    channel.far.hangup()
    return "+OK\n"


@api("cti_phone")
def cti_phone(core: Core, argument: str) -> str:
    """``<extension> {"answer_after": 0.5 | null, "hangup_after", "refuse": "USER_BUSY", "registered": true, …}``."""
    extension, _, text = argument.partition(" ")
    try:
        request = _object(text or "{}")
        old = core.directory.phones.get(extension) or core.directory.outside_phone(extension)
        known = set(old.behaviour.__dataclass_fields__) - {"keys"}
        if not request.keys() <= known:
            raise ValueError(f"unknown key {sorted(request.keys() - known)[0]}: {', '.join(sorted(known))}")
        if request.get("refuse") and request["refuse"] not in Q850:
            raise ValueError("refuse must be a hang-up cause such as USER_BUSY")
        for key in ("answer_after", "hangup_after", "refuse_after", "ring_after"):
            value = request.get(key)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or value < 0):
                raise ValueError(f"{key} must be seconds")
        behaviour = replace(old.behaviour, **request)
    except (ValueError, TypeError) as error:
        return f"-ERR {error}\n"
    if extension in core.directory.phones:
        core.set_behaviour(core.directory.phones[extension], behaviour)
    else:
        core.directory.outside[extension] = VirtualPhone(extension, behaviour, contact=old.contact)
    return "+OK\n"
