"""Whom to call, consult or hand a contact to: ``to`` of a request, and whose number that is.

Numbers that are masked for an agent can be dialled all the same: ``{"contact": id}`` is the caller of a contact, of now
or of before, that the agent may see; ``{"customer": id}`` a customer. What must not be dialled is refused by the switch
adapter (`dialing:`), and kept in the audit by `audited`.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from cti.api.bodies import only, text_field
from cti.api.calls import scope_of
from cti.api.problems import Problem
from cti.core.access import Permission, decide
from cti.core.errors import CtiError
from cti.runtime.floor.ids import call_of
from cti.runtime.floor.orders import Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cti.api.guard import Access
    from cti.core.access import ResourceScope
    from cti.ports import Store
    from cti.runtime.account_services import AccountServices
    from cti.runtime.floor import Floor

TARGET_MAX = 140
TARGETS = ("agent", "queue", "number", "extension", "contact", "customer")
DIAL_TARGETS = ("number", "extension", "contact", "customer")
#: Refusals of a target that are kept in the audit: somebody may be trying to call what must not be called.
SUSPICIOUS = ("destination-denied", "bad-phone", "bad-target", "bad-digits")


class CustomerNumbers(Protocol):
    def number_of(self, access: Access, customer: str) -> str:
        """To be dialled, in clear. Raises Problem: unknown-customer, no-number."""


class Targets:
    """``customers``: None where there are none."""

    def __init__(
        self, floor: Floor, services: AccountServices, store: Store, customers: CustomerNumbers | None = None
    ) -> None:
        self._floor, self._agents, self._store, self._customers = floor, services.store.agents, store, customers

    def resolve(self, access: Access, target: Target) -> Target:
        """As a number, where it is a contact or a customer. Raises Problem: unknown-contact, unknown-customer,
        no-number."""
        if target.kind == "customer":
            if self._customers is None:
                raise Problem("unknown-customer", f"no customer {target.name[:64]!r}")
            return Target("number", self._customers.number_of(access, target.name))
        if target.kind != "contact":
            return target
        number = self._number_of(access, target.name)
        if not number:
            raise Problem("no-number", "the caller has withheld the number")
        return Target("number", number)

    def _number_of(self, access: Access, contact: str) -> str | None:
        """Of a contact that is here, or of a call that was."""
        case = self._floor.owner.acd.floor.cases.get(contact)
        if case is not None:
            self._require(access, Permission.CONTACTS_READ, self._floor.views.scope(case), contact)
            return self._floor.publisher.screens.number(call_of(contact))
        call = self._store.find_call(call_of(contact), unmask=True)
        if call is None:
            raise Problem("unknown-contact", f"no contact {contact[:64]!r}")
        self._require(access, Permission.CALLS_READ, scope_of(access, call, self._agents), contact)
        return call.call.caller

    def _require(self, access: Access, permission: Permission, scope: ResourceScope, contact: str) -> None:
        decision = decide(access.principal, permission, scope)
        if not decision.allowed:
            access.note(permission, f"contact:{contact[:64]}", allowed=False, reason=decision.reason)
            raise Problem("unknown-contact", f"no contact {contact[:64]!r}")


def target_of(body: dict[str, Any], kinds: tuple[str, ...] = TARGETS) -> Target:
    """``to``: an object with one of ``kinds``, such as ``{"agent": "1002"}``. Raises Problem."""
    to = body.get("to")
    if not isinstance(to, dict) or len(to) != 1:
        raise Problem(
            "bad-request", f'to is an object with one of {", ".join(kinds)}, such as {{"{kinds[0]}": "1002"}}'
        )
    only(to, *kinds)
    [kind] = to
    return Target(kind, text_field(to, kind, limit=TARGET_MAX))


@contextmanager
def audited(access: Access, permission: Permission, where: str) -> Iterator[None]:
    """What is done in it; a refusal of a target that looks like fraud is kept."""
    try:
        yield
    except CtiError as error:
        if error.code in SUSPICIOUS:
            access.note(permission, where, allowed=False, reason=error.code)
        raise
