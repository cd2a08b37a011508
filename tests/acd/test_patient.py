"""Who waits although nobody is signed in: a contact that nobody holds the line for, and one that has come again."""

from __future__ import annotations

from cti.acd import Distribution, Profile, QueueConfig, Slot, Wish
from cti.acd import inputs as i
from cti.acd import outputs as o


def _told(acd: Distribution, told: i.Input, now: float) -> list[str]:
    return [type(fact).__name__ for fact in acd.feed(told, now) if isinstance(fact, o.Dismissed | o.OfferMade)]


def test_a_document_waits_for_the_first_who_comes_and_outlives_the_last_who_goes() -> None:
    acd = Distribution()
    acd.feed(i.SetQueue(QueueConfig("post", unstaffed_s=60)), 0)
    assert _told(acd, i.Enter(Wish("chat", "post", "chat")), 0) == ["Dismissed"]
    assert _told(acd, i.Enter(Wish("fax", "post", "fax", patient=True)), 0) == []
    profile = Profile("anna", capacity={Slot.FAX: 1})
    acd.feed(i.SignIn(profile), 1)
    acd.feed(i.SignOut("anna"), 2)
    assert _told(acd, i.Tick(), 10_000) == []
    acd.feed(i.SignIn(profile), 10_001)
    assert _told(acd, i.SetReady("anna"), 10_002) == ["OfferMade"]


def test_one_that_outlived_an_engine_waits_for_the_agents_to_sign_in_again() -> None:
    acd = Distribution()
    acd.feed(i.SetQueue(QueueConfig("desk", unstaffed_s=60)), 0)
    assert _told(acd, i.Enter(Wish("new", "desk")), 0) == ["Dismissed"]
    for contact in ("old", "older"):
        assert _told(acd, i.Enter(Wish(contact, "desk", returns=True)), 0) == []
    acd.feed(i.SignIn(Profile("anna")), 30)
    assert _told(acd, i.SetReady("anna"), 31) == ["OfferMade"]
    assert _told(acd, i.Tick(), 61) == [], "she is there, and the other waits for her"


def test_one_that_outlived_an_engine_does_not_wait_for_ever() -> None:
    acd = Distribution()
    acd.feed(i.SetQueue(QueueConfig("desk", unstaffed_s=60)), 0)
    assert _told(acd, i.Enter(Wish("old", "desk", returns=True)), 0) == []
    assert _told(acd, i.Tick(), 59) == []
    assert _told(acd, i.Tick(), 60) == ["Dismissed"]
