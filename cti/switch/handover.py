"""What goes with a caller from one platform to another: SIP headers, written for those who leave and read from those
who come back.

    X-CTI-Call: 5d7e…                        id of the call here
    X-CTI-Caller: 13800000000                absent: withheld
    X-CTI-Called: 10086
    X-CTI-Path: hotline.main/hotline.bill    nodes, the oldest first; the newest that fit into 200 signs
    X-CTI-Identity: 4711                     what was proved of the caller; absent: nothing

Headers are read from a trunk that belongs to a platform of the settings alone: anybody else could write them as well.
What does not have the form of such a value is left out, on both ways.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cti.core.calls import HandOver

#: Of a value; nothing in it means anything to a dial string or to the switch's expansion.
VALUE = re.compile(r"[0-9A-Za-z_.:@/+=~*#()!-]{1,200}")
NUMBER = re.compile(r"\+?[0-9]{1,20}")
PATH_MAX = 200
#: As attributes of a call that comes back, for the entry table: attribute -> header.
ATTRIBUTES = {"call": "Call", "path": "Path", "identity": "Identity"}


class Told(Protocol):
    def variable(self, name: str) -> str | None: ...


def headers_of(told: HandOver) -> dict[str, str]:
    """Header -> value, those that can be told."""
    found = {
        "X-CTI-Call": told.call,
        "X-CTI-Caller": told.caller or "",
        "X-CTI-Called": told.called,
        "X-CTI-Path": _newest(told.path),
        "X-CTI-Identity": told.identity,
    }
    return {name: value for name, value in found.items() if VALUE.fullmatch(value)}


def _newest(path: tuple[str, ...]) -> str:
    text = ""
    for node in reversed(path):
        longer = f"{node}/{text}" if text else node
        if len(longer) > PATH_MAX:
            break
        text = longer
    return text


def returned(channel: Told, platforms: Mapping[str, str]) -> dict[str, str]:
    """Attributes of a call that comes from another platform: ``platform``, ``call``, ``path``, ``identity``, and
    ``caller``, which the signalling of an exchange between may have lost. ``platforms``: trunk -> name. Empty: it comes
    from nobody whose word is taken."""
    name = platforms.get(channel.variable("cti_trunk") or "")
    if name is None:
        return {}
    found = {key: channel.variable(f"sip_h_X-CTI-{header}") or "" for key, header in ATTRIBUTES.items()}
    caller = channel.variable("sip_h_X-CTI-Caller") or ""
    told = {key: value for key, value in found.items() if VALUE.fullmatch(value)}
    return {"platform": name, **told, **({"caller": caller} if NUMBER.fullmatch(caller) else {})}
