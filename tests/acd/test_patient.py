"""A contact that nobody holds the line for waits although nobody is signed in."""

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
