"""An agent dials over the API: numbers, extensions, and people whose number the agent is not shown."""

from __future__ import annotations

from typing import Any

import pytest

from cti.core.people import AgentProfile
from cti.runtime.floor import confirming
from cti.switch.embedded.phones import PhoneBehaviour, VirtualPhone
from tests.api.worksite import DEED, Client, Site, site
from tests.runtime.platform import uuid_of

__all__ = ["site"]  # a fixture
NUMBER = "8613800000001"


def outside(site: Site, **behaviour: Any) -> VirtualPhone:
    phone = VirtualPhone(NUMBER, PhoneBehaviour(**({"answer_after": 0.05} | behaviour)))
    site.platform.switch.core.directory.outside[NUMBER] = phone
    return phone


def resting(site: Site, name: str, phone: str) -> Client:
    """NOT_READY: one may dial all the same."""
    profile = AgentProfile(f"a-{name}", f"u-{name}", name, "north", phone=phone)
    site.platform.application.accounts.store.agents.save([profile], DEED)
    client = site.working(name, phone)
    site.platform.phone(phone, answer_after=0.05)
    assert client.do("PUT", "/v1/me/state", {"state": "NOT_READY", "reason": "break"})[0] == 200
    return client


def over(site: Site, client: Client, contact: str) -> None:
    assert client.do("POST", f"/v1/me/contacts/{contact}/hangup")[0] == 200
    site.until(lambda: client.do("GET", "/v1/me/contacts")[1]["items"] == [], "nothing is left")


def talking(site: Site, client: Client, contact: str) -> None:
    def there() -> bool:
        return [item["activity"] for item in client.do("GET", "/v1/me/contacts")[1]["items"]] == ["talking"]

    site.until(there, f"{contact} talks")


def refusal(site: Site) -> tuple[str, str, bool]:
    [line, *_] = site.platform.application.accounts.store.audit.lines(limit=1)
    return line.action, line.reason, line.allowed


def test_dialling(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    anna = resting(site, "anna", "1003")
    stream = anna.stream()
    assert "dial" in anna.do("GET", "/v1/me")[1]["work"]["allowed_actions"]
    outside(site)
    # A number of one's own.
    status, made = anna.do("POST", "/v1/me/dial", {"to": {"number": f"+{NUMBER}"}}, Idempotency_Key="d1")
    assert (status, made["medium"], made["queue"], made["agent"]) == (200, "outbound", "", "a-anna"), made
    assert anna.do("POST", "/v1/me/dial", {"to": {"number": f"+{NUMBER}"}}, Idempotency_Key="d1") == (200, made)
    contact = made["contact"]
    talking(site, anna, contact)
    assert "dial" not in anna.do("GET", "/v1/me")[1]["work"]["allowed_actions"]
    status, problem = anna.do("POST", "/v1/me/dial", {"to": {"number": NUMBER}})
    assert (status, problem["error_id"]) == (409, "agent-busy")
    shown = anna.do("GET", f"/v1/contacts/{contact}")[1]
    assert shown["screen"]["caller"] == "+86*******0001"
    for command in ("hold", "retrieve"):
        assert anna.do("POST", f"/v1/me/contacts/{contact}/{command}")[0] == 200
    over(site, anna, contact)
    told = [event["data"]["state"] for event in stream.events if event["type"] == "contact.dialled"]
    assert told == ["placing", "dialling", "ringing", "answered"]
    # The record is the agent's, and the number in it is masked; it can be dialled all the same.
    site.platform.recorded(contact)
    kept = anna.do("GET", f"/v1/calls/{contact}")[1]
    assert (kept["caller"], kept["entry"]) == ("+86*******0001", "dialled by a-anna")
    status, again = anna.do("POST", "/v1/me/dial", {"to": {"contact": contact}})
    assert status == 200, again
    talking(site, anna, again["contact"])
    over(site, anna, again["contact"])
    # An extension, and one that is busy.
    site.platform.phone("1004", answer_after=0.05)
    status, inside = anna.do("POST", "/v1/me/dial", {"to": {"extension": "1004"}})
    assert status == 200, inside
    over(site, anna, inside["contact"])
    outside(site, refuse="USER_BUSY")
    status, problem = anna.do("POST", "/v1/me/dial", {"to": {"number": NUMBER}})
    assert (status, problem["error_id"], "busy" in problem["detail"]) == (409, "not-reached", True), problem
    # Not confirmed in time: 202, and an event brings the ending.
    outside(site)
    monkeypatch.setattr(confirming, "CONFIRM_S", 0.0)
    status, late = anna.do("POST", "/v1/me/dial", {"to": {"number": NUMBER}})
    assert (status, late["activity"]) == (202, "placing"), late
    site.until(lambda: "command.ended" in stream.types, "the ending")
    ended = stream.events[stream.types.index("command.ended")]["data"]
    assert (ended["command_id"], ended["command"], ended["done"]) == (late["command_id"], "dial", True)
    monkeypatch.undo()
    talking(site, anna, late["contact"])
    over(site, anna, late["contact"])


def test_what_may_not_be_dialled_is_refused_and_audited(site: Site) -> None:
    anna, bert = resting(site, "anna", "1003"), resting(site, "bert", "1004")
    for to, error in [
        ({"number": "+8790123"}, "destination-denied"),  # not among the prefixes
        ({"number": "86138,0000"}, "destination-denied"),
        ({"number": "86{x=1}1"}, "destination-denied"),
        ({"extension": "10|02"}, "destination-denied"),
        ({"extension": "1002&sofia/x"}, "destination-denied"),
        ({"extension": "[x]1002"}, "destination-denied"),
        ({"extension": "10 02"}, "bad-phone"),
    ]:
        status, problem = anna.do("POST", "/v1/me/dial", {"to": to})
        assert (status, problem["error_id"]) == (422, error), (to, problem)
        assert refusal(site) == ("POST /v1/me/dial", error, False)
    assert not site.platform.switch.core.directory.phones["1003"].calls
    # Another agent's contact is none of hers, be it of now or of before.
    outside(site)
    status, made = bert.do("POST", "/v1/me/dial", {"to": {"number": NUMBER}})
    assert status == 200, made
    talking(site, bert, made["contact"])
    for _ in range(2):
        for body, path in (({"to": {"contact": made["contact"]}}, "/v1/me/dial"),):
            status, problem = anna.do("POST", path, body)
            assert (status, problem["error_id"]) == (404, "unknown-contact"), problem
        if bert.do("GET", "/v1/me/contacts")[1]["items"]:
            over(site, bert, made["contact"])
            site.platform.recorded(made["contact"])
    assert refusal(site)[1:] == ("out-of-scope", False)
    assert anna.do("POST", "/v1/me/dial", {"to": {"customer": "nobody"}})[1]["error_id"] == "unknown-customer"
    assert anna.do("POST", "/v1/me/dial", {"to": {"contact": "nope"}})[1]["error_id"] == "unknown-contact"
    caller, contact = site.talking(_ready(anna))
    status, problem = anna.do("POST", f"/v1/me/contacts/{contact}/consult", {"to": {"contact": made["contact"]}})
    assert (status, problem["error_id"]) == (404, "unknown-contact")
    assert contact == uuid_of(caller)
    caller.hangup()
    site.platform.over(caller)


def _ready(client: Client) -> Client:
    assert client.do("PUT", "/v1/me/state", {"state": "READY"})[0] == 200
    return client
