"""Which phones are registered: asked once after the links came up, then told by the switch's events."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from cti.core.errors import CtiError
from cti.core.legs import PhoneRegistered, PhoneUnregistered
from cti.switch.dialing import EXTENSION

if TYPE_CHECKING:
    from cti.esl import Event
    from cti.switch.legs.control import Legs

log = logging.getLogger("cti.switch")

REGISTERED = "sofia::register"
#: A phone may be registered more than once: the end of one registration says little.
ENDED = frozenset({"sofia::unregister", "sofia::expire"})
#: What the switch answers for a user without any (mod_sofia.c).
NOBODY = "error/"
ASK_S = 2.0


class Registry:
    def __init__(self, legs: Legs) -> None:
        self._legs = legs
        self.users: set[str] = set()

    def heard(self, event: Event) -> None:
        user = event.get("from-user") or event.get("user") or ""
        if not EXTENSION.fullmatch(user):
            return
        if event.get("Event-Subclass") == REGISTERED:
            self._set(user, True)
        else:
            self._ask("sofia_contact", f"*/{user}@{self._legs.dialing.domain}", user=user)

    def registered(self, user: str) -> bool:
        """As the switch says now. Raises CtiError (switch-unavailable). Where somebody else knows where phones are, it
        shows when one is rung."""
        if not EXTENSION.fullmatch(user):
            return False
        if self._legs.dialing.phones_through:
            return True
        try:
            reply = self._legs.links.submit_api("sofia_contact", f"*/{user}@{self._legs.dialing.domain}")
            contact = reply.wait(ASK_S).reply
        except CtiError as error:
            raise CtiError(f"the switch does not say who is registered: {error}", code="switch-unavailable") from error
        self._answered(contact, user)
        return user in self.users

    def refresh(self) -> None:
        self._ask("show", "registrations", "as", "json")

    def _ask(self, command: str, *args: str, user: str = "") -> None:
        try:
            reply = self._legs.links.submit_api(command, *args)
        except CtiError as error:
            log.info("%s: %s not asked: %s", self._legs.name, command, error)
            return
        reply.add_callback(
            lambda answer: self._answered(answer.value.reply, user) if answer.value is not None else None
        )

    def _answered(self, text: str, user: str) -> None:
        if user:
            self._set(user, not text.strip().startswith((NOBODY, "-")))
            return
        try:
            rows = json.loads(text).get("rows", [])
            there = {str(row["reg_user"]) for row in rows}
        except (ValueError, AttributeError, TypeError, KeyError):
            log.warning("%s: show registrations answered %r", self._legs.name, text[:100])
            return
        for gone in self.users - there:
            self._set(gone, False)
        for come in sorted(there - self.users):
            if EXTENSION.fullmatch(come):
                self._set(come, True)

    def _set(self, user: str, on: bool) -> None:
        if on and user not in self.users:
            self.users.add(user)
            self._legs.tell(PhoneRegistered(user))
        elif not on and user in self.users:
            self.users.discard(user)
            if not self._legs.dialing.phones_through:  # else it may have gone to another switch
                self._legs.tell(PhoneUnregistered(user))
