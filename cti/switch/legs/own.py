"""A leg that we have rung, and the words with which the switch is asked for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from cti import esl
from cti.core.errors import CtiError
from cti.core.legs import Phone
from cti.switch.dialing import Route
from cti.switch.lane import Lane
from cti.switch.links.settings import WORKER
from cti.switch.orders import whole_time
from cti.switch.tapes import Tape

#: Set on every leg of ours: a later engine knows by it what nobody needs any more.
MARK = "cti_leg"
HEADER = re.compile(r"X-[0-9A-Za-z-]{1,40}")
VALUE = re.compile(r"[0-9A-Za-z_.:@/+=~*#()!-]{1,200}")
SHOWN = re.compile(r"\+?[0-9]{1,32}")
#: For phones that answer by themselves when asked to: the one header that most of them know, and the other.
AUTO_ANSWER = "sip_h_Call-Info=<sip:cti>;answer-after=0,sip_h_Alert-Info=<http://localhost>;info=alert-autoanswer"
ITSELF = {"sip_auto_answer": "true", "sip_auto_answer_suppress_notify": "true"}

#: Legs that we call tell of early media (183) by the end of this, which does nothing (mod_dptools: `eval`): who asks
#: for CHANNEL_PROGRESS_MEDIA gets it of every caller as well, when it is answered.
EARLY = ("eval", "early")
#: Into idle park, from wherever the leg is and whatever it is about to do (`uuid_park` on a leg that is parked
#: already leaves it deaf: its park ends and no other begins). A transfer clears ``park_after_bridge``.
TO_PARK = "set:park_after_bridge=true,set:uuid_bridge_park_on_cancel=true,park"
#: So that a leg stays where it is put, and keys do nothing by themselves.
STAYS = {
    "park_after_bridge": "true",
    "uuid_bridge_park_on_cancel": "true",
    "hangup_after_bridge": "false",
    "playback_terminators": "none",
    "eavesdrop_enable_dtmf": "false",
}


@dataclass(slots=True)
class OwnLeg:
    """``up``: answered, and ours. Until then ``job`` tells whether the switch still owes us an answer. ``told_to``: the
    phone is asked by a header to answer by itself; ``anew``: it still rings without, and is about to be rung so."""

    uuid: str
    phone: Phone
    lane: Lane
    ring_s: float
    routes: list[Route]
    variables: dict[str, str] = field(default_factory=dict)
    up: bool = False
    ringing: bool = False
    job: bool = False
    cancelled: bool = False
    told_to: bool = False
    anew: bool = False
    cause: str = ""  # with which it hung up while the job's answer was still to come
    kill: str | None = None
    tapes: list[Tape] = field(default_factory=list)
    answer_wanted: bool = False
    leaving: bool = False
    stray: bool = False  # an earlier engine's, and nobody's: hung up when it parks


def variables_of(worker: str, call: str, caller_number: str, headers: Mapping[str, str]) -> dict[str, str]:
    """Channel variables of a leg, checked. Raises CtiError ``bad-header``."""
    found = {
        "ignore_early_media": "true",
        WORKER: worker,
        MARK: "true",
        "execute_on_pre_answer": ":".join(EARLY),
        **STAYS,
    }
    if call:
        found["cti_call"] = call
    if caller_number:
        if not SHOWN.fullmatch(caller_number):
            raise CtiError(
                "the number to be shown is not digits", code="bad-header", remedy="digits, with or without +"
            )
        found |= {"origination_caller_id_number": caller_number, "origination_caller_id_name": caller_number}
    for name, value in headers.items():
        if not HEADER.fullmatch(name) or not VALUE.fullmatch(value):
            raise CtiError(
                f"{name[:60]!r} cannot go with a call, or not with this value",
                code="bad-header",
                remedy="names X-…; values of letters, digits and _.:@/+=~*#()!- , up to 200",
            )
        found[f"sip_h_{name}"] = value
    return found


def dial_string(leg: OwnLeg) -> str:
    """``{for the call}[for this place]address``, checked piece by piece (`cti.esl.channel_variables`)."""
    route = leg.routes[0]
    common = esl.channel_variables(leg.variables | whole_time(route) | (ITSELF if leg.told_to else {}))
    if leg.told_to:
        common = f"{common[:-1]},{AUTO_ANSWER}}}"
    own = esl.channel_variables({"origination_uuid": leg.uuid, **dict(route.variables)})
    return f"{common}[{own[1:-1]}]{route.address}"
