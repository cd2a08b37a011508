"""An agent's client against a platform on the embedded switch: signing in, the stream, and contacts."""

from __future__ import annotations

import pytest

from cti.core.people import RemoteAnswer
from cti.runtime.floor import confirming
from tests.api.worksite import Site, site
from tests.runtime.platform import uuid_of

__all__ = ["site"]  # the fixture

#: Premium rates, what is no number, and what a dial string gives a meaning to.
NOT_DIALLED: list[tuple[dict[str, str], str]] = [
    ({"number": "8690012345"}, "destination-denied"),
    ({"number": "+8690012345"}, "destination-denied"),
    ({"number": "008690012345"}, "destination-denied"),
    ({"number": "900,1"}, "destination-denied"),
    *(({kind: f"{digits}{mark}1"}, "destination-denied")
      for kind, digits in (("number", "86139"), ("extension", "10"))
      for mark in (",", "{", "[", "&", "|", "^", "@", ";", "/", "$", "%")),
    ({"number": "86139 1"}, "bad-phone"),
    ({"number": "8613900000001\n"}, "bad-phone"),
    ({"extension": "&park()"}, "destination-denied"),
]  # fmt: skip


def test_a_working_day(site: Site) -> None:
    anna = site.working("anna", "1003")
    site.platform.phone("1003", answer_after=0.05)
    stream = anna.stream()
    assert stream.types == ["snapshot"]
    caller, contact = site.talking(anna)
    status, me = anna.do("GET", "/v1/me")
    [at_hand] = me["work"]["contacts"]
    assert "hold" in at_hand["allowed_actions"]
    assert not {"retrieve", "answer"} & set(at_hand["allowed_actions"])
    base = f"/v1/me/contacts/{contact}"
    status, held = anna.do("POST", f"{base}/hold", Idempotency_Key="k1")
    assert (status, held["state"], held["activity"]) == (200, "HOLD", "held"), held
    again = anna.do("POST", f"{base}/hold", Idempotency_Key="k1")
    assert again == (200, held)
    status, problem = anna.do("POST", f"{base}/hold")
    assert (status, problem["error_id"]) == (409, "not-talking")
    status, talked = anna.do("POST", f"{base}/retrieve")
    assert (status, talked["activity"]) == (200, "talking")
    audit = site.platform.application.accounts.store.audit
    for command in ("transfer", "consult"):
        for to, error in NOT_DIALLED:
            before = audit.lines(limit=1)[0].number
            status, problem = anna.do("POST", f"{base}/{command}", {"to": to})
            assert (status, problem["error_id"]) == (422, error), (command, to, problem)
            [line] = [line for line in audit.lines(limit=5) if line.number > before]
            assert (line.allowed, line.reason, line.target) == (False, error, f"contact:{contact}")
    assert anna.do("GET", "/v1/me/contacts")[1]["items"][0]["activity"] == "talking"
    status, done = anna.do("POST", f"{base}/hangup")
    assert (status, done["state"], done["activity"]) == (200, "WORK", "work")
    assert done["allowed_actions"] == ["extend", "finish", "wrapup"]
    status, later = anna.do("POST", f"{base}/extend", {"seconds": 600})
    assert (status, later["work_until"] > done["work_until"]) == (200, True)
    status, gone = anna.do("POST", f"{base}/finish", {"disposition": "sold", "notes": "well"})
    assert (status, gone["state"]) == (200, "GONE")
    site.platform.over(caller)
    site.until(lambda: "contact.closed" in stream.types, "the end")
    closed = stream.events[stream.types.index("contact.closed")]
    assert (closed["data"]["disposition"], closed["version"]) == ("sold", gone["version"])
    created = stream.events[stream.types.index("offer.created")]
    screen = created["data"]["screen"]
    assert (screen["caller"], screen["flow"], screen["called"]) == ("138****0000", "desk", created_called(site))
    versions = [event["version"] for event in stream.events if event.get("data", {}).get("contact") == contact]
    assert versions == sorted(set(versions))
    status, out = anna.do("POST", "/v1/me/sign-out")
    assert (status, out["state"], out["allowed_actions"]) == (200, "LOGOUT", ["sign_in"])


def created_called(site: Site) -> str:
    from tests.runtime.platform import NUMBERS

    return NUMBERS["desk"]


def test_a_command_that_is_not_confirmed_is_202_and_an_event_tells_the_ending(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = site.working("anna", "1003")
    site.platform.phone("1003", answer_after=0.05)
    stream = anna.stream()
    caller, contact = site.talking(anna)
    monkeypatch.setattr(confirming, "CONFIRM_S", 0.0)
    status, late = anna.do("POST", f"/v1/me/contacts/{contact}/hold")
    assert status == 202, late
    site.until(lambda: "command.ended" in stream.types, "the ending")
    ended = stream.events[stream.types.index("command.ended")]["data"]
    assert (ended["command_id"], ended["command"], ended["done"], ended["activity"]) == (
        late["command_id"], "hold", True, "held",
    )  # fmt: skip
    caller.hangup()
    site.platform.over(caller)


def test_who_is_no_agent_cannot_work(site: Site) -> None:
    super_ = site.client("super")
    status, problem = super_.do("POST", "/v1/me/sign-in", {})
    assert (status, problem["error_id"]) == (409, "no-agent")
    anna = site.client("anna")
    status, problem = anna.do("PUT", "/v1/me/state", {"state": "READY"})
    assert (status, problem["error_id"]) == (409, "agent-not-signed-in")
    site.working("bert", "1003")
    status, problem = anna.do("POST", "/v1/me/sign-in", {"phone": "1003"})
    assert (status, problem["error_id"]) == (409, "phone-taken")


def test_a_supervisor_listens_and_takes_over(site: Site) -> None:
    anna, super_ = site.working("anna", "1003"), site.client("super")
    site.platform.phone("1003", answer_after=0.05)
    site.platform.phone("1004", answer_after=0.05)
    stream = super_.stream()
    caller, contact = site.talking(anna)
    path = f"/v1/contacts/{contact}/monitor"
    status, answer = super_.do("POST", path, {"mode": "whisper", "phone": "1004"})
    assert (status, answer["state"]) == (202, "ringing"), answer

    def told(state: str) -> bool:
        return any(e["type"] == "contact.monitored" and e["data"]["state"] == state for e in stream.events)

    site.until(lambda: told("on"), "listening")
    status, answer = super_.do("POST", path, {"mode": "listen", "phone": "1004"})
    assert (status, answer["state"]) == (200, "on"), answer
    status, answer = super_.do("POST", path, {"mode": "take_over", "phone": "1004"})
    assert (status, answer["state"]) == (202, "joining"), answer
    leg = answer["command_id"]
    core = site.platform.switch.core
    site.until(
        lambda: contact in core.channels and core.channels[contact].variables.get("bridge_uuid") == leg, "taken over"
    )
    site.until(lambda: anna.do("GET", f"/v1/contacts/{contact}")[1].get("activity") == "work", "anna is done")
    assert super_.do("DELETE", path)[1]["error_id"] == "not-monitored"
    caller.hangup()
    site.platform.over(caller)


def test_waiting_contacts_are_explained_moved_and_reordered(site: Site) -> None:
    super_ = site.client("super")
    site.working("anna", "1003").do("PUT", "/v1/me/state", {"state": "NOT_READY", "reason": "study"})
    caller = site.platform.call("desk")
    contact = uuid_of(caller)
    site.until(lambda: super_.do("GET", "/v1/contacts?queue=desk")[1]["items"], "waiting")
    _, shown = super_.do("GET", f"/v1/contacts/{contact}")
    assert "NOT_READY" in shown["explain"]["reason"]
    assert shown["screen"]["caller"] == "138****0000"
    _, clear = super_.do("GET", f"/v1/contacts/{contact}?unmask=true&reason=asked")
    assert clear["screen"]["caller"] == "13800000000"
    assert super_.do("PUT", f"/v1/contacts/{contact}/priority", {"priority": 3})[1]["priority"] == 3
    status, moved = super_.do("POST", f"/v1/contacts/{contact}/move", {"queue": "second"})
    assert (status, moved["queue"]) == (200, "second")
    _, queue = super_.do("GET", "/v1/queues/second")
    assert (queue["waiting"], queue["staffed"], queue["not_ready"]) == (1, 1, 1)
    assert queue["expected_wait_error"] is None
    site.platform.application.floor.owner.acd.floor.queues["second"].pace.scored(30.0, 40.0)
    assert super_.do("GET", "/v1/queues/second")[1]["expected_wait_error"] == 0.25
    assert super_.do("PATCH", "/v1/queues/second", {"opened": False})[1]["opened"] is False
    caller.hangup()
    site.platform.over(caller)


def test_skills_and_the_import(site: Site) -> None:
    root = site.client("lead")
    body = {"agents": {"a-anna": {"billing": 4}, "a-bert": {"billing": 2}}}
    status, answer = root.do("PATCH", "/v1/agents/skills", body)
    assert (status, [agent["skills"] for agent in answer["items"]]) == (200, [{"billing": 4}, {"billing": 2}]), answer
    assert root.do("PATCH", "/v1/agents/skills", {"agents": {"a-anna": {"billing": 11}}})[0] == 422
    assert root.do("GET", "/v1/agents?limit=1")[1]["next"] == "a-anna"


def test_answer_by_the_client_where_the_phone_can(site: Site) -> None:
    client = site.client("anna")
    site.platform.phone("1003", answer_after=None)
    status, _ = client.do("POST", "/v1/me/sign-in", {"phone": "1003", "remote_answer": RemoteAnswer.NONE.value})
    client.do("PUT", "/v1/me/state", {"state": "READY"})
    caller = site.platform.call("desk")
    contact = uuid_of(caller)
    site.until(lambda: client.do("GET", "/v1/me/contacts")[1]["items"], "it rings")
    status, problem = client.do("POST", f"/v1/me/contacts/{contact}/answer")
    assert (status, problem["error_id"]) == (409, "phone-cannot-answer"), problem
    status, gone = client.do("POST", f"/v1/me/contacts/{contact}/reject")
    assert (status, gone["state"]) == (200, "GONE"), gone
    caller.hangup()
    site.platform.over(caller)
