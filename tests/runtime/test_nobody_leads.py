"""Nobody distributes, for longer than what is left of talks waits for it: whoever is in one goes on, and no leg is left
with nobody. The wait is a fraction of a second here."""

from __future__ import annotations

from collections.abc import Callable

import gevent
import pytest

from cti.acd.states import ContactState, Presence
from cti.core.legs import Phone
from cti.runtime.cluster import leg_server, unled_talks
from cti.runtime.floor.permanent import LegState
from cti.store.agents import Agents
from cti.switch.embedded import VirtualCaller

from .keptkit import PEOPLE, Kept, over
from .platform import Platform, summary, uuid_of
from .test_floor import Floor, consulting
from .test_put_back import Apart

TALKED = ("flow_end", "talked", ("helped",))


@pytest.fixture
def floor(make_platform: Callable[..., Platform], monkeypatch: pytest.MonkeyPatch) -> Apart:
    monkeypatch.setattr(leg_server, "ALONE_S", 0.4)
    monkeypatch.setattr(unled_talks, "ALONE_S", 0.4)
    floor = Apart(make_platform(apart=True))
    floor.sign_in("anna", "1001")
    return floor


def on_hold(floor: Apart) -> tuple[VirtualCaller, str]:
    """A caller of anna's, and her leg."""
    caller = floor.talk()
    leg = floor.leg("anna")
    floor.desk.hold("anna", uuid_of(caller))
    floor.until(lambda: any(sound.kind == "tone" for sound in caller.log[-1:]), "music on hold")
    return caller, leg


def nobody_leads(floor: Apart) -> None:
    hub = floor.platform.hub
    hub.leave(hub.buses["cti/acd"])
    following = floor.platform.application.engine._services.queues._following
    floor.until(lambda: not following.led, "the worker knows that nobody leads")


def hang_up(floor: Floor, leg: str) -> None:
    floor.platform.switch.core.channels[leg].hangup("NORMAL_CLEARING")


def no_leg(floor: Apart) -> None:
    floor.until(lambda: not floor.platform.switch.core.channels, "no leg is left")


def test_who_is_on_hold_is_with_the_agent_again(floor: Apart) -> None:
    caller, leg = on_hold(floor)
    nobody_leads(floor)
    assert not floor.bridged(uuid_of(caller), leg), "at first it stays where it is, for the next one"
    floor.until(lambda: floor.bridged(uuid_of(caller), leg), "nobody has come: they talk")
    hang_up(floor, leg)
    assert summary(floor.platform.over(caller)) == TALKED
    no_leg(floor)


@pytest.mark.parametrize("who", ["agent", "caller"])
def test_whoever_hangs_up_before_that(floor: Apart, who: str, monkeypatch: pytest.MonkeyPatch) -> None:
    caller, leg = on_hold(floor)
    monkeypatch.setattr(leg_server, "ALONE_S", 3600.0)
    nobody_leads(floor)
    if who == "agent":
        hang_up(floor, leg)
        assert summary(floor.platform.over(caller)) == TALKED
    else:
        caller.hangup()
        assert summary(floor.platform.over(caller))[0] == "caller_hangup"
    no_leg(floor)


def test_who_was_asked_meanwhile_is_let_go(floor: Apart) -> None:
    caller = consulting(floor)
    contact, leg, asked = uuid_of(caller), floor.leg("anna"), floor.leg("bert")
    nobody_leads(floor)
    floor.until(lambda: floor.bridged(contact, leg), "anna has the caller again")
    floor.until(lambda: asked not in floor.platform.switch.core.channels, "bert is let go")
    hang_up(floor, leg)
    assert summary(floor.platform.over(caller)) == TALKED
    no_leg(floor)


def in_conference(floor: Apart) -> tuple[VirtualCaller, str, str]:
    """A caller, anna's leg and bert's."""
    caller = consulting(floor)
    contact, leg, asked = uuid_of(caller), floor.leg("anna"), floor.leg("bert")
    floor.desk.conference("anna", contact)
    floor.until(lambda: floor.confers(contact) and floor.confers(f"{contact}~1"), "all three are in it")
    return caller, leg, asked


@pytest.mark.parametrize("first", [0, 1])
def test_the_last_two_of_a_conference_talk(floor: Apart, first: int) -> None:
    caller, *legs = in_conference(floor)
    nobody_leads(floor)
    hang_up(floor, legs[first])
    floor.until(lambda: floor.bridged(uuid_of(caller), legs[1 - first]), "the other agent has the caller")
    hang_up(floor, legs[1 - first])
    assert summary(floor.platform.over(caller)) == TALKED
    no_leg(floor)


def test_nobody_stays_in_a_conference_alone(floor: Apart) -> None:
    caller, *_ = in_conference(floor)
    nobody_leads(floor)
    caller.hangup()
    assert summary(floor.platform.over(caller))[0] == "caller_hangup"
    no_leg(floor)


def test_both_agents_leave_a_conference_at_once(floor: Apart) -> None:
    caller, *legs = in_conference(floor)
    nobody_leads(floor)
    for leg in legs:
        hang_up(floor, leg)
    assert summary(floor.platform.over(caller)) == TALKED
    no_leg(floor)


def test_a_permanent_leg_is_not_left_open_for_nobody(floor: Apart) -> None:
    floor.parts.lines.sign_out("anna")
    floor.sign_in("bert", "1002")
    floor.parts.permanent.open("bert", Phone("user/1002", "permanent_leg"))
    held = floor.parts.permanent.find("bert")
    assert held is not None
    floor.until(lambda: held.state is LegState.OPEN, "it stands")
    floor.parts.lines.set_ready("bert")
    caller = floor.platform.call("desk")
    contact = uuid_of(caller)
    floor.until(lambda: floor.parts.talks.find(contact), "it is offered")
    floor.parts.talks.answer(floor.parts.talks.find(contact))  # type: ignore[arg-type]
    floor.until(lambda: floor.state(contact) is ContactState.TALKING, "they talk")
    floor.desk.hold("bert", contact)
    nobody_leads(floor)
    floor.until(lambda: floor.bridged(contact, held.leg), "they talk again")
    floor.platform.actor(caller)
    hang_up(floor, contact)
    floor.until(lambda: caller.cause, "the caller has gone")
    no_leg(floor)


@pytest.fixture
def kept(make_platform: Callable[..., Platform], monkeypatch: pytest.MonkeyPatch) -> Kept:
    """At the next start nobody leads."""
    monkeypatch.setattr(leg_server, "ALONE_S", 0.4)
    monkeypatch.setattr(unled_talks, "ALONE_S", 0.4)
    monkeypatch.setattr(Agents, "find", lambda _self, agent: PEOPLE.get(agent))
    kept = Kept(make_platform(apart=True))
    kept.sit("anna")
    kept.parts.lines.set_ready("anna")
    kept.platform.led = False
    return kept


def test_the_worker_is_new_too_and_who_was_on_hold_goes_on(kept: Kept) -> None:
    caller = kept.talk()
    contact, [leg] = uuid_of(caller), kept.legs("anna")
    kept.desk.hold("anna", contact)
    kept.killed()
    assert leg in kept.platform.switch.core.channels, "at first it stays, for who leads next"
    over(kept, caller)
    kept.until(lambda: not kept.legs("anna"), "the agent's leg is let go")
    kept.platform.lead()
    kept.until(lambda: kept.state(contact) is ContactState.WORK, "whoever leads then finds that it is over")
    kept.parts.orders.finish("anna", contact, {"disposition": "sold"})
    kept.until(lambda: kept.presence("anna") == (Presence.READY, ""), "she is free")


def test_the_worker_is_new_too_and_who_talks_talks_on(kept: Kept) -> None:
    caller = kept.talk()
    contact, [leg] = uuid_of(caller), kept.legs("anna")
    kept.killed()
    gevent.sleep(0.5)  # longer than anything waits for who leads
    assert kept.bridged(contact, leg)
    hang_up(kept, leg)
    over(kept, caller)
    kept.platform.lead()
    kept.until(lambda: kept.state(contact) is ContactState.WORK, "whoever leads then finds that it is over")


def test_the_worker_is_new_too_and_who_waits_waits_no_longer_than_was_said(kept: Kept) -> None:
    kept.parts.lines.set_not_ready("1001", "break")
    caller = kept.platform.call("impatient")
    kept.until(lambda: kept.state(uuid_of(caller)) is ContactState.QUEUED, "it waits")
    kept.killed()
    assert summary(kept.platform.over(caller)) == ("flow_end", "late", ())
