"""Conversations by SMS and chat outlive their engine: the next one goes on where they were."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import gevent
import pytest

from cti.acd import Profile
from cti.acd.model import Slot
from cti.channels.conversations import EngineLeaving
from cti.core.calls import Caller, Medium
from cti.core.legs import Phone
from cti.core.people import AgentProfile
from cti.runtime.chats import Chats
from cti.store.agents import Agents

from .platform import Platform, path, summary
from .test_faxes_kept import STAYS, rows, verified
from .test_places_kept import kept_stay
from .textkit import CUSTOMER, DESK, HANDS, Site

OTHER = "13800000001"


class Kept:
    """A platform whose engine dies now and then."""

    def __init__(self, platform: Platform) -> None:
        self.platform, self.site = platform, Site(platform)

    def die(self) -> Site:
        assert self.platform.application.store.flush(20.0)
        self.platform.kill_engine()
        self.platform.restart_engine(self._plug)
        return self.site

    def _plug(self) -> None:
        self.site = Site(self.platform)

    def staff(self, *agents: tuple[str, str]) -> None:
        """Signed in, and not READY."""
        for agent, extension in agents:
            self.platform.phone(extension, answer_after=0.05)
            profile = Profile(agent, {"person": 1}, HANDS, frozenset({Slot.CHAT}))
            self.site.floor.lines.sign_in(profile, Phone(f"user/{extension}"))

    def chats(self) -> Chats:
        return self.platform.application.chats


@pytest.fixture
def kept(platform: Platform) -> Iterator[Kept]:
    made = Kept(platform)
    yield made
    for call in list(platform.application.engine._actors):
        platform.application.conversations.hangup(call, "NORMAL_CLEARING")


def test_what_was_asked_is_answered_after_the_death(kept: Kept) -> None:
    conversations = kept.platform.application.conversations
    call = conversations.receive(Medium.SMS, OTHER, "95555", "hello")
    kept.site.until(lambda: any(author == "flow" for author, _ in kept.site.lines(call)), "it asks")
    before = kept.site.lines(call)
    site = kept.die()
    assert site.lines(call) == before
    assert site.application.conversations.receive(Medium.SMS, OTHER, "95555", "CXYE") == call
    detail = kept.platform.recorded(call)
    assert (summary(detail), path(detail)[-2:]) == (
        ("flow_end", "done", ("balance",)),
        [("balance", "next"), ("bye", "end")],
    )
    assert [(one.number, one.author) for one in detail.messages] == [
        (1, "customer"), (2, "flow"), (3, "customer"), (4, "flow")
    ]  # fmt: skip
    assert [text for _, text in site.lines(call)].count(before[-1][1]) == 1  # it is not asked again


def test_they_wait_on_in_their_places_and_are_counted_once(kept: Kept) -> None:
    kept.staff(("anna", "1001"))
    first, second = kept.site.write("0"), kept.site.write("0", sender=OTHER)
    kept.site.until(lambda: len(kept.site.floor.owner.acd.floor.cases) == 2, "both wait")
    line = [case.contact for case in kept.site.floor.owner.acd.floor.queues["desk"].line]
    site = kept.die()
    site.until(lambda: len(site.floor.owner.acd.floor.cases) == 2, "both wait again")
    assert [case.contact for case in site.floor.owner.acd.floor.queues["desk"].line] == line == [first, second]
    assert [stay[:2] for stay in rows(kept.platform, STAYS)] == [("", "")] * 2
    site.sign_in("anna", "1001")
    assert site.offered(first) == "anna"
    site.floor.text_desk.answer("anna", first)
    site.floor.desk_of(first).hang_up("anna", first)
    [answered, waiting] = rows(kept.platform, STAYS)
    assert (answered[:3], waiting[0]) == (("answered", "connected", "anna"), "")
    assert verified(kept.platform) == []


def test_who_wrote_with_an_agent_comes_to_one_again_with_every_line(kept: Kept) -> None:
    kept.site.sign_in("anna", "1001")
    contact = kept.site.conversation()
    kept.site.floor.text_desk.send("anna", contact, "Good morning.")
    kept.site.write("My bill is wrong.")
    before = kept.site.lines(contact)
    site = kept.die()
    site.until(lambda: len(site.floor.owner.acd.floor.cases) == 1, "it waits again")
    (again,) = site.floor.owner.acd.floor.cases
    site.sign_in("anna", "1001")
    assert site.offered(again) == "anna"
    site.floor.text_desk.answer("anna", again)
    site.floor.text_desk.send("anna", again, "Where were we?")
    assert site.lines(contact)[: len(before)] == before
    assert site.lines(contact)[-1] == ("agent", "Where were we?")
    assert site.write("At my bill.") == contact
    site.floor.desk_of(again).hang_up("anna", again)
    assert summary(kept.platform.recorded(contact)) == ("flow_end", "done", ("helped",))
    assert verified(kept.platform) == []


def test_who_was_handed_over_waits_where_that_was(kept: Kept) -> None:
    """And not for the agent of before, or in the place of before."""
    kept.site.sign_in("anna", "1001")
    call = kept.site.conversation()
    floor = kept.site.floor
    kept.site.until(lambda: kept_stay(kept.platform, call).get("agent") == "anna", "it is kept with whom it is")
    floor.lines.set_not_ready("anna", "break")
    floor.text_desk.transfer("anna", call, "queue", "second")
    [moved] = [name for name in floor.owner.acd.floor.cases if name != call]
    ranked_at = floor.owner.acd.floor.cases[moved].ranked_at
    kept.site.until(lambda: kept_stay(kept.platform, call).get("contact") == moved, "its place is kept")
    waited_s = floor.owner.now() - ranked_at
    site = kept.die()
    site.until(lambda: moved in site.floor.owner.acd.floor.cases, "it waits again")
    case = site.floor.owner.acd.floor.cases[moved]
    assert (case.queue.config.name, case.wish.prefer) == ("second", None)
    assert site.floor.owner.now() - case.ranked_at >= waited_s


def test_who_was_handed_to_one_agent_waits_for_that_one(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    hands = {"sms": 1, "chat": 1, "call": 1}
    people = {
        name: AgentProfile(name, f"u-{name}", name.title(), "north", {"person": 1}, capacity=hands)
        for name in ("anna", "bert")
    }
    monkeypatch.setattr(Agents, "find", lambda _self, agent: people.get(agent))
    for name, extension in (("anna", "1004"), ("bert", "1005")):
        kept.platform.phone(extension, answer_after=0.05)
        kept.site.floor.seats.sign_in(people[name], Phone(f"user/{extension}"), f"session-{name}")
    kept.site.floor.lines.set_ready("anna")
    call = kept.site.conversation()
    kept.site.floor.text_desk.transfer("anna", call, "agent", "bert")
    kept.site.until(lambda: kept_stay(kept.platform, call).get("prefer") == "bert", "it is kept for whom it waits")
    kept.platform.application._handing_over = True
    site = kept.die()
    site.until(lambda: len(site.floor.owner.acd.floor.cases) == 1, "it waits again")
    (moved,) = site.floor.owner.acd.floor.cases
    for name in people:
        site.floor.lines.set_ready(name)
    assert site.offered(moved) == "bert"


def test_a_chat_stays_its_owners(kept: Kept) -> None:
    chat = kept.chats().open("u-web", Caller(CUSTOMER, "", DESK), "hello", {"origin": "web"})
    asked = kept.chats().read(chat, 1, 20.0)
    assert [line.number for line in asked] == [2]
    kept.die()
    kept.staff(("anna", "1001"))
    chats = kept.chats()
    assert (chats.owner(chat), chats.goes_on(chat)) == ("u-web", True)
    chats.write(chat, "0")
    kept.site.until(lambda: kept.site.floor.owner.acd.floor.cases, "it waits for an agent")
    assert [line.number for line in chats.read(chat, 0, 1.0)][:3] == [1, 2, 3]
    chats.end(chat)
    kept.platform.recorded(chat)
    assert chats.owner(chat) == "u-web"  # who may still fetch the last lines


def test_one_that_cannot_go_on_is_lost_and_the_next_message_begins_another(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = kept.site.write("hello")
    kept.site.until(lambda: any(author == "flow" for author, _ in kept.site.lines(call)), "it asks")
    monkeypatch.setattr("cti.runtime.durable.desk.DurableCalls.find_plan", lambda *_: None)
    site = kept.die()
    assert summary(kept.platform.recorded(call))[0] == "engine_lost"
    assert site.write("hello") != call


def kept_lines(kept: Kept, call: str) -> list[tuple[str]]:
    """Of what is on disk now."""
    query = "select author from call_messages where call_id = ? order by number"
    with closing(sqlite3.connect(kept.platform.folder / "data" / "cti.db")) as connection:
        return connection.execute(query, (call,)).fetchall()


def test_what_was_taken_is_on_disk_when_the_gateway_is_told(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    store: Any = kept.platform.application.store
    writer = store._writer
    monkeypatch.setattr(writer, "_settings", replace(writer._settings, gather_s=20.0))
    chats = kept.chats()
    call = chats.sms(OTHER, "95555", "hello")
    assert kept_lines(kept, call)[:1] == [("customer",)]
    shots = store.find_snapshots(kept.platform.application.durable.owner)
    assert [one.call_id for one in shots] == [call]
    assert chats.sms(OTHER, "95555", "CXYE") == call
    assert kept_lines(kept, call).count(("customer",)) == 2


def test_what_comes_while_a_conversation_ends_begins_another_one(kept: Kept) -> None:
    chats = kept.chats()
    first = chats.sms(OTHER, "95555", "hello")
    both = [gevent.spawn(chats.sms, OTHER, "95555", text) for text in ("TD", "hello again")]
    gevent.joinall(both, raise_error=True)
    ended, begun = (str(one.value) for one in both)
    assert ended == first != begun
    assert ("customer", "hello again") in kept.site.lines(begun)


def test_an_engine_that_lets_go_takes_nothing_any_more(kept: Kept) -> None:
    chats = kept.chats()
    call = chats.sms(OTHER, "95555", "hello")
    chat = chats.open("u-web", Caller(CUSTOMER, "", DESK), "hello", {})
    kept.platform.kill_engine()
    for write in (
        lambda: chats.sms(OTHER, "95555", "CXYE"),
        lambda: chats.sms("13800000002", "95555", "hello"),
        lambda: chats.write(chat, "0"),
        lambda: chats.open("u-web", Caller(CUSTOMER, "", DESK), "hello", {}),
    ):
        with pytest.raises(EngineLeaving):
            write()
    kept.platform.restart_engine()
    assert kept.chats().sms(OTHER, "95555", "CXYE") == call
    kept.chats().write(chat, "0")


def test_what_is_written_as_the_engine_lets_go_is_taken_or_refused(kept: Kept) -> None:
    """Never told to be taken, and lost."""
    chats = kept.chats()
    call = chats.sms(OTHER, "95555", "hello")
    before = len(kept_lines(kept, call))
    writing = gevent.spawn(chats.sms, OTHER, "95555", "CXYE")
    writing.start()
    gevent.sleep(0)  # it was put, and not come to
    kept.platform.kill_engine()
    writing.join(20.0)
    taken = kept_lines(kept, call)[before:].count(("customer",))
    assert taken or not writing.successful()
    assert writing.successful() or isinstance(writing.exception, EngineLeaving)
    kept.platform.restart_engine()


def test_who_was_stopped_and_taken_over_takes_nothing_though_the_database_is_away(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    application, chats = kept.platform.application, kept.chats()
    monkeypatch.setattr(application.store, "wait_snapshots", lambda _timeout_s: False)
    chats.sms(OTHER, "95555", "hello")  # it waits with everything else
    application.store.owners.begin(application.durable.owner, 0.0)  # type: ignore[attr-defined]
    monkeypatch.setattr(application.durable, "_sure_at", 0.0)
    with pytest.raises(EngineLeaving):
        chats.sms(OTHER, "95555", "CXYE")
    kept.platform.kill_engine()
    kept.platform.restart_engine()
