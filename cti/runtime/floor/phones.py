"""Agents' phones: may they be dialled, can they be rung now, and on which switch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti.core.errors import CtiError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cti.core.legs import Phone
    from cti.ports import LegControl


class Phones:
    """``switches``: those that are up, by name."""

    def __init__(self, switches: Callable[[], Mapping[str, LegControl]]) -> None:
        self._switches = switches

    def require(self, phone: Phone) -> None:
        """Somebody wants to work with this phone. May block while switches are asked.

        Raises CtiError: phone-not-allowed (as `dialing:` says of every call), phone-not-registered,
        switch-unavailable."""
        switches = self._switches()
        if not switches:
            raise CtiError("no switch is up", code="switch-unavailable")
        for legs in switches.values():
            try:
                legs.check(phone)
            except CtiError as error:
                raise CtiError(error.message, code="phone-not-allowed", remedy=error.remedy) from error
        if phone.kind == "user" and self._where(phone, switches) is None:
            raise CtiError(
                f"phone {phone.target} is not registered",
                code="phone-not-registered",
                remedy="switch it on, and see that it has the right server and password",
            )

    def place(self, phone: Phone) -> tuple[str, LegControl] | None:
        """The switch where it can be rung: where it is registered, or any. None: no switch is up. May block; raises
        CtiError (switch-unavailable)."""
        switches = self._switches()
        first = next(iter(switches.items()), None)
        if phone.kind != "user" or len(switches) < 2:
            return first
        return self._where(phone, switches) or first

    def _where(self, phone: Phone, switches: Mapping[str, LegControl]) -> tuple[str, LegControl] | None:
        """Raises CtiError when the only one that could know does not answer."""
        silent: CtiError | None = None
        for name, legs in switches.items():
            try:
                if legs.registered(phone.target):
                    return name, legs
            except CtiError as error:
                silent = error
        if silent is not None:
            raise silent
        return None
