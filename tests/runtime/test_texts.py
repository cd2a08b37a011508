"""Contacts that are written: from the customer's first word to the end of the agent's work, on a whole platform."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from gevent.event import Event

from cti.acd import Profile
from cti.acd.inputs import SetProfile
from cti.acd.states import ContactState
from cti.core.calls import Caller, Medium
from cti.core.errors import CtiError
from cti.core.events import LookupEnded
from cti.runtime.floor.owner import FloorRefused
from cti.switch.embedded import apps_media

from .platform import DEADLINE_S, Platform, path, summary, uuid_of
from .textkit import DESK, HANDS, Site


@pytest.fixture
def empty(platform: Platform) -> Iterator[Site]:
    """Nobody works yet. At the end every customer leaves."""
    site = Site(platform)
    yield site
    for call in list(site.application.engine._actors):
        site.application.conversations.hangup(call, "NORMAL_CLEARING")


@pytest.fixture
def site(empty: Site) -> Site:
    empty.sign_in("anna", "1001")
    return empty


def test_an_sms_reaches_an_agent_and_both_write_until_the_agent_ends_it(site: Site) -> None:
    contact = site.write("0")
    assert site.offered(contact) == "anna"
    assert site.platform.switch.core.directory.phones["1001"].calls == []  # no phone is rung
    site.floor.desk_of(contact).answer("anna", contact)
    assert site.state(contact) is ContactState.TALKING
    assert site.write("My bill is wrong.") == contact
    line = site.floor.text_desk.send("anna", contact, "Which month?")
    assert (line.number, site.sent.texts) == (3, ["Which month?"])
    site.floor.desk_of(contact).hang_up("anna", contact)
    assert site.state(contact) is ContactState.WORK
    site.floor.desk_of(contact).finish_work("anna", contact)
    assert site.state(contact) is None
    detail = site.platform.recorded(contact)
    assert summary(detail) == ("flow_end", "done", ("helped",))
    assert path(detail)[-2:] == [("thanks", "next"), ("bye", "end")]
    assert [(m.author, m.agent, m.text) for m in detail.messages] == [
        ("customer", "", "0"), ("customer", "", "My bill is wrong."), ("agent", "anna", "Which month?"),
        ("flow", "", "Thank you."),
    ]  # fmt: skip
    site.reconciled()


def test_the_screen_pop_has_the_conversation_and_numbers_in_it_are_masked(site: Site) -> None:
    contact = site.write("hello, I am 138 0000 1234", medium=Medium.CHAT)
    site.until(lambda: site.sent.texts, "the menu")
    site.write("0", medium=Medium.CHAT)
    site.offered(contact)
    screen = site.floor.publisher.screen(contact)
    assert screen is not None
    assert screen["messages"][0]["text"] == "hello, I am 138******1234"
    clear = site.floor.publisher.screen(contact, unmask=True)
    assert clear is not None
    assert clear["messages"][0]["text"] == "hello, I am 138 0000 1234"
    kept = site.application.store
    site.application.conversations.hangup(contact, "NORMAL_CLEARING")
    site.platform.recorded(contact)
    found = [one.messages[0].text for unmask in (False, True) if (one := kept.find_call(contact, unmask=unmask))]
    assert found == ["hello, I am 138******1234", "hello, I am 138 0000 1234"]
    site.reconciled()


def test_a_pin_is_in_no_transcript(site: Site) -> None:
    contact = site.write("PIN")
    site.until(lambda: site.sent.texts == ["Which PIN?"], "the question")
    site.write("4711")
    site.offered(contact)
    screen = site.floor.publisher.screen(contact, unmask=True)
    assert screen is not None
    assert [m["text"] for m in screen["messages"]] == ["PIN", "Which PIN?", "******"]
    site.application.conversations.hangup(contact, "NORMAL_CLEARING")
    site.platform.recorded(contact)
    found = site.application.store.find_call(contact, unmask=True)
    assert found is not None
    assert "4711" not in str([message.text for message in found.messages])


def test_a_pin_that_is_written_before_it_is_asked_for_is_in_no_transcript(site: Site) -> None:
    release = Event()

    def slow(_deadline_s: float) -> LookupEnded:
        release.wait(DEADLINE_S)
        return LookupEnded(0, "ok")

    site.platform.lookups.instead = slow
    contact = site.write("hello 2001")
    site.until(lambda: site.sent.texts, "the menu")
    site.write("CHECK")
    site.until(lambda: site.platform.lookups.asked, "the look-up")
    for early in ("4711", "my PIN is 4711"):
        site.write(early)
    site.until(lambda: len(site.lines(contact)) == 5, "both")
    assert site.application.store.flush(20.0)  # they are kept, until it turns out what they are
    release.set()
    site.until(lambda: site.sent.texts[-1] == "Which PIN?", "the question")
    site.write("4711")
    site.offered(contact)
    screen = site.floor.publisher.screen(contact, unmask=True)
    assert screen is not None
    written = [m["text"] for m in screen["messages"] if m["from"] == "customer"]
    assert written == ["hello 2001", "CHECK", "******", "******", "******"]
    site.application.conversations.hangup(contact, "NORMAL_CLEARING")
    site.platform.recorded(contact)
    found = site.application.store.find_call(contact, unmask=True)
    assert found is not None
    assert [m.text for m in found.messages if m.author == "customer"] == written


def test_a_transfer_takes_the_conversation_along(site: Site) -> None:
    contact = site.conversation()
    site.write("It rains into my phone.")
    site.until(lambda: len(site.lines(contact)) == 2, "it was read")
    site.sign_in("bert", "1002")
    site.floor.text_desk.transfer("anna", contact, "agent", "bert")
    assert site.state(contact) is ContactState.WORK
    [moved] = [name for name in site.floor.owner.acd.floor.cases if name != contact]
    assert site.offered(moved) == "bert"
    screen = site.floor.publisher.screen(moved)
    assert screen is not None
    assert [m["text"] for m in screen["messages"]] == ["0", "It rains into my phone."]
    site.floor.text_desk.answer("bert", moved)
    site.floor.text_desk.send("bert", moved, "I am bert.")
    site.floor.text_desk.transfer("bert", moved, "queue", "second")
    site.floor.text_desk.finish_work("anna", contact)
    site.floor.text_desk.finish_work("bert", moved)
    site.until(lambda: len(site.floor.owner.acd.floor.cases) == 1, "it waits in the other queue, or is offered")
    [last] = site.floor.owner.acd.floor.cases.values()
    assert last.queue.config.name == "second"
    agent = site.offered(last.contact)
    site.floor.text_desk.answer(agent, last.contact)
    site.floor.text_desk.hang_up(agent, last.contact)
    detail = site.platform.recorded(contact)
    assert summary(detail) == ("flow_end", "done", ("helped",))
    assert [m.agent for m in detail.messages if m.author == "agent"] == ["bert"]
    with pytest.raises(CtiError):
        site.floor.text_desk.transfer("anna", contact, "number", "10086")


def test_one_call_and_three_chats_at_once(site: Site) -> None:
    """docs/distribution.md: a chat keeps no call away, and a call no chat, where the profile says so."""
    chats = [site.conversation(medium=Medium.CHAT, sender=f"1380000001{n}") for n in range(3)]
    assert {site.agent_of(chat) for chat in chats} == {"anna"}
    caller = site.platform.call("desk")
    site.until(lambda: site.state(uuid_of(caller)) is ContactState.TALKING, "the call beside them")
    fourth = site.write("0", medium=Medium.CHAT, sender="13800000099")
    site.until(lambda: site.state(fourth) is ContactState.QUEUED, "a fourth waits")
    site.floor.text_desk.send("anna", chats[1], "One moment, I am on the phone.")
    site.floor.text_desk.hang_up("anna", chats[1])
    site.floor.text_desk.finish_work("anna", chats[1])
    assert site.offered(fourth) == "anna"
    site.floor.owner.tell(SetProfile(Profile("anna", {"person": 1}, HANDS, frozenset())))
    site.floor.text_desk.reject("anna", fourth)
    site.floor.lines.set_ready("anna")
    site.until(lambda: site.state(fourth) is ContactState.QUEUED, "during a call no chat comes, unless it may")
    site.floor.desk.hang_up("anna", uuid_of(caller))
    site.floor.desk.finish_work("anna", uuid_of(caller))
    assert site.offered(fourth) == "anna"


def test_a_web_chat_is_fetched_and_not_sent(site: Site) -> None:
    chats = site.application.chats
    chat = chats.open("u-web", Caller(None, "", DESK), "hello", {"origin": "web"})
    assert [line.text for line in chats.read(chat, 1, 10.0)][:1] == ["Reply PIN to tell your PIN, 0 for a person."]
    chats.write(chat, "0")
    site.floor.text_desk.answer(site.offered(chat), chat)
    site.floor.text_desk.send("anna", chat, "I am anna.")
    assert [(line.author, line.text) for line in chats.read(chat, 3, 10.0)] == [("agent", "I am anna.")]
    chats.end(chat)
    site.until(lambda: site.state(chat) is ContactState.WORK, "the customer has left")
    detail = site.platform.recorded(chat)
    assert (summary(detail)[0], detail.call.medium, detail.call.entry) == ("caller_hangup", "chat", "people by text")
    assert [leg.role for leg in detail.legs] == ["caller", "agent"]  # by whose phone it is known whose chat it was
    assert site.sent.texts == []
    assert chats.read(chat, 0, 0)[-1].text == "I am anna."
    with pytest.raises(CtiError, match="ended"):
        chats.write(chat, "x")


def test_a_fax_waits_for_whoever_reads_it(empty: Site) -> None:
    site, platform = empty, empty.platform
    machine = platform.call("10099")
    assert machine.channel is not None
    machine.channel.setvar(apps_media.FAR_FAX, "2")
    contact = uuid_of(machine)
    detail = platform.over(machine)
    assert (summary(detail)[1], path(detail)[1]) == ("filed", ("desk", "queued"))
    assert site.state(contact) is ContactState.QUEUED  # nobody is there, and it waits
    site.sign_in("anna", "1001")
    assert site.offered(contact) == "anna"
    screen = site.floor.publisher.screen(contact)
    assert screen is not None
    assert screen["flow"] == "faxdesk"
    site.floor.text_desk.answer("anna", contact)
    [kept] = detail.recordings
    assert site.floor.texts.document_of(contact).startswith(kept.recording_id)
    with pytest.raises(FloorRefused):
        site.floor.text_desk.send("anna", contact, "x")
    site.floor.text_desk.hang_up("anna", contact)
    site.until(lambda: site.state(contact) is None, "no work in this queue")
    assert site.floor.texts.document_of(contact) == ""
    site.reconciled()


def test_the_counts_of_every_medium_agree_with_the_rows(site: Site) -> None:
    """As `cti report verify` does."""
    contact = site.conversation()
    site.floor.text_desk.hang_up("anna", contact)
    site.floor.text_desk.finish_work("anna", contact)
    chat = site.write("0", medium=Medium.CHAT)
    site.offered(chat)
    site.application.conversations.hangup(chat, "NORMAL_CLEARING")
    site.platform.recorded(chat)
    site.platform.recorded(contact)
    assert site.application.store.flush(10.0)
    from cti.acd.counts import INTERVAL_S, interval_of

    begins = interval_of(site.application.ground.clock.now())
    reports = site.application.ground.store.reports
    assert list(reports.verify(begins - INTERVAL_S, begins + 2 * INTERVAL_S)) == []
