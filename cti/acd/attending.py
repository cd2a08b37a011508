"""Agents sign in and out, and say whether they take contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti.acd.matching import serve
from cti.acd.offering import rescind_all
from cti.acd.waiting import unstaffed, watch_unstaffed
from cti.acd.working import close_all

if TYPE_CHECKING:
    from cti.acd import inputs as i
    from cti.acd.desk import Desk
    from cti.acd.floor import Floor


def sign_in(floor: Floor, told: i.SignIn) -> None:
    desk = floor.desk_of(told.profile)
    if desk.signed_in:
        floor.set_presence(desk, "sign_in", "sign_in")  # refused, by the table
        return
    desk.take(told.profile)
    floor.needs.staff(desk)
    desk.next = None
    floor.set_presence(desk, "sign_in", "sign_in")


def set_profile(floor: Floor, told: i.SetProfile) -> None:
    desk = floor.find_desk(told.profile.agent)
    if desk is None:
        return
    if not desk.signed_in:
        desk.take(told.profile)
        return
    _unstaff(floor, desk)
    desk.take(told.profile)
    floor.needs.staff(desk)
    desk.changed()
    for case in list(desk.personal):
        if not desk.profile.capacity.get(case.slot, 0):
            unstaffed(floor, case)
    serve(floor, desk)


def sign_out(floor: Floor, told: i.SignOut) -> None:
    desk = floor.find_desk(told.agent)
    if desk is None or not desk.signed_in:
        return
    if desk.contacts and not told.forced:
        floor.refuse("agent-has-contacts", f"agent '{desk.agent}' has {len(desk.contacts)} contact(s)")
        return
    _unstaff(floor, desk)
    floor.set_presence(desk, "sign_out", "")
    rescind_all(floor, desk.agent, "sign_out")
    close_all(floor, desk.agent)
    for case in list(desk.personal):
        unstaffed(floor, case)


def set_ready(floor: Floor, told: i.SetReady) -> None:
    desk = floor.find_desk(told.agent)
    if desk is not None and floor.set_presence(desk, "ready", ""):
        serve(floor, desk)


def set_not_ready(floor: Floor, told: i.SetNotReady) -> None:
    desk = floor.find_desk(told.agent)
    if desk is not None:
        floor.set_presence(desk, "not_ready", told.reason)


def choose_next(floor: Floor, told: i.ChooseNext) -> None:
    desk = floor.find_desk(told.agent)
    if desk is None:
        return
    if not desk.contacts:
        floor.refuse("no-contact", f"agent '{desk.agent}' has no contact after which to change")
        return
    desk.next = None if told.ready is None else (told.ready, told.reason)


def down(floor: Floor, told: i.AgentDown) -> None:
    desk = floor.find_desk(told.agent)
    if desk is None or not desk.signed_in:
        return
    floor.set_presence(desk, "lose", told.reason)
    rescind_all(floor, desk.agent, told.reason)


def _unstaff(floor: Floor, desk: Desk) -> None:
    needs = list(desk.all_needs())
    floor.needs.unstaff(desk)
    for need in needs:
        if not need.staffed:
            watch_unstaffed(floor, need)
