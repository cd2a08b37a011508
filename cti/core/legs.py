"""Legs beside the callers': an agent's or a supervisor's phone in our hands, and what becomes of it.

A leg is named by a uuid that we choose. It is the idempotency key: a leg rung twice is rung once. Every `ring` ends in
one `LegAnswered` or one `LegFailed`; every answered leg in one `LegHungUp`, which comes for callers' legs as well.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from cti.core.errors import CtiError

#: `user`: an extension of the directory, wherever it is registered. `number`: E.164 digits, by the trunks.
#: `sip`: a contact ``user@host`` or ``user@host:port``, on a host of `dialing.sip_hosts`.
PHONE_KINDS = ("user", "number", "sip")
#: How a phone can be made to answer: not at all; its leg stays open between talks; by calling it anew with a header
#: that it heeds (`Call-Info: …;answer-after=0`); by a SIP NOTIFY while it rings (`Event: talk`).
REMOTE_ANSWERS = ("none", "permanent_leg", "auto_answer", "talk_event")
#: Why a leg was not answered. `cancelled`: we took it back.
OUTCOMES = ("busy", "no_answer", "rejected", "unregistered", "failed", "cancelled")
#: What a supervisor does on a talk: hears both; is heard by the agent only; is heard by both.
MONITOR_MODES = ("listen", "whisper", "barge")

_ADDRESS = re.compile(r"(user|number|sip)/(\S{1,128})")


@dataclass(frozen=True, slots=True)
class Phone:
    """``address`` is kind and target, ``user/1001``, ``number/+8613800138000``, ``sip/anna@10.0.0.5:5070``.

    Raises CtiError ``bad-phone``; whether it may be dialled is the switch adapter's to say.
    """

    address: str
    remote_answer: str = "none"

    def __post_init__(self) -> None:
        if not _ADDRESS.fullmatch(self.address):
            raise CtiError(
                f"{self.address[:60]!r} is no phone",
                code="bad-phone",
                remedy="write user/<extension>, number/<E.164> or sip/<user>@<host>",
            )
        if self.remote_answer not in REMOTE_ANSWERS:
            raise CtiError(
                f"{self.remote_answer[:60]!r} is no way to answer a phone",
                code="bad-phone",
                remedy=f"one of {', '.join(REMOTE_ANSWERS)}",
            )

    @property
    def permanent(self) -> bool:
        """The leg stays open between talks."""
        return self.remote_answer == "permanent_leg"

    @property
    def kind(self) -> str:
        return self.address.partition("/")[0]

    @property
    def target(self) -> str:
        return self.address.partition("/")[2]


@dataclass(frozen=True, slots=True)
class LegRinging:
    """The phone says that it rings."""

    leg: str


@dataclass(frozen=True, slots=True)
class LegAnswered:
    """Somebody is there; the leg is parked and hears nothing."""

    leg: str


@dataclass(frozen=True, slots=True)
class LegFailed:
    """``outcome``: one of `OUTCOMES`. The leg is no more."""

    leg: str
    outcome: str


@dataclass(frozen=True, slots=True)
class LegPlayed:
    """``ok`` False: the audio could not be played."""

    leg: str
    ref: int
    ok: bool = True


@dataclass(frozen=True, slots=True)
class LegsBridged:
    """They talk. ``a`` and ``b`` as in the order."""

    a: str
    b: str


@dataclass(frozen=True, slots=True)
class LegsUnbridged:
    """They no longer talk. Whichever is still there is parked, or on its way to where it was sent next."""

    a: str
    b: str


@dataclass(frozen=True, slots=True)
class BridgeFailed:
    """They never talked. ``reason``: gone (one of them is no more), refused, timeout. Whoever is there is parked."""

    a: str
    b: str
    reason: str


@dataclass(frozen=True, slots=True)
class LegHungUp:
    """The leg is no more; ``cause`` is the switch's Q.850 name, empty where it was lost unseen."""

    leg: str
    cause: str


@dataclass(frozen=True, slots=True)
class LegDigit:
    """A key pressed on an agent's phone, in talks as well: 0-9, ``*`` or ``#``."""

    leg: str
    digit: str


@dataclass(frozen=True, slots=True)
class LegRecordingFailed:
    """The recording of the leg was not started, paused, … (``action``), could not be written, or ended by itself."""

    leg: str
    action: str


@dataclass(frozen=True, slots=True)
class ConferenceJoined:
    room: str
    leg: str


@dataclass(frozen=True, slots=True)
class ConferenceLeft:
    """It is parked, gone, or on its way to where it was sent next."""

    room: str
    leg: str


@dataclass(frozen=True, slots=True)
class MonitorStarted:
    """The supervisor's ``leg`` hears ``target``. Told once, however often the mode changes."""

    leg: str
    target: str


@dataclass(frozen=True, slots=True)
class MonitorEnded:
    leg: str
    target: str


@dataclass(frozen=True, slots=True)
class LegFound:
    """A leg that was asked for by `LegControl.keep` lives. ``state``: ringing; parked (whatever it hears); bridged,
    with ``other`` (a leg); conference, ``other`` being the room."""

    leg: str
    state: str
    other: str = ""


@dataclass(frozen=True, slots=True)
class PhoneRegistered:
    """``user``: the extension, which can be rung now. Told for those found at the start, too."""

    user: str


@dataclass(frozen=True, slots=True)
class PhoneUnregistered:
    user: str


LegEvent = (
    LegRinging
    | LegAnswered
    | LegFailed
    | LegPlayed
    | LegsBridged
    | LegsUnbridged
    | BridgeFailed
    | LegHungUp
    | LegDigit
    | LegRecordingFailed
    | ConferenceJoined
    | ConferenceLeft
    | MonitorStarted
    | MonitorEnded
    | LegFound
    | PhoneRegistered
    | PhoneUnregistered
)
