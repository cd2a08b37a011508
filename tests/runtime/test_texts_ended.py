"""Contacts that are written and end otherwise: the customer leaves, nobody is there, the channel fails."""

from __future__ import annotations

import pytest

from cti.acd import outputs as o
from cti.acd.states import ContactState, Presence
from cti.core.errors import CtiError
from cti.runtime.floor.owner import FloorRefused
from cti.runtime.floor.writers import Silence

from .platform import path, summary
from .test_texts import empty, site
from .textkit import Site

__all__ = ["empty", "site"]  # fixtures


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
