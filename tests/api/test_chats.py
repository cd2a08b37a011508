"""Web chats and SMS that machines bring, and what agents read and write in them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import gevent
import pytest

from cti.acd.inputs import Enter, Leave
from cti.acd.model import Profile, Slot, Wish
from cti.acd.states import ContactState
from cti.api import chats as api
from cti.core.access import Role
from cti.core.people import AgentProfile
from cti.runtime.keeping import Kept
from tests.api.description import described
from tests.api.floorsite import come, somebody
from tests.api.site import Platform

HANDS = {Slot.CALL: 1, Slot.CHAT: 3}


@pytest.fixture
def site(platform: Platform) -> Platform:
    """anna takes chats, from the session of her token."""
    via = platform.services.authentication.by_token(platform.token("anna")).via
    floor = platform.floor
    if not floor.seats.signed_in("1001"):
        from cti.core.legs import Phone

        profile = AgentProfile("1001", "u-anna", "anna", "north", phone="1001", capacity={"call": 1, "chat": 3})
        floor.seats.sign_in(profile, Phone("user/1001"), via)
    for contact, case in list(floor.owner.acd.floor.cases.items()):
        platform.texts.conversations.close(contact)
        if case.state is ContactState.WORK:
            floor.text_desk.finish_work("1001", contact)
    floor.lines.set_ready("1001")
    return platform


def opened(site: Platform, who: str = "web1", **body: Any) -> str:
    answer = site.do(who, "POST", "/v1/chats", {"text": "Hello", **body})
    assert answer.status_code == 201, answer.text
    described(site.app, "POST", "/v1/chats", answer)
    assert answer.headers["location"] == f"/v1/chats/{answer.json['chat']}"
    chat: str = answer.json["chat"]
    return chat


def at_hand(site: Platform) -> str:
    """A chat that anna has taken."""
    chat = opened(site, customer="13800001234")
    site.texts.queue(chat)
    answer = site.do("anna", "POST", f"/v1/me/contacts/{chat}/answer")
    assert (answer.status_code, answer.json["state"]) == (200, "TALKING"), answer.text
    return chat


def test_a_chat_from_its_first_word_to_its_end(site: Platform) -> None:
    chat = opened(site, customer="13800000000", name="Wang", called="shop", attributes={"origin": "web"})
    call = site.texts.arrived[-1]
    assert (call.caller.number, call.caller.name, call.caller.called) == ("13800000000", "Wang", "shop")
    assert (call.medium, call.attributes["origin"]) == ("chat", "web")
    site.texts.say(chat, "What can I do for you?")
    answer = site.do("web1", "POST", f"/v1/chats/{chat}/messages", {"text": "My bill is wrong."})
    assert answer.status_code == 202
    described(site.app, "POST", "/v1/chats/{chat}/messages", answer)
    read = site.do("web1", "GET", f"/v1/chats/{chat}/messages?after=1")
    described(site.app, "GET", "/v1/chats/{chat}/messages", read)
    assert [(m["number"], m["from"], m["text"]) for m in read.json["items"]] == [
        (2, "flow", "What can I do for you?"), (3, "customer", "My bill is wrong."),
    ]  # fmt: skip
    assert read.headers["cache-control"] == "no-store"
    assert site.do("web1", "DELETE", f"/v1/chats/{chat}").status_code == 204
    assert site.do("web1", "GET", f"/v1/chats/{chat}").json["state"] == "ended"
    late = site.do("web1", "POST", f"/v1/chats/{chat}/messages", {"text": "x"})
    assert (late.status_code, late.json["error_id"]) == (409, "chat-over")


def test_whoever_waits_is_answered_as_soon_as_something_is_written(site: Platform) -> None:
    chat = opened(site)
    waiting = gevent.spawn(site.do, "web1", "GET", f"/v1/chats/{chat}/messages?after=1&wait_s=25")
    gevent.sleep(0)
    while waiting.started and not waiting.dead and not site.texts.transcripts.find(chat)._changed.linkcount():  # type: ignore[union-attr]
        gevent.sleep(0.01)
    site.texts.say(chat, "Here I am.")
    assert [m["text"] for m in waiting.get(timeout=10).json["items"]] == ["Here I am."]
    assert site.do("web1", "GET", f"/v1/chats/{chat}/messages?after=2").json["items"] == []


def test_a_chat_is_its_openers_alone(site: Platform) -> None:
    chat = opened(site)
    for method, path, body in (
        ("GET", "", None), ("DELETE", "", None), ("GET", "/messages", None), ("POST", "/messages", {"text": "x"}),
    ):  # fmt: skip
        answer = site.do("web2", method, f"/v1/chats/{chat}{path}", body)
        assert (answer.status_code, answer.json["error_id"]) == (404, "not-found")
    assert site.do("web1", "GET", f"/v1/chats/{chat}").json["last"] == 1


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "bad-request"), ({"text": " \n"}, "bad-request"), ({"text": "x" * 1001}, "bad-request"),
        ({"text": 1}, "bad-request"), ({"text": "x", "attributes": []}, "bad-request"),
        ({"text": "x", "customer": "1001; DROP"}, "bad-number"), ({"text": "x", "customer": "1,2"}, "bad-number"),
        ({"text": "x", "attributes": {"A": "b"}}, "bad-request"),
        ({"text": "x", "attributes": {"a": 1}}, "bad-request"),
        ({"text": "x", "attributes": {f"a{n}": "" for n in range(11)}}, "bad-request"),
        ({"text": "x", "nme": "y"}, "bad-request"), ({"text": "x", "name": "n" * 101}, "bad-request"),
    ],
)  # fmt: skip
def test_bad_input_opens_no_chat(site: Platform, body: Any, error: str) -> None:
    before = len(site.texts.arrived)
    assert site.do("web1", "POST", "/v1/chats", body).json["error_id"] == error
    assert len(site.texts.arrived) == before


def test_attributes_cannot_pretend_to_be_ours(site: Platform) -> None:
    opened(site, attributes={"text": "another", "fetched": ""})
    assert (site.texts.arrived[-1].attributes["text"], site.texts.arrived[-1].attributes["fetched"]) == ("Hello", "1")


@pytest.mark.parametrize("query", ["after=-1", "after=x", "wait_s=26", "wait_s=1.5", "since=3", "after=" + "9" * 40])
def test_bad_queries(site: Platform, query: str) -> None:
    chat = opened(site)
    assert site.do("web1", "GET", f"/v1/chats/{chat}/messages?{query}").status_code == 400


def test_who_writes_too_much_waits_and_a_full_platform_says_so(site: Platform) -> None:
    chat = opened(site)
    answers = [site.do("web1", "POST", f"/v1/chats/{chat}/messages", {"text": "x"}) for _ in range(12)]
    assert [answer.status_code for answer in answers[:10]] == [202] * 10
    assert answers[-1].json["error_id"] == "too-many-messages"
    assert int(answers[-1].headers["retry-after"]) >= 1
    site.texts.full = True
    try:
        full = site.do("web1", "POST", "/v1/chats", {"text": "x"})
    finally:
        site.texts.full = False
    assert (full.status_code, full.json["error_id"]) == (503, "busy")


def test_the_same_key_opens_one_chat_and_writes_once(site: Platform) -> None:
    key = {"headers": {"Idempotency-Key": "one", "Authorization": f"Bearer {site.token('web1')}"}}
    first, again = (site.anybody.simulate_post("/v1/chats", json={"text": "x"}, **key).json["chat"] for _ in range(2))
    assert first == again
    other = site.anybody.simulate_post("/v1/chats", json={"text": "y"}, **key)
    assert other.json["error_id"] == "idempotency-conflict"


def test_sms_of_a_gateway_go_into_one_conversation(site: Platform) -> None:
    body = {"from": "+8613800000077", "to": "10086", "text": "CXYE"}
    first = site.do("web1", "POST", "/v1/sms", body)
    assert first.status_code == 202
    described(site.app, "POST", "/v1/sms", first)
    again = site.do("web1", "POST", "/v1/sms", {**body, "from": "13800000077", "text": "CXZD"})
    assert again.json == first.json
    lines = site.texts.transcripts.find(first.json["conversation"]).lines  # type: ignore[union-attr]
    assert [line.text for line in lines] == ["CXYE", "CXZD"]
    assert site.do("web1", "POST", "/v1/sms", {**body, "from": "a"}).json["error_id"] == "bad-number"


# ---- the agent -------------------------------------------------------------------------------------------------------


def test_agent_and_customer_write_to_each_other(site: Platform) -> None:
    chat = at_hand(site)
    path = f"/v1/me/contacts/{chat}/messages"
    sent = site.do("anna", "POST", path, {"text": "Which month?"})
    assert (sent.status_code, sent.json["from"], sent.json["agent"]) == (201, "agent", "1001")
    described(site.app, "POST", "/v1/me/contacts/{contact}/messages", sent)
    site.do("web1", "POST", f"/v1/chats/{chat}/messages", {"text": "May, my number is 13800001234"})
    read = site.do("anna", "GET", f"{path}?after=1")
    described(site.app, "GET", "/v1/me/contacts/{contact}/messages", read)
    assert [m["text"] for m in read.json["items"]] == ["Which month?", "May, my number is 138****1234"]
    fetched = site.do("web1", "GET", f"/v1/chats/{chat}/messages?after=1").json["items"]
    assert (fetched[0]["from"], fetched[0]["text"]) == ("agent", "Which month?")
    known = [value for one in fetched for value in one.values()]
    assert "1001" not in known, "who of the agents it is, is not the customer's to know"
    assert site.do("anna", "POST", path, {"text": ""}).status_code == 400
    assert site.do("anna", "POST", path, {"text": "x" * 4001}).status_code == 400
    ended = site.do("anna", "POST", f"/v1/me/contacts/{chat}/hangup")
    assert (ended.json["state"], ended.json["allowed_actions"]) == ("WORK", ["extend", "finish", "wrapup"])
    late = site.do("anna", "POST", path, {"text": "x"})
    assert (late.status_code, late.json["error_id"]) == (409, "contact-over")
    assert site.do("anna", "POST", f"/v1/me/contacts/{chat}/finish", {"disposition": "solved"}).json["state"] == "GONE"


def test_clear_text_takes_a_reason_and_is_audited(site: Platform) -> None:
    chat = at_hand(site)
    site.do("web1", "POST", f"/v1/chats/{chat}/messages", {"text": "13800001234"})
    path = f"/v1/me/contacts/{chat}/messages"
    assert site.do("anna", "GET", f"{path}?unmask=true").status_code == 400
    clear = site.do("anna", "GET", f"{path}?after=1&unmask=true&reason=to+look+it+up").json["items"]
    assert [m["text"] for m in clear] == ["13800001234"]
    [line] = site.store.accounts.audit.lines(limit=1)
    assert (line.target, line.permission, line.reason) == (f"contact:{chat}", "data.unmask", "to look it up")


def test_what_takes_a_phone_is_refused_and_a_call_takes_no_messages(site: Platform) -> None:
    chat = at_hand(site)
    contact = site.do("anna", "GET", "/v1/me/contacts").json["items"][0]
    assert contact["allowed_actions"] == ["message", "hangup", "transfer", "wrapup"]
    for command, body in (("hold", None), ("mute", {"on": True}), ("consult", {"to": {"agent": "1001"}})):
        answer = site.do("anna", "POST", f"/v1/me/contacts/{chat}/{command}", body)
        assert (answer.status_code, answer.json["error_id"]) == (409, "not-by-text"), command
    number = site.do("anna", "POST", f"/v1/me/contacts/{chat}/transfer", {"to": {"number": "10086"}})
    assert (number.status_code, number.json["error_id"]) == (422, "bad-target")
    site.do("anna", "POST", f"/v1/me/contacts/{chat}/hangup")
    site.do("anna", "POST", f"/v1/me/contacts/{chat}/finish", {})
    site.do("anna", "PUT", "/v1/me/state", {"state": "READY"})
    come(site.floor, site.legs, "call-1")
    assert "call-1" in site.floor.owner.acd.floor.desks["1001"].contacts, site.floor.views.explain("call-1")
    answer = site.do("anna", "POST", "/v1/me/contacts/call-1/messages", {"text": "x"})
    assert (answer.status_code, answer.json["error_id"]) == (409, "not-by-text")
    site.floor.talks.dismiss("call-1")
    site.floor.owner.tell(Leave("call-1"))


def test_the_stream_tells_the_offer_with_the_conversation_and_each_message(site: Platform) -> None:
    from cti.runtime.floor.hub import Hub, Sight

    hub, anna = site.floor.hub, somebody("u-anna", Role.AGENT, teams=["north"])
    stream = Hub.subscribe(hub, Sight(anna), hub.last_id)
    others = Hub.subscribe(hub, Sight(somebody("u-ben", Role.AGENT, teams=["south"])), hub.last_id)
    chat = at_hand(site)
    site.do("web1", "POST", f"/v1/chats/{chat}/messages", {"text": "call 13800001234"})
    site.do("anna", "POST", f"/v1/me/contacts/{chat}/messages", {"text": "I will."})
    events = [(event.type, json.loads(event.text)["data"]) for event in stream.take()]
    mine = [(type_, data) for type_, data in events if data.get("contact") == chat]
    kinds = [type_ for type_, _ in mine]
    assert kinds.index("offer.created") < kinds.index("message.received") < kinds.index("message.sent")
    received = next(data for type_, data in mine if type_ == "message.received")
    assert (received["agent"], received["medium"]) == ("1001", "chat")
    assert received["message"]["text"] == "call 138****1234"
    activities = [data["activity"] for type_, data in mine if type_ == "contact.activity_changed"]
    assert activities == ["talking"]
    assert not [event for event in others.take() if chat in event.text]
    hub.unsubscribe(stream)
    hub.unsubscribe(others)


def test_a_contact_of_another_agent_is_not_there(site: Platform) -> None:
    site.floor.owner.tell(Enter(Wish("nobodys", "second", "chat", skills={"none": 1})))
    answer = site.do("anna", "GET", "/v1/me/contacts/nobodys/messages")
    assert (answer.status_code, answer.json["error_id"]) == (404, "unknown-contact")
    assert site.do("anna", "GET", "/v1/contacts/nobodys/document").status_code == 404


def test_limits_of_the_page_are_those_of_the_description() -> None:
    assert (api.TEXT_MAX, api.WAIT_MAX_S, replace(Profile("x"), capacity=HANDS).capacity) == (1000, 25, HANDS)


def test_what_an_engine_did_not_take_is_to_be_written_again(site: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    chat = opened(site)
    monkeypatch.setattr(site.texts, "kept", Kept.UNREAD)
    monkeypatch.setattr(site.texts.conversations, "_left", True)
    sms = {"from": "13800000000", "to": "10086", "text": "CXYE"}
    for path, body in (
        ("/v1/chats", {"text": "Hello"}), (f"/v1/chats/{chat}/messages", {"text": "x"}), ("/v1/sms", sms)
    ):  # fmt: skip
        answer = site.do("web1", "POST", path, body)
        assert (answer.status_code, answer.json["error_id"]) == (503, "engine-leaving")
        assert answer.headers["retry-after"]


def test_a_chat_that_ended_before_it_came_to_what_was_written_is_over(
    site: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = opened(site)
    monkeypatch.setattr(site.texts, "kept", Kept.UNREAD)
    answer = site.do("web1", "POST", f"/v1/chats/{chat}/messages", {"text": "x"})
    assert (answer.status_code, answer.json["error_id"]) == (409, "chat-over")


def test_a_database_that_is_away_holds_no_customer_up(site: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    chat = opened(site)
    monkeypatch.setattr(site.texts, "kept", Kept.WAITS)
    assert site.do("web1", "POST", f"/v1/chats/{chat}/messages", {"text": "x"}).status_code == 202
