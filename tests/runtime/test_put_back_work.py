"""Wrap-ups that are running when the worker of their call dies: they are the agent's, whoever had the call."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cti.acd import outputs as o
from cti.acd.cases import Case
from cti.acd.states import ContactState, Presence
from cti.runtime.cluster import queue_server

from .platform import uuid_of
from .test_put_back import Apart, floor

__all__ = ["floor"]  # the fixture


def wrapping_up(floor: Apart, flow: str = "desk") -> Case:
    """A contact that anna has work with, in which she has written."""
    caller = floor.talk(flow)
    contact = uuid_of(caller)
    floor.desk.hang_up("anna", contact)
    case = floor.parts.owner.acd.floor.cases[contact]
    assert case.state is ContactState.WORK
    floor.parts.orders.write("anna", contact, {"notes": "Call again."})
    if flow == "desk":
        floor.platform.over(caller)
    return case


def lose(floor: Apart) -> None:
    """The worker is no more, as far as the leader can tell."""
    hub = floor.platform.hub
    gone: list[str] = []
    hub.buses["cti/acd"].watchers.append(lambda member, here: here or gone.append(member.address))
    hub._watched(hub.buses["cti/0"].member, False)
    floor.until(lambda: gone, "it is seen to be gone")


def test_it_goes_on_at_its_agent_with_its_time_and_what_is_written(floor: Apart) -> None:
    case = wrapping_up(floor)
    since, until = case.since, case.work_until
    floor.anew()
    assert floor.parts.owner.acd.floor.cases[case.contact] is case
    assert (case.state, case.since, case.work_until) == (ContactState.WORK, since, until)
    assert floor.parts.wrapups.shown(case, unmask=True)["notes"] == "Call again."
    caller = floor.platform.call("desk")
    floor.until(lambda: floor.state(uuid_of(caller)) is ContactState.QUEUED, "the next one waits for her")
    floor.parts.orders.finish("anna", case.contact, {"disposition": "sold"})
    [handled] = floor.kinds(o.Handled)
    assert (handled.contact, handled.agent, handled.ended_by) == (case.contact, "anna", "agent")
    floor.until(lambda: floor.state(uuid_of(caller)) is ContactState.TALKING, "she is free for the next one")
    caller.hangup()


def test_it_ends_by_itself_when_it_would_have_though_nobody_has_the_call(
    floor: Apart, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_server, "KEPT_S", 0.1)
    line = floor.parts.owner.acd.floor.queues["desk"]
    line.config = replace(line.config, wrapup_s=1.5)
    case = wrapping_up(floor)
    until = case.work_until
    assert until is not None
    lose(floor)
    assert (case.state, case.work_until) == (ContactState.WORK, until)
    floor.until(lambda: floor.state(case.contact) is None, "its time is over")
    [handled] = floor.kinds(o.Handled)
    assert (handled.agent, handled.ended_by) == ("anna", "timer")
    assert handled.at == pytest.approx(until, abs=0.5)
    assert floor.presence("anna") == (Presence.READY, "")
    assert not floor.parts.owner.acd.floor.desks["anna"].contacts


def test_who_waits_again_meanwhile_keeps_that_place_too(floor: Apart) -> None:
    case = wrapping_up(floor, "twice")
    again = floor.until(
        lambda: next((one for one in floor.parts.owner.acd.floor.cases if one != case.contact), ""), "in line again"
    )
    until = case.work_until
    floor.anew()
    assert (case.state, case.work_until) == (ContactState.WORK, until)
    floor.until(lambda: not floor.parts.owner.acd.floor.cases[again].suspended, "it is in its place")
    floor.parts.orders.finish("anna", case.contact, {"disposition": "sold"})
    floor.until(lambda: floor.state(again) is ContactState.TALKING, "she has the caller once more")
    floor.desk.hang_up("anna", again)
    floor.until(lambda: floor.state(again) is ContactState.WORK, "and work again")
