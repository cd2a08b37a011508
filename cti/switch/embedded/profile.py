"""The caller profile of a channel: who calls whom, and when what happened. Becomes the ``Caller-*`` headers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from cti.switch.embedded.wire import Block, Header


def without_references(text: str) -> str:
    """``${`` becomes ``%{`` (switch_string_var_check), so that no argument that names this text runs it."""
    return _REFERENCE.sub(r"%\1{", text)


def clean(text: str) -> str:
    """A party's text as a caller profile keeps it (profile_dup_clean): control characters but line ends are blanks.

    The channel variables of the same content (``sip_from_display``) keep it as it came.
    """
    return _CONTROL.sub(" ", without_references(text))


_REFERENCE = re.compile(r"\$(\\*)\{")
_CONTROL = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f]")


def micros(t: float) -> int:
    return int(t * 1_000_000)


@dataclass(slots=True)
class Times:
    """Unix seconds; 0 while it has not happened."""

    profile_created: float = 0.0
    created: float = 0.0
    answered: float = 0.0
    progress: float = 0.0
    progress_media: float = 0.0
    hungup: float = 0.0
    transferred: float = 0.0
    bridged: float = 0.0
    last_hold: float = 0.0
    hold_accum: float = 0.0


@dataclass(slots=True)
class Profile:
    uuid: str
    channel_name: str
    destination: str
    direction: str = "inbound"
    logical_direction: str = "inbound"
    username: str = ""
    dialplan: str = "XML"
    name: str = ""
    number: str = ""
    orig_name: str = ""
    orig_number: str = ""
    callee_name: str = ""
    callee_number: str = ""
    context: str = "public"
    source: str = "mod_sofia"
    transfer_source: str = ""
    rdnis: str = ""
    network: str = "127.0.0.1"
    index: int = 1
    times: Times = field(default_factory=Times)

    def copy(self) -> Profile:
        return replace(self, times=replace(self.times))

    def block(self, prefix: str, lines: dict[Header, bytes]) -> Block:
        """The headers of switch_caller_profile_event_set_data, in its order; empty values are left out. ``lines`` as
        for `Block`."""
        named: list[Header] = [
            ("Direction", self.direction),
            ("Logical-Direction", self.logical_direction),
            ("Username", self.username),
            ("Dialplan", self.dialplan),
            ("Caller-ID-Name", self.name),
            ("Caller-ID-Number", self.number),
            ("Orig-Caller-ID-Name", self.orig_name or self.name),
            ("Orig-Caller-ID-Number", self.orig_number or self.number),
            ("Callee-ID-Name", self.callee_name),
            ("Callee-ID-Number", self.callee_number),
            ("Network-Addr", self.network),
            ("ANI", self.orig_number or self.number),
            ("Destination-Number", self.destination),
            ("Unique-ID", self.uuid),
            ("Source", self.source),
            ("Transfer-Source", self.transfer_source),
            ("Context", self.context),
            ("RDNIS", self.rdnis),
            ("Channel-Name", self.channel_name),
            ("Profile-Index", str(self.index) if prefix == "Caller" else ""),
        ]
        times = self.times
        stamps = [
            ("Profile-Created-Time", times.profile_created),
            ("Channel-Created-Time", times.created),
            ("Channel-Answered-Time", times.answered),
            ("Channel-Progress-Time", times.progress),
            ("Channel-Progress-Media-Time", times.progress_media),
            ("Channel-Hangup-Time", times.hungup),
            ("Channel-Transfer-Time", times.transferred),
            ("Channel-Resurrect-Time", 0.0),
            ("Channel-Bridged-Time", times.bridged),
            ("Channel-Last-Hold", times.last_hold),
            ("Channel-Hold-Accum", times.hold_accum),
        ]
        headers = [(f"{prefix}-{name}", value) for name, value in named if value]
        headers += [(f"{prefix}-{name}", str(micros(t))) for name, t in stamps]
        headers += [
            (f"{prefix}-Screen-Bit", "true"),
            (f"{prefix}-Privacy-Hide-Name", "false"),
            (f"{prefix}-Privacy-Hide-Number", "false"),
        ]
        return Block(headers, lines=lines)
