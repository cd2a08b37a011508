"""Contacts that are written: from the customer's first word to the end of the agent's work, on a whole platform."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from gevent.event import Event

from cti.acd import Profile
from cti.acd import outputs as o
from cti.acd.inputs import SetProfile
from cti.acd.model import Slot
from cti.acd.states import ContactState, Presence
from cti.core.calls import Caller, Medium
from cti.core.errors import CtiError
from cti.core.events import LookupEnded
from cti.core.legs import Phone
from cti.runtime.chats import Chats
from cti.runtime.floor.owner import FloorRefused
from cti.runtime.floor.writers import Silence
from cti.switch.embedded import apps_media

from .platform import DEADLINE_S, Platform, path, summary, uuid_of

CUSTOMER, DESK = "13800000000", "10010"
HANDS = {Slot.CALL: 1, Slot.CHAT: 3, Slot.SMS: 1, Slot.FAX: 1}


class Sent:
    """A gateway that takes what it is given, unless told otherwise."""

    def __init__(self, once: str = "no") -> None:
        self.texts: list[str] = []
        self.keys: list[str] = []
        self.once, self.takes = once, True

    def send(self, recipient: str, text: str, key: str) -> bool:
        if self.takes:
            self.texts.append(text)
            self.keys.append(key)
        return self.takes


class Site:
    """anna and bert take calls, chats, SMS and faxes."""

    def __init__(self, platform: Platform) -> None:
        self.platform, self.application = platform, platform.application
        self.floor = self.application.floor
        self.sent = Sent()
        channels = self.application.engine._services.messages._channels
        channels.update({"sms": self.sent, "chat": self.sent})
        self.facts: list[o.Output] = []
        self.floor.owner.listeners.append(self.facts.append)

    def sign_in(self, agent: str, extension: str, **capacity: Any) -> None:
        self.platform.phone(extension, answer_after=0.05)
        profile = Profile(agent, {"person": 1}, HANDS, frozenset({Slot.CHAT}))
        self.floor.lines.sign_in(profile, Phone(f"user/{extension}"))
        self.floor.lines.set_ready(agent)

    def write(self, text: str, medium: Medium = Medium.SMS, sender: str = CUSTOMER) -> str:
        return self.application.conversations.receive(medium, sender, DESK, text)

    def state(self, contact: str) -> ContactState | None:
        case = self.floor.owner.acd.floor.cases.get(contact)
        return None if case is None else case.state

    def agent_of(self, contact: str) -> str:
        case = self.floor.owner.acd.floor.cases.get(contact)
        return "" if case is None or case.desk is None else case.desk.agent

    def until(self, true: Callable[[], Any], what: str) -> Any:
        return self.platform.until(true, f"{what}; facts {self.facts[-6:]}; sent {self.sent.texts}")

    def offered(self, contact: str) -> str:
        """To whom."""
        self.until(lambda: self.state(contact) is ContactState.RESERVED, "it is offered")
        return self.agent_of(contact)

    def conversation(self, text: str = "0", **how: Any) -> str:
        """With an agent."""
        contact = self.write(text, **how)
        self.floor.text_desk.answer(self.offered(contact), contact)
        return contact

    def lines(self, contact: str) -> list[tuple[str, str]]:
        transcript = self.application.transcripts.find(contact)
        assert transcript is not None
        return [(line.author.value, line.text) for line in transcript.lines]

    def reconciled(self) -> None:
        """Counts and rows agree, whatever happened."""
        floor = self.floor.owner.acd.floor
        assert not floor.offers
        began = [f for f in self.facts if isinstance(f, o.EntryBegan)]
        ended = [f for f in self.facts if isinstance(f, o.EntryEnded)]
        assert len(began) == len(ended)


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


def test_a_customer_who_leaves_while_it_is_offered_is_abandoned(site: Site) -> None:
    contact = site.write("0")
    site.offered(contact)
    site.application.conversations.hangup(contact, "NORMAL_CLEARING")
    assert summary(site.platform.recorded(contact))[0] == "caller_hangup"
    [ended] = [f for f in site.facts if isinstance(f, o.EntryEnded)]
    assert (ended.outcome, ended.medium) == ("abandoned", "sms")
    assert site.floor.owner.acd.floor.desks["anna"].presence is Presence.READY
    site.reconciled()


def test_a_customer_who_leaves_the_conversation_leaves_work(site: Site) -> None:
    contact = site.conversation()
    site.application.conversations.hangup(contact, "NORMAL_CLEARING")
    site.until(lambda: site.state(contact) is ContactState.WORK, "the work")
    site.platform.recorded(contact)
    screen = site.floor.publisher.screen(contact)
    assert screen is not None  # who it was can be read in the work, though the call is over
    assert screen["flow"] == "helpdesk"
    with pytest.raises(FloorRefused, match="WORK"):
        site.floor.text_desk.send("anna", contact, "Are you there?")
    site.floor.text_desk.finish_work("anna", contact)
    site.until(lambda: site.floor.texts._screens == {}, "nothing is kept any more")


def test_an_offer_that_nobody_takes_goes_on_and_one_that_is_rejected_too(site: Site) -> None:
    site.sign_in("bert", "1002")
    contact = site.write("0")
    first = site.offered(contact)
    site.floor.desk_of(contact).reject(first, contact)
    second = site.offered(contact)
    assert {first, second} == {"anna", "bert"}
    site.until(lambda: site.state(contact) is ContactState.QUEUED, "nobody took it")
    assert site.floor.owner.acd.floor.desks[second].reason == "ring_no_answer"


def test_nobody_is_there(empty: Site) -> None:
    site = empty
    contact = site.write("0")
    detail = site.platform.recorded(contact)
    assert summary(detail)[1] == "unserved"
    assert ("people", "no_agents") in path(detail)
    assert site.sent.texts == ["Nobody is free."]
    site.reconciled()


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


def test_who_is_silent_for_long_has_left_and_an_agent_who_does_not_answer_loses_the_customer(site: Site) -> None:
    site.floor.texts.silence["sms"] = Silence(customer_s=0.2, agent_s=30.0)
    contact = site.conversation()
    site.floor.text_desk.send("anna", contact, "Hello?")
    detail = site.platform.recorded(contact)
    assert summary(detail) == ("flow_end", "done", ("helped",))
    site.floor.text_desk.finish_work("anna", contact)
    site.floor.texts.silence["sms"] = Silence(customer_s=30.0, agent_s=0.2)
    site.sign_in("bert", "1002")
    again = site.write("0")
    first = site.offered(again)
    site.floor.text_desk.answer(first, again)
    site.until(lambda: site.floor.owner.acd.floor.desks[first].reason == "unanswered", "the agent is asked no more")
    [moved] = [name for name in site.floor.owner.acd.floor.cases if name != again]
    assert site.offered(moved) == ({"anna", "bert"} - {first}).pop()


def test_who_signs_out_by_force_leaves_the_customer_to_others(site: Site) -> None:
    contact = site.conversation()
    site.sign_in("bert", "1002")
    site.floor.lines.sign_out("anna", forced=True)
    [moved] = site.floor.owner.acd.floor.cases
    assert moved != contact
    assert site.offered(moved) == "bert"


def test_what_the_channel_does_not_take_is_told(site: Site) -> None:
    contact = site.conversation()
    site.sent.takes = False
    with pytest.raises(CtiError) as refused:
        site.floor.text_desk.send("anna", contact, "Hello")
    assert refused.value.code == "message-not-sent"
    with pytest.raises(CtiError) as long:
        site.floor.text_desk.send("anna", contact, "好" * 671)
    assert long.value.code == "message-too-long"
    assert [author for author, _ in site.lines(contact)] == ["customer"]


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
    chats = Chats(site.application.conversations, site.application.transcripts, site.application.ground.clock)
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
