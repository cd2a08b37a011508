"""Dial strings: built only from route ids and E.164 digits of configuration, never from foreign text (DESIGN 3.4)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cti.core.errors import CtiError

EXTENSION = re.compile(r"[0-9]{2,8}")
E164 = re.compile(r"\+?[0-9]{3,15}")
ROUTE = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.-]{0,63}")

#: Q.850 causes (as in switch_types.h) by the exit that a flow author sees. What is not here is `failed`.
OUTCOMES = {
    "SUCCESS": "talked",
    "USER_BUSY": "busy",
    "CALL_REJECTED": "busy",
    "NO_ANSWER": "no_answer",
    "NO_USER_RESPONSE": "no_answer",
    "ALLOTTED_TIMEOUT": "no_answer",
    "ORIGINATOR_CANCEL": "failed",
    "OUTGOING_CALL_BARRED": "denied",
    "USER_NOT_REGISTERED": "no_answer",
    "SUBSCRIBER_ABSENT": "failed",
}


def outcome_of(disposition: str | None) -> str:
    """The transfer's exit for mod_dptools' `originate_disposition`."""
    return OUTCOMES.get(disposition or "", "failed")


@dataclass(frozen=True, slots=True)
class Dialing:
    """Where this platform may call. ``trunks`` are gateway names in fail-over order; ``allowed`` are prefixes of
    external numbers that flows may dial (empty: none, because a hotline that dials anywhere is a toll fraud)."""

    domain: str
    trunks: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    caller_number: str = ""

    def dial_string(self, kind: str, target: str, timeout_s: float) -> str:
        """Raise CtiError ``destination-denied`` for what may not or cannot be dialled."""
        ring = max(1, round(timeout_s))
        if kind in ("agent", "extension"):
            if not EXTENSION.fullmatch(target):
                raise _denied(f"{kind} {target!r} is not an extension number of 2 to 8 digits")
            return f"[leg_timeout={ring}]user/{target}@{self.domain}"
        if kind == "number":
            return self._by_trunk(target, ring)
        raise _denied(f"cannot dial a {kind!r}")

    def _by_trunk(self, target: str, ring: int) -> str:
        number = target.lstrip("+")
        if not E164.fullmatch(target):
            raise _denied("the number is not E.164 digits")
        if not any(number.startswith(prefix.lstrip("+")) for prefix in self.allowed):
            raise _denied("the number begins with no prefix of dialing.allowed")
        if not self.trunks:
            raise _denied("no trunk is configured (dialing.trunks)")
        own = f",origination_caller_id_number={self.caller_number}" if self.caller_number else ""
        return "|".join(f"[leg_timeout={ring}{own}]sofia/gateway/{trunk}/{number}" for trunk in self.trunks)


def _denied(message: str) -> CtiError:
    return CtiError(message, code="destination-denied", remedy="see `dialing:` in the configuration")
