"""Supervisors on a talk, with calls and distribution joined by a bus alone, when the two lose sight of each other. That
all of it works so is shown in `test_apart.py`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cti.acd.states import ContactState
from cti.core import legs as l
from cti.runtime.floor.supervision import ENGINE_REPLACED

from .floorkit import Desks
from .platform import Platform, summary, uuid_of
from .test_put_back import Apart


class Watched(Apart, Desks):
    def states(self) -> list[tuple[str, str]]:
        return self.told("contact.monitored", "state", "reason")

    def gone(self, leg: str) -> bool:
        return leg not in self.platform.switch.core.channels


@pytest.fixture
def floor(make_platform: Callable[..., Platform]) -> Watched:
    floor = Watched(make_platform(apart=True))
    floor.sign_in("anna", "1001")
    return floor


@pytest.mark.parametrize("mode", l.MONITOR_MODES)
def test_who_listens_is_told_that_it_is_over_and_may_begin_again(floor: Watched, mode: str) -> None:
    caller = floor.talk()
    contact, agent = uuid_of(caller), floor.leg("anna")
    watch = floor.watch(contact, mode)
    floor.until(lambda: watch.on, f"{mode} is on")
    floor.anew()
    assert floor.states()[-1] == ("ended", ENGINE_REPLACED)
    floor.until(lambda: floor.gone(watch.leg), "the supervisor's leg is let go")
    assert floor.bridged(contact, agent), "the two talk on"
    assert floor.state(contact) is ContactState.TALKING
    again = floor.watch(contact, mode)
    floor.until(lambda: again.on, f"{mode} is on again")
    assert floor.heard(again.leg, contact)
    assert floor.heard(contact, again.leg) == (mode == "barge")
    floor.parts.supervision.end("u-super", contact)
    floor.until(lambda: floor.gone(again.leg), "the supervisor's phone is free")
    floor.desk.hang_up("anna", contact)
    assert summary(floor.platform.over(caller)) == ("flow_end", "talked", ("helped",))


def test_a_supervisor_whose_phone_rings_is_rung_no_more(floor: Watched) -> None:
    caller = floor.talk()
    watch = floor.watch(uuid_of(caller), "listen", answer_after=None)
    floor.until(lambda: not floor.gone(watch.leg), "it rings")
    floor.anew()
    assert floor.states()[-1] == ("ended", ENGINE_REPLACED)
    floor.until(lambda: floor.gone(watch.leg), "it rings no more")
    caller.hangup()


def test_who_has_taken_over_as_nobody_talks_on(floor: Watched) -> None:
    caller = floor.talk()
    contact = uuid_of(caller)
    watch = floor.watch(contact, "take_over")
    floor.until(lambda: floor.bridged(contact, watch.leg), "the supervisor has the caller")
    floor.until(lambda: floor.state(contact) is ContactState.WORK, "anna is done")
    floor.anew()
    assert floor.bridged(contact, watch.leg)
    floor.desk.finish_work("anna", contact)
    floor.channel(watch.leg).hangup("NORMAL_CLEARING")
    assert summary(floor.platform.over(caller)) == ("flow_end", "talked", ("helped",))


def test_who_has_taken_over_as_an_agent_has_the_contact(floor: Watched) -> None:
    floor.sign_in("cleo", "1003")
    floor.parts.lines.set_not_ready("cleo", "supervision")
    caller = floor.talk()
    contact = uuid_of(caller)
    watch = floor.watch(contact, "take_over", agent="cleo")
    floor.until(lambda: floor.bridged(contact, watch.leg), "the supervisor has the caller")
    [taken] = [as_ for as_ in floor.told("contact.monitored", "taken_as") if as_]
    floor.until(lambda: floor.state(taken) is ContactState.TALKING, "the talk is the supervisor's")
    floor.until(lambda: floor.state(contact) is ContactState.WORK, "anna is done")
    floor.anew()
    assert (floor.bridged(contact, watch.leg), floor.state(contact)) == (True, ContactState.WORK)
    mark = len(caller.log)
    floor.desk.hold("cleo", taken)
    floor.until(lambda: any(sound.kind == "tone" for sound in caller.log[mark:]), "music on hold")
    floor.desk.retrieve("cleo", taken)
    floor.until(lambda: floor.bridged(contact, watch.leg), "they talk again")
    floor.desk.hang_up("cleo", taken)
    floor.until(lambda: floor.state(taken) is ContactState.WORK, "and is done, too")
    assert summary(floor.platform.over(caller)) == ("flow_end", "talked", ("helped",))
