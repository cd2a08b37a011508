"""Where a call goes: extensions made of (application, argument) pairs, found by number and context."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
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


Dialplan = Callable[["Channel", str, str], Extension | None]
"""(channel, number, context) -> what to execute, None when there is no route (NO_ROUTE_DESTINATION)."""


def inline_extension(text: str) -> Extension:
    """``app:argument,app:argument`` (mod_dptools: inline_dialplan_hunt)."""
    parts = [part.partition(":") for part in text.split(",") if part]
    return Extension("inline", [(name, argument) for name, _, argument in parts])


@dataclass(frozen=True, slots=True)
class PlatformDialplan:
    """The dialplan of the shipped configuration (freeswitch_conf/dialplan), with its variables and its choices.

    A worker slot k is alive while the global variable ``cti_alive_<k>`` is 1. The call's uuid decides: each slot owns
    four of the sixteen hexadecimal digits (digit modulo 4), digits of dead slots are skipped, the first left names the
    worker. With no live slot, and when the guard fires, the call goes to 9999 in context ``emergency``.

    ``apology`` and ``hold_music`` are playback arguments, ``emergency`` a dial string, times in seconds.
    """

    apology: str = "say:cti:en:We are sorry, our service is not available at the moment. Please hold the line."
    hold_music: str = "tone_stream://%(2000,4000,440,480)"
    emergency: str = "user/1001,user/1002,user/1003"
    emergency_ring_s: int = 20
    guard_s: int = 30

    def __call__(self, channel: Channel, number: str, context: str) -> Extension | None:
        if context == "emergency":
            return self._emergency(channel) if number == "9999" else None
        if context not in {"phones", "trunks"}:
            return None
        if context == "phones":
            if number == "*911":
                return Extension("emergency-by-hand", [("transfer", "9999 XML emergency")])
            if number in channel.core.directory.phones:
                return self._phone_to_phone(channel, number)
        return self._engine(channel, number)

    def _engine(self, channel: Channel, number: str) -> Extension:
        if not _NUMBER.fullmatch(number):
            return Extension("engine-no-such-number", [("hangup", "UNALLOCATED_NUMBER")])
        worker = self._worker(channel)
        if worker is None:
            return Extension("engine-park", [("transfer", "9999 XML emergency")])
        sets = (
            ("presence_data", str(worker)),
            ("cti_emergency", ""),
            ("playback_terminators", "none"),
            ("hangup_after_bridge", "false"),
            ("park_after_bridge", "true"),
            ("uuid_bridge_park_on_cancel", "true"),
            ("continue_on_fail", "true"),
            ("media_timeout", "300000"),
            ("media_hold_timeout", "3600000"),
        )
        actions: list[Action] = [
            ("multiset", _assigned(sets)),
            ("sched_transfer", f"+{self.guard_s} 9999 XML emergency"),
            ("park", ""),
        ]
        return Extension("engine-park", actions)

    def _worker(self, channel: Channel) -> int | None:
        """The live slot that gets the call."""
        live = [k for k in range(4) if channel.core.globals.get(f"cti_alive_{k}") == "1"]
        owners = (k for digit in channel.uuid for k in live if digit in _DIGITS[k])
        return next(owners, live[0]) if live else None

    def _phone_to_phone(self, channel: Channel, number: str) -> Extension:
        return Extension(
            "phone-to-phone",
            [
                ("set", "hangup_after_bridge=true"),
                ("set", "continue_on_fail=false"),
                ("set", "call_timeout=60"),
                ("bridge", f"user/{number}@{channel.core.directory.domain}"),
            ],
        )

    def _emergency(self, channel: Channel) -> Extension:
        sets = (
            ("cti_emergency", "true"),
            ("park_after_bridge", "false"),
            ("hangup_after_bridge", "true"),
            ("uuid_bridge_park_on_cancel", "false"),
            ("continue_on_fail", "true"),
            ("ignore_early_media", "true"),
            ("playback_terminators", "none"),
            ("call_timeout", str(self.emergency_ring_s)),
        )
        ring: list[Action] = [("bridge", self.emergency), ("playback", self.hold_music)]
        return Extension(
            "emergency",
            [
                ("multiset", _assigned(sets)),
                ("log", f"WARNING {channel.uuid} goes to the emergency group"),
                ("answer", ""),
                ("playback", self.apology),
                *ring,
                *ring,
                ("bridge", self.emergency),
                ("playback", self.apology),
                ("hangup", "NO_ANSWER"),
            ],
        )


def _assigned(sets: Sequence[tuple[str, str]]) -> str:
    return " ".join(f"{name}={value}" for name, value in sets)


_DIGITS = ("048c", "159d", "26ae", "37bf")
_NUMBER = re.compile(r"\+?[0-9*#]{1,32}")
