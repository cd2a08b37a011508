"""``/v1/customers``: what the platform itself knows of who calls and writes; numbers masked by role.

A customer is whoever has one number. The id does not tell it, and can be dialled: ``{"customer": id}``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cti.api.bodies import json_body, only, text_field
from cti.api.guard import access_of
from cti.api.once import Once
from cti.api.paging import iso, known_only, limit_of
from cti.api.problems import Problem
from cti.core.access import GLOBAL, Permission, ResourceScope, decide
from cti.core.masking import mask
from cti.core.numbers import normalise_number
from cti.runtime.floor.orders import Target

if TYPE_CHECKING:
    import falcon

    from cti.api.guard import Access
    from cti.api.targets import Targets
    from cti.core.customers import Customer, CustomerContact
    from cti.runtime.account_services import AccountServices

NUMBER_MAX, CONTACT_MAX = 64, 140


class CustomerBook:
    """What the resources share; and whose number an id is, for whoever dials."""

    def __init__(self, services: AccountServices) -> None:
        self.customers, self._agents = services.store.customers, services.store.agents

    def get(self, customer: str) -> Customer:
        """Raises Problem (unknown-customer)."""
        found = self.customers.find(customer)
        if found is None:
            raise Problem("unknown-customer", f"no customer {customer[:64]!r}")
        return found

    def number_of(self, access: Access, customer: str) -> str:
        """To be dialled, in clear. Raises Problem: unknown-customer, also to whom customers are not shown."""
        decision = decide(access.principal, Permission.CUSTOMERS_READ, GLOBAL)
        number = self.customers.number_of(customer) if decision.allowed else None
        if number is None:
            reason = decision.reason if not decision.allowed else "unknown-customer"
            access.note(Permission.CUSTOMERS_READ, f"customer:{customer[:64]}", allowed=False, reason=reason)
            raise Problem("unknown-customer", f"no customer {customer[:64]!r}")
        return number

    def scope(self, access: Access, customer: Customer) -> ResourceScope:
        """Of the teams whose agents had contacts with the customer; and of whoever asks, who was one of them."""
        had = [agent for name in sorted(customer.agents) if (agent := self._agents.find(name)) is not None]
        own = access.principal.user_id
        return ResourceScope(
            own if any(agent.user_id == own for agent in had) else None, frozenset(agent.team for agent in had)
        )


class CustomerLookup:
    """``POST /v1/customers/lookup`` ``{"number": "13800001234"}``: the customer who has this number;
    ``{"contact": id}``: who calls or writes in a contact that one may see. Each look-up is audited, with the number
    masked; an unknown number is 404."""

    def __init__(self, book: CustomerBook, contacts: Targets | None = None) -> None:
        self._book, self._contacts = book, contacts
        self._once: Once[dict[str, Any]] = Once()

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        body, access = json_body(req), access_of(req)
        number = self._number(access, body)
        customer = self._book.customers.id_of(number)

        def look() -> dict[str, Any]:
            found = self._book.customers.find(customer)
            told = f"look-up of {mask(normalise_number(number))}: {'found' if found else 'nobody'}"
            access.note(Permission.CUSTOMERS_READ, f"customer:{customer}", allowed=True, reason=told)
            if found is None:
                raise Problem("unknown-customer", "nobody is known by this number")
            return customer_json(found, unmask=False)

        resp.media = self._once.do(req, body, look)

    def _number(self, access: Access, body: dict[str, Any]) -> str:
        only(body, "number", "contact")
        if len(body) != 1:
            raise Problem("bad-request", "give number or contact")
        if "number" in body:
            return text_field(body, "number", limit=NUMBER_MAX)
        contact = text_field(body, "contact", limit=CONTACT_MAX)
        if self._contacts is None:
            raise Problem("unknown-contact", f"no contact {contact[:64]!r}")
        return self._contacts.resolve(access, Target("contact", contact)).name


class CustomerResource:
    """``GET /v1/customers/{customer}``; ``?unmask=true&reason=…`` for who may see the data of the customer's agents."""

    def __init__(self, book: CustomerBook) -> None:
        self._book = book

    def on_get(self, req: falcon.Request, resp: falcon.Response, customer: str) -> None:
        known_only(req, ("unmask", "reason"))
        access, found = access_of(req), self._book.get(customer)
        unmask = access.unmask(req, f"customer:{customer}", self._book.scope(access, found))
        resp.media = customer_json(found, unmask=unmask)

    on_head = on_get


class CustomerContacts:
    """``GET /v1/customers/{customer}/contacts?limit=&before=``: contacts of before, and those that go on; the newest
    first."""

    def __init__(self, book: CustomerBook) -> None:
        self._book = book

    def on_get(self, req: falcon.Request, resp: falcon.Response, customer: str) -> None:
        known_only(req, ("limit", "before"))
        limit, found = limit_of(req), self._book.get(customer)
        rows = self._book.customers.contacts(found.customer_id, limit=limit, before=req.get_param("before"))
        resp.media = {
            "items": [contact_json(one) for one in rows],
            "next": rows[-1].cursor if len(rows) == limit else None,
        }

    on_head = on_get


def customer_json(one: Customer, *, unmask: bool) -> dict[str, Any]:
    return {
        "customer": one.customer_id,
        "number": one.number if unmask or one.number is None else mask(one.number),
        "name": one.name if unmask else mask(one.name, head=1, tail=0),
        "identity": {
            "verified": one.verified_at is not None,
            "at": iso(one.verified_at),
            "call_id": one.verified_call,
        },
        "contacts": sum(one.media.values()),
        "media": dict(one.media),
        "first_at": iso(one.first_at),
        "last_at": iso(one.last_at),
        "callbacks_open": one.callbacks_open,
    }


def contact_json(one: CustomerContact) -> dict[str, Any]:
    return {
        "call_id": one.call_id,
        "medium": one.medium,
        "called": one.called,
        "started_at": iso(one.started_at),
        "ended_at": iso(one.ended_at),
        "flow": one.flow,
        "outcome": one.outcome,
        "terminal_cause": one.terminal_cause,
        "goals": list(one.goals),
        "identity_verified": one.verified,
        "agents": list(one.agents),
    }
