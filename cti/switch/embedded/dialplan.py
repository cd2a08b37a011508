"""Where a call goes: extensions made of (application, argument) pairs, found by number and context."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cti.switch.embedded.channel import Channel

Action = tuple[str, str]


@dataclass(slots=True)
class Extension:
    """What a channel will execute. ``actions`` are consumed from the front as they run."""

    name: str
    actions: list[Action] = field(default_factory=list)
    from_dialplan: bool = True


Dialplan = Callable[["Channel", str, str], Extension | None]
"""(channel, number, context) -> what to execute, None when there is no route (NO_ROUTE_DESTINATION)."""


@dataclass(frozen=True, slots=True)
class PlatformDialplan:
    """The dialplan of the shipped configuration: liveness by `cti_alive_<k>`, a worker slot per call, then park.

    A slot is picked among those whose `cti_alive_<k>` is 1 by a hash of the channel's uuid. With no live slot the
    caller hears ``apology`` and goes to the emergency extension, whose phones are ``emergency`` (a dial string; empty:
    the call ends).
    """

    slots: int = 4
    apology: str = "say:cti:en:We are sorry, our service is not available at the moment."
    emergency_extension: str = "emergency"
    emergency: str = "user/1001,user/1002"
    internal: bool = True
    variables: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, channel: Channel, number: str, context: str) -> Extension | None:
        if number == self.emergency_extension:
            return self._emergency()
        if self.internal and context == "internal" and number in channel.core.directory.phones:
            return Extension("local", [("set", "hangup_after_bridge=true"), ("bridge", f"user/{number}")])
        live = [k for k in range(self.slots) if channel.core.globals.get(f"cti_alive_{k}") == "1"]
        if not live:
            return Extension(
                "no_engine",
                [
                    ("answer", ""),
                    ("playback", self.apology),
                    ("transfer", f"{self.emergency_extension} XML {context}"),
                ],
            )
        slot = live[zlib.crc32(channel.uuid.encode()) % len(live)]
        sets = {
            "cti_worker": str(slot),
            "cti_entry": number,
            "playback_terminators": "none",
            "park_after_bridge": "true",
            "continue_on_fail": "true",
            **self.variables,
        }
        actions: list[Action] = [("set", f"{name}={value}") for name, value in sets.items()]
        return Extension("cti", [*actions, ("park", "")])

    def _emergency(self) -> Extension:
        if not self.emergency:
            return Extension("emergency", [("hangup", "NORMAL_TEMPORARY_FAILURE")])
        return Extension(
            "emergency",
            [
                ("set", "park_after_bridge=false"),
                ("set", "continue_on_fail=true"),
                ("set", "hangup_after_bridge=true"),
                ("set", "call_timeout=30"),
                ("bridge", self.emergency),
                ("hangup", "NO_ANSWER"),
            ],
        )
