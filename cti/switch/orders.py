"""What is executed on a channel, one at a time, and how its end is read from what the switch tells. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from cti.core import events as ev
from cti.switch.dialing import Route, outcome_of
from cti.switch.links.settings import WORKER

#: A talk is told apart from an attempt by the caller's side: set while bridged, while ringing (switch_ivr_bridge.c).
TALKS = "bridge_to"
RINGS = "RING_WAIT"
DIALLING_S = 60
CONFERS = "conference_call_key"  # set by mod_conference while the channel is in a conference (seen on 1.10.12)


class Facts(Protocol):
    """An event or a ``uuid_dump``."""

    def get(self, name: str, /) -> str | None: ...

    def variable(self, name: str) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Found:
    """Of a call that is adopted. ``other``: uuid of the leg that it talks with; ``disposition``: how the last transfer
    went, as far as is known."""

    other: str
    disposition: str


class Kind(Enum):
    PLAY = "play"
    MUSIC = "music"  # played again and again while nothing else is to be done
    RECORD = "record"
    FAX = "fax"
    VIDEO = "video"
    BRIDGE = "bridge"
    MEET = "meet"  # talks with another leg by uuid_bridge; no application
    ROOM = "room"  # in a conference
    SPY = "spy"  # eavesdrops on another leg
    FOREIGN = "foreign"  # an earlier engine's, found when its call was adopted


class End(Enum):
    """``COMPLETED``: the switch said so. ``CANCELLED``: never began. ``FAILED``: refused, or never to be had.
    ``OVERDUE``: it was stopped, and no word of its end came."""

    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"
    OVERDUE = "overdue"


@dataclass(slots=True)
class Order:
    """One application on one channel. ``token`` is new with each execution: it pairs EXECUTE_COMPLETE with this one."""

    kind: Kind
    ref: int
    application: str
    argument: str
    token: str = ""
    epoch: int = 0  # of the links, when it was sent
    acknowledged: bool = False
    stopping: bool = False
    parking: bool = False  # a bridge that is over; CHANNEL_PARK is still to come
    began: float = 0.0
    silence_s: int = 0  # record
    keys: str = ""  # play: those at which the switch ends it by itself
    routes: list[Route] = field(default_factory=list)  # bridge: those not tried yet
    role: str = ""  # bridge: agent, extension, number
    number: str = ""
    other: str = ""  # bridge: the uuid of the other leg
    joined: bool = False
    parked: bool = False  # meet: CHANNEL_PARK came before they had met
    cut: Order | None = None  # meet: what ran before, and what waited; the switch may yet refuse
    dropped: list[Order] = field(default_factory=list)
    foreign: bool = False  # sent by an earlier engine, whose token nobody knows
    leg: bool = False  # ordered through `LegControl`, which is told of its end


class State(Enum):
    RUNNING = "running"
    ENDED = "ended"
    NEVER = "never"


def confers(dump: Facts) -> bool:
    """Is in a conference. A channel that a standby switch has made again still has the variable, and parks."""
    return bool(dump.variable(CONFERS)) and dump.variable("current_application") == "conference"


def look(order: Order, dump: Facts) -> State:
    """What became of an order whose end we may have missed, by the channel's variables.

    ``current_application`` stays after the end; ``current_application_response`` is unset at the start and set by
    playback at its end, and by faxes that could not begin (switch_core_session_exec, mod_dptools, mod_spandsp_fax.c).
    ``record_ms`` and ``fax_success`` we unset ourselves before.
    """
    same = dump.variable("current_application") == order.application
    if not same or dump.variable("current_application_data") not in (order.argument, None):
        return State.RUNNING if order.acknowledged else State.NEVER
    if order.kind is Kind.BRIDGE:
        alive = bool(dump.variable(TALKS)) or dump.get("Channel-Call-State") == RINGS
        return State.RUNNING if alive else State.ENDED
    if order.kind is Kind.ROOM:
        return State.RUNNING if confers(dump) else State.ENDED
    own = {Kind.RECORD: "record_ms", Kind.FAX: "fax_success"}.get(order.kind)
    ended = dump.variable("current_application_response") or (own is not None and dump.variable(own))
    return State.ENDED if ended else State.RUNNING


def playable(path: str) -> str:
    """A file as an argument of `playback`. mod_fsv 1.10.12 ends the whole switch when it opens a file without
    parameters (mod_fsv.c, fsv_file_open looks into a table that is only there with them)."""
    return f"{{no_video_decode=false}}{path}" if path.lower().endswith(".fsv") else path


def joined(audio: Sequence[str]) -> str:
    """Playback arguments, one after the other, as one."""
    files = [playable(one) for one in audio]
    return files[0] if len(files) == 1 else "file_string://" + "!".join(files)


def played(order: Order, end: End, told: Facts | None) -> ev.PlayEnded:
    if end is End.FAILED:
        return ev.PlayEnded(order.ref, ok=False)
    # How the switch names the ending of what we stopped ourselves does not matter.
    fine = order.stopping or told is None or told.variable("current_application_response") == "FILE PLAYED"
    return ev.PlayEnded(order.ref, ok=fine or (told is not None and told.get("Application-Response") == "FILE PLAYED"))


def recorded(order: Order, end: End, told: Facts | None) -> ev.RecordEnded:
    """mod_dptools leaves ``record_ms`` and ``silence_hits_exhausted`` behind (switch_ivr_play_say.c:713,918)."""
    text = (told.variable("record_ms") if told is not None else None) or "0"
    duration = int(text) / 1000 if text.isdigit() else 0.0
    if end is End.FAILED or (not duration and not order.stopping):
        return ev.RecordEnded(order.ref, 0.0, "failed")
    quiet = told is not None and told.variable("silence_hits_exhausted") == "true"
    only_silence = quiet and duration <= order.silence_s + 1.0
    return ev.RecordEnded(order.ref, duration, "silence" if only_silence else "done")


def faxed(order: Order, end: End, told: Facts | None) -> ev.FaxEnded:
    """mod_spandsp leaves ``fax_success`` and the pages that went over behind (mod_spandsp_fax.c: phase_e_handler); a
    fax that was broken off leaves nothing."""
    if end is not End.COMPLETED or told is None:
        return ev.FaxEnded(order.ref, "failed")
    pages = told.variable("fax_document_transferred_pages") or ""
    sent = told.variable("fax_success") == "1"
    return ev.FaxEnded(order.ref, "ok" if sent else "failed", int(pages) if sent and pages.isdigit() else 0)


def video_played(order: Order, end: End, told: Facts | None) -> ev.VideoEnded:
    return ev.VideoEnded(order.ref, "next" if played(order, end, told).ok else "unsupported")


def transferred(order: Order, end: End, told: Facts | None) -> ev.TransferEnded:
    if order.joined:
        return ev.TransferEnded(order.ref, "talked")
    if end is not End.COMPLETED or told is None:
        return ev.TransferEnded(order.ref, "failed")
    return ev.TransferEnded(order.ref, outcome_of(told.variable("originate_disposition")))


def dial_string(route: Route, other: str, worker: str) -> str:
    """``{for every leg}[for this leg]address``.

    Early media is ignored, because a carrier's announcement ("this number is busy") would count as an answer; the new
    leg carries our worker's name, so that its events come to us, and our own uuid, so that it can be called off.
    """
    own = "".join(f",{name}={value}" for name, value in route.variables)
    whole = "".join(f",{name}={value}" for name, value in whole_time(route).items())
    return f"{{ignore_early_media=true,{WORKER}={worker}{whole}}}[origination_uuid={other}{own}]{route.address}"


def whole_time(route: Route) -> dict[str, str]:
    """What makes the switch ring for longer than a minute: it ends the dialling as a whole after 60 s, whatever
    ``leg_timeout`` says (switch_ivr_originate.c, SWITCH_DEFAULT_TIMEOUT)."""
    ring_s = int(dict(route.variables).get("leg_timeout", "0"))
    return {"originate_timeout": str(ring_s + 1)} if ring_s >= DIALLING_S else {}
