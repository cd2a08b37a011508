"""The phone of an agent: checked at sign-in, and how it is answered from a client, on a platform of its own."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from cti.acd.inputs import SetQueue
from cti.core.access import Permission
from cti.switch.embedded import PhoneBehaviour
from tests.api.worksite import Client, Site, site
from tests.runtime.platform import uuid_of

__all__ = ["site"]


def audited(site: Site) -> list[tuple[str, str, str]]:
    lines = site.platform.application.accounts.store.audit.lines(limit=50)
    return [(line.target, str(line.permission), line.reason) for line in lines if not line.allowed]


def offered(site: Site, client: Client) -> str:
    owner = site.platform.application.floor.owner
    owner.tell(SetQueue(replace(owner.acd.floor.queues["desk"].config, ring_s=60.0)))
    contact = uuid_of(site.platform.call("desk"))
    site.until(lambda: contact in [c["contact"] for c in items(client)], "an offer")
    return contact


def items(client: Client) -> list[dict[str, Any]]:
    status, found = client.do("GET", "/v1/me/contacts")
    assert status == 200
    return list(found["items"])


def ready(client: Client) -> None:
    status, answer = client.do("PUT", "/v1/me/state", {"state": "READY"})
    assert (status, answer["state"]) == (200, "READY"), answer


def test_a_phone_must_be_registered_or_one_that_may_be_dialled(site: Site) -> None:
    core = site.platform.switch.core
    core.set_behaviour(core.directory.phones["1005"], PhoneBehaviour(registered=False))
    anna = site.client("anna")
    for phone, status, error in (
        ("1005", 409, "phone-not-registered"),
        ("4711", 409, "phone-not-registered"),
        ("+190055512", 422, "phone-not-allowed"),
        ("+33123456789", 422, "phone-not-allowed"),
        ("sip/anna@elsewhere.example", 422, "phone-not-allowed"),
        ("1001,user/1002", 422, "bad-phone"),
        ("user/1001,user/1002", 422, "phone-not-allowed"),
        ("number/86&park()", 422, "phone-not-allowed"),
        ("a b", 422, "bad-phone"),
    ):
        got, problem = anna.do("POST", "/v1/me/sign-in", {"phone": phone})
        assert (got, problem["error_id"]) == (status, error), (phone, problem)
    assert {(target, permission) for target, permission, _ in audited(site)} == {
        ("agent:a-anna", str(Permission.OWN_PRESENCE))
    }
    assert Counter(reason for _, _, reason in audited(site)) == {"phone-not-allowed": 5, "bad-phone": 2}
    _, me = anna.do("GET", "/v1/me")
    assert me["work"]["state"] == "LOGOUT"
    core.set_behaviour(core.directory.phones["1005"], PhoneBehaviour(answer_after=0.05))
    for phone in ("1005", "+8613800000009"):
        assert anna.do("POST", "/v1/me/sign-in", {"phone": phone})[0] == 200
        assert anna.do("POST", "/v1/me/sign-out")[0] == 200
    site.platform.cut()
    got, problem = anna.do("POST", "/v1/me/sign-in", {"phone": "1005"})
    assert (got, problem["error_id"]) == (503, "switch-unavailable")
    site.platform.mend()


@pytest.mark.parametrize("remote", ["auto_answer", "talk_event"])
def test_a_phone_that_can_be_answered_is(site: Site, remote: str) -> None:
    how = {"answers_itself": remote == "auto_answer", "answers_on_talk": remote == "talk_event"}
    site.platform.phone("1003", answer_after=None, **how)
    anna = site.client("anna")
    status, answer = anna.do("POST", "/v1/me/sign-in", {"phone": "1003", "remote_answer": remote})
    assert (status, answer["remote_answer"], answer["permanent_leg"]) == (200, remote, None)
    ready(anna)
    contact = offered(site, anna)
    phone = site.platform.switch.core.directory.phones["1003"]
    site.until(lambda: phone.calls, "it rings")
    [shown] = items(anna)
    assert "answer" in shown["allowed_actions"]
    status, _ = anna.do("POST", f"/v1/me/contacts/{contact}/answer")
    assert status in (200, 202)
    site.until(lambda: [c["activity"] for c in items(anna)] == ["talking"], "they talk")


def test_a_permanent_leg_for_a_client(site: Site) -> None:
    site.platform.phone("1003", answer_after=None)
    anna = site.client("anna")
    stream = anna.stream()
    status, answer = anna.do("POST", "/v1/me/sign-in", {"phone": "1003", "remote_answer": "permanent_leg"})
    assert (status, answer["remote_answer"]) == (200, "permanent_leg")
    assert answer["permanent_leg"] == {"state": "opening", "reason": ""}
    assert "ready" not in answer["allowed_actions"]
    status, problem = anna.do("PUT", "/v1/me/state", {"state": "READY"})
    assert (status, problem["error_id"]) == (409, "phone-not-open")
    phone = site.platform.switch.core.directory.phones["1003"]
    site.until(lambda: phone.calls, "it rings")
    phone.calls[-1].channel.answer()

    def changes() -> list[str]:
        return [event["data"]["state"] for event in stream.events if event["type"] == "agent.phone_changed"]

    site.until(lambda: changes() == ["opening", "open"], "the client knows")
    ready(anna)
    contact = offered(site, anna)
    status, shown = anna.do("POST", f"/v1/me/contacts/{contact}/answer")
    assert status in (200, 202), shown
    site.until(lambda: [c["activity"] for c in items(anna)] == ["talking"], "they talk")
    status, shown = anna.do("POST", f"/v1/me/contacts/{contact}/hangup")
    assert status in (200, 202), shown
    site.until(lambda: [c["activity"] for c in items(anna)] == ["work"], "the talk is over")
    assert anna.do("POST", f"/v1/me/contacts/{contact}/finish", {})[0] == 200
    assert len(phone.calls) == 1
    phone.calls[-1].channel.hangup("NORMAL_CLEARING")
    site.until(lambda: "down" in changes(), "the client knows why")
    _, me = anna.do("GET", "/v1/me")
    assert (me["work"]["state"], me["work"]["reason"]) == ("NOT_READY", "phone_down")
    assert anna.do("POST", "/v1/me/sign-out")[0] == 200
    site.until(lambda: changes()[-1] == "closed", "and that it is over")
