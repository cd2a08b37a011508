"""What the platform knows of customers: by an id that does not tell the number, masked by role."""

from __future__ import annotations

from typing import Any

import pytest

from cti.api.customers import CustomerBook
from cti.api.guard import Access
from cti.api.problems import Problem
from cti.core.calls import Medium, TerminalCause
from cti.core.floor_records import ContactHandled
from cti.core.records import CallEnded, CallStarted, NodeVisit
from tests.api.site import CALLER, NOW, Platform

OTHER = "13911112222"


@pytest.fixture
def known(fresh: Platform) -> Platform:
    """Wang has called three times before (`tests.api.site`), and once proved who he is."""
    store = fresh.store
    store.record(CallStarted("c-proven", "fs1", "10086", NOW + 100, caller="+86 138 0000 1234", flow="hotline"))
    store.record(NodeVisit("c-proven", "identity", "verified", "end", 1, NOW + 110, NOW + 110))
    store.record(CallEnded("c-proven", NOW + 160, TerminalCause.CALLER_HANGUP, outcome="talked", goals=("bill",)))
    store.record(CallStarted("s-1", "sms", "10086", NOW + 200, caller=CALLER, medium=Medium.SMS))
    store.record(CallStarted("c-other", "fs1", "10086", NOW + 300, caller=OTHER))
    store.record(CallStarted("c-withheld", "fs1", "10086", NOW + 300))
    for number, (call, agent) in enumerate((("c-north", "1001"), ("c-proven", "1001"))):
        told = ContactHandled(
            fact_id=f"f-{number}", contact=call, call_id=call, agent=agent, queue="service", medium="voice",
            ended_at=NOW + 60, talk_s=10.0, hold_s=0.0, work_s=0.0, ended_by="caller",
        )  # fmt: skip
        store.record(told)
    assert store.flush(10.0)
    return fresh


def lookup(platform: Platform, who: str, number: str) -> Any:
    answer = platform.do(who, "POST", "/v1/customers/lookup", {"number": number})
    assert answer.status_code == 200, answer.text
    return answer.json


def test_a_customer_is_the_same_by_every_spelling_and_its_id_tells_nothing(known: Platform) -> None:
    found = lookup(known, "anna", CALLER)
    assert lookup(known, "super", "+86 138-0000-1234") == found
    assert (found["number"], found["name"]) == ("138****1234", "W***")
    assert CALLER not in found["customer"]
    assert found["media"] == {"voice": 4, "sms": 1}
    assert found["contacts"] == 5
    assert found["identity"]["call_id"] == "c-proven"
    assert lookup(known, "anna", OTHER)["customer"] != found["customer"]
    assert known.do("anna", "POST", "/v1/customers/lookup", {"number": "13000000000"}).json["error_id"] == (
        "unknown-customer"
    )
    lines = [line for line in known.store.accounts.audit.lines(limit=10) if line.permission == "customers.read"]
    assert [line.reason for line in reversed(lines)] == [
        "look-up of 138****1234: found", "look-up of 138****1234: found", "look-up of 139****2222: found",
        "look-up of 130****0000: nobody",
    ]  # fmt: skip
    assert {line.target for line in lines[2:]} == {f"customer:{found['customer']}"}


def test_who_calls_in_a_contact_is_found_without_the_number(known: Platform) -> None:
    customer = lookup(known, "anna", CALLER)["customer"]
    found = known.do("anna", "POST", "/v1/customers/lookup", {"contact": "c-north"})
    assert (found.status_code, found.json["customer"]) == (200, customer), found.text
    for contact, error in (("c-south", "unknown-contact"), ("nope", "unknown-contact")):
        assert known.do("anna", "POST", "/v1/customers/lookup", {"contact": contact}).json["error_id"] == error
    assert known.do("root", "POST", "/v1/customers/lookup", {"contact": "c-north"}).status_code == 403
    withheld = known.do("auditor", "POST", "/v1/customers/lookup", {"contact": "c-withheld"})
    assert withheld.json["error_id"] == "no-number"
    for body in ({}, {"number": "1", "contact": "c-north"}, {"contact": 1}):
        assert known.do("anna", "POST", "/v1/customers/lookup", body).status_code == 400


def test_clear_data_is_for_those_whose_agents_had_the_customer(known: Platform) -> None:
    customer = lookup(known, "anna", CALLER)["customer"]
    path = f"/v1/customers/{customer}"

    def unmasked(who: str) -> Any:
        query = "unmask=true&reason=a%20complaint"
        return known.client(who).simulate_get(path, query_string=query)

    assert known.do("ben", "GET", path).json["number"] == "138****1234"
    assert unmasked("anna").json["number"] == CALLER
    assert unmasked("super").json["name"] == "Wang"
    assert unmasked("ben").status_code == 403
    assert unmasked("lead").status_code == 403
    assert unmasked("auditor").json["number"] == CALLER
    reasons = [(line.author.name, line.allowed) for line in known.store.accounts.audit.lines(limit=20)]
    assert ("ben", False) in reasons
    for wrong in ("nope", "0" * 64, customer[:-1]):
        assert known.do("anna", "GET", f"/v1/customers/{wrong}").json["error_id"] == "unknown-customer"


def test_contacts_of_before_come_page_by_page(known: Platform) -> None:
    path = f"/v1/customers/{lookup(known, 'anna', CALLER)['customer']}/contacts"
    whole = known.do("anna", "GET", path).json["items"]
    assert [one["call_id"] for one in whole][:2] == ["s-1", "c-proven"]
    assert {one["call_id"] for one in whole[2:]} == {"c-north", "c-south", "c-nobodys"}
    proven = whole[1]
    assert (proven["outcome"], proven["goals"], proven["identity_verified"]) == ("talked", ["bill"], True)
    assert proven["agents"] == ["1001"]
    assert not any(CALLER in str(value) for one in whole for value in one.values())
    paged, cursor = [], ""
    for _ in range(4):
        page = known.client("anna").simulate_get(path, query_string=f"limit=2{cursor}").json
        paged += page["items"]
        if page["next"] is None:
            break
        cursor = f"&before={page['next']}"
    assert paged == whole
    assert known.client("anna").simulate_get(path, query_string="before=x").json["error_id"] == "bad-cursor"


def test_an_id_is_dialled_as_its_number(known: Platform) -> None:
    book = CustomerBook(known.services)
    customer = lookup(known, "anna", CALLER)["customer"]
    principal = known.services.authentication.by_token(known.token("anna"))
    access = Access(known.services, principal, "POST /v1/me/dial")
    assert book.number_of(access, customer) == CALLER
    with pytest.raises(Problem, match="no customer"):
        book.number_of(access, "0" * 64)
    author = known.services.authentication.by_token(known.token("author"))
    with pytest.raises(Problem, match="no customer"):
        book.number_of(Access(known.services, author, "POST /v1/me/dial"), customer)
    assert not known.store.accounts.audit.lines(limit=1)[0].allowed
