"""Dial strings: built only from route ids and E.164 digits of configuration, never from foreign text (DESIGN 3.4)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from cti.core.calls import HandOver
from cti.core.errors import CtiError
from cti.core.legs import Phone
from cti.core.numbers import COUNTRY_CODE, normalise_number
from cti.switch.handover import NUMBER, headers_of

EXTENSION = re.compile(r"[0-9]{2,8}")
E164 = re.compile(r"\+?[1-9][0-9]{2,14}|0[0-9]{2,14}")
#: A configured SIP contact: nothing in it that a dial string gives a meaning to (`,` `|` `{` `[` `&` `^`, blanks).
CONTACT = re.compile(r"([0-9A-Za-z+_.-]{1,64})@([0-9A-Za-z][0-9A-Za-z.-]{0,63})(:[0-9]{1,5})?")
THROUGH = re.compile(r"[0-9A-Za-z][0-9A-Za-z.-]{0,63}(:[0-9]{1,5})?")
ROUTE = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.-]{0,63}")

#: Q.850 causes (as in switch_types.h) by the exit that a flow author sees. What is not here is `failed`.
OUTCOMES = {
    "SUCCESS": "talked",
    "USER_BUSY": "busy",
    "CALL_REJECTED": "busy",
    "NO_ANSWER": "no_answer",
    "NO_USER_RESPONSE": "no_answer",
    "ALLOTTED_TIMEOUT": "no_answer",
    "PROGRESS_TIMEOUT": "no_answer",
    "USER_NOT_REGISTERED": "no_answer",
    "SUBSCRIBER_ABSENT": "no_answer",
    "OUTGOING_CALL_BARRED": "denied",
}

#: Causes that speak of the trunk and not of the number: the next trunk is tried. A busy number is busy on all trunks.
ROUTE_FAILURES = frozenset(
    """GATEWAY_DOWN INVALID_GATEWAY INVALID_PROFILE NETWORK_OUT_OF_ORDER NORMAL_TEMPORARY_FAILURE SWITCH_CONGESTION
    NORMAL_CIRCUIT_CONGESTION REQUESTED_CHAN_UNAVAIL RECOVERY_ON_TIMER_EXPIRE DESTINATION_OUT_OF_ORDER
    SERVICE_UNAVAILABLE FACILITY_NOT_SUBSCRIBED PROTOCOL_ERROR INCOMPATIBLE_DESTINATION""".split()  # noqa: SIM905
)


def outcome_of(disposition: str | None) -> str:
    """The transfer's exit for mod_dptools' `originate_disposition`."""
    return OUTCOMES.get(disposition or "", "failed")


#: The same causes as an agent's phone ends with (`cti.core.legs.OUTCOMES`); the rest is `failed`.
PHONE_OUTCOMES = {
    "USER_BUSY": "busy",
    "CALL_REJECTED": "rejected",
    "DECLINE": "rejected",
    "NO_ANSWER": "no_answer",
    "NO_USER_RESPONSE": "no_answer",
    "ALLOTTED_TIMEOUT": "no_answer",
    "PROGRESS_TIMEOUT": "no_answer",
    "USER_NOT_REGISTERED": "unregistered",
    "SUBSCRIBER_ABSENT": "unregistered",
    "ORIGINATOR_CANCEL": "cancelled",
}


@dataclass(frozen=True, slots=True)
class Route:
    """One place to ring, as the switch dials it, and what goes with it as channel variables of the new leg."""

    address: str
    variables: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class OtherPlatform:
    """``trunk``: gateway by which calls go there; ``number``: what is dialled, empty: what the caller dialled."""

    trunk: str
    number: str = ""


@dataclass(frozen=True, slots=True)
class Dialing:
    """Where this platform may call. ``trunks`` are gateway names in fail-over order; ``allowed`` are prefixes of
    external numbers that may be dialled (empty: none, because a hotline that dials anywhere is a toll fraud);
    ``denied`` are prefixes that may not, whatever is allowed (premium rates); ``sip_hosts`` are hosts on which agents
    may have SIP contacts; ``phones_through``: host:port of whoever knows where phones are, which then every switch
    asks for every phone (docs/failover.md); empty: each switch knows its own."""

    domain: str
    trunks: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    caller_number: str = ""
    denied: tuple[str, ...] = ()
    sip_hosts: tuple[str, ...] = ()
    platforms: Mapping[str, OtherPlatform] = field(default_factory=dict)
    phones_through: str = ""

    def __post_init__(self) -> None:
        for route in (self.domain, *self.trunks, *(one.trunk for one in self.platforms.values())):
            if not ROUTE.fullmatch(route):
                raise CtiError(f"{route[:60]!r} is no domain or trunk name", code="bad-route")
        if self.phones_through and not THROUGH.fullmatch(self.phones_through):
            raise CtiError(f"{self.phones_through[:60]!r} is no host:port", code="bad-route")
        if self.caller_number and not E164.fullmatch(self.caller_number):
            raise CtiError(f"{self.caller_number[:60]!r} is no caller number", code="bad-number")

    def routes(self, kind: str, target: str, timeout_s: float) -> list[Route]:
        """Where to ring, in the order of trial. Raises CtiError ``destination-denied`` for what may not or cannot be
        dialled; the message holds no number."""
        ring = ("leg_timeout", str(max(1, round(timeout_s))))
        if kind in ("agent", "extension"):
            if not EXTENSION.fullmatch(target):
                raise _denied(f"the {kind} is not an extension number of 2 to 8 digits")
            if self.phones_through:
                address = f"sofia/phones/{target}@{self.domain};fs_path=sip:{self.phones_through}"
                return [Route(address, (ring, ("presence_id", f"{target}@{self.domain}")))]
            return [Route(f"user/{target}@{self.domain}", (ring,))]
        if kind == "number":
            number = self._checked(target)
            own = (("origination_caller_id_number", self.caller_number),) if self.caller_number else ()
            return [Route(f"sofia/gateway/{trunk}/{number}", (ring, *own)) for trunk in self.trunks]
        raise _denied(f"cannot dial a {kind[:20]!r}")

    def phone_routes(self, phone: Phone, ring_s: float) -> list[Route]:
        """As `routes`, for a phone of an agent or a supervisor."""
        if phone.kind == "user":
            return self.routes("agent", phone.target, ring_s)
        if phone.kind == "number":
            return self.routes("number", phone.target, ring_s)
        contact = CONTACT.fullmatch(phone.target)
        if contact is None:
            raise _denied("the SIP contact is not user@host or user@host:port")
        if contact.group(2) not in self.sip_hosts:
            raise _denied("the host of the SIP contact is not in dialing.sip_hosts")
        return [Route(f"sofia/phones/{phone.target}", (("leg_timeout", str(max(1, round(ring_s)))),))]

    def platform_routes(self, name: str, told: HandOver | None, timeout_s: float) -> list[Route]:
        """As `routes`, to another platform: the number there is the configuration's or the one that the caller dialled,
        so that no flow decides what is dialled, and ``dialing.allowed`` is not asked."""
        platform = self.platforms.get(name)
        if platform is None or told is None:
            raise _denied("there is no such platform in dialing.platforms")
        number = platform.number or told.called
        if not NUMBER.fullmatch(number):
            raise _denied("the number for the other platform is not digits")
        shown = (("origination_caller_id_number", told.caller),) if NUMBER.fullmatch(told.caller or "") else ()
        headers = tuple((f"sip_h_{header}", value) for header, value in headers_of(told).items())
        ring = ("leg_timeout", str(max(1, round(timeout_s))))
        return [Route(f"sofia/gateway/{platform.trunk}/{number}", (ring, *shown, *headers))]

    @property
    def platforms_by_trunk(self) -> dict[str, str]:
        return {one.trunk: name for name, one in self.platforms.items()}

    def _checked(self, target: str) -> str:
        if not E164.fullmatch(target):
            raise _denied("the number is not E.164 digits")
        number = target.removeprefix("+")
        # 00 is the way out of the country: who may dial 0 may not dial 00, and what is denied is so behind 00 as well.
        allowed = [prefix for prefix in self.allowed if prefix.startswith("00") or not number.startswith("00")]
        if not any(number.startswith(prefix.removeprefix("+")) for prefix in allowed):
            raise _denied("the number begins with no prefix of dialing.allowed")
        spellings = _spellings(number) | _spellings(normalise_number(target))
        if any(one.startswith(prefix) for one in spellings for denied in self.denied for prefix in _spellings(denied)):
            raise _denied("the number begins with a prefix of dialing.denied")
        if not self.trunks:
            raise _denied("no trunk is configured (dialing.trunks)")
        return number


def _spellings(number: str) -> set[str]:
    """Of a number or the beginning of one: with and without the country code and the trunk prefix, since a trunk takes
    more than one for the same number."""
    digits = number.removeprefix("+").removeprefix("00")
    national = digits.removeprefix(COUNTRY_CODE)
    return {digits, national, national.removeprefix("0")} - {""}


def _denied(message: str) -> CtiError:
    return CtiError(message, code="destination-denied", remedy="see `dialing:` in the configuration")
