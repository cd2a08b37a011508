"""Leader and worker, joined by a bus alone, die together: what the next ones make of wrap-ups and of supervisors."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cti.acd.states import ContactState, Presence
from cti.core.legs import Phone
from cti.runtime.floor.supervision import ENGINE_REPLACED
from cti.runtime.floor.talk import Stage

from .keptkit import Kept, kept, over
from .platform import Platform, uuid_of

__all__ = ["kept"]  # the fixture


@pytest.fixture
def platform(make_platform: Callable[..., Platform]) -> Platform:
    return make_platform(apart=True)


def test_a_wrap_up_goes_on_to_its_old_deadline(kept: Kept) -> None:
    caller = kept.talk("desk")
    contact = uuid_of(caller)
    kept.desk.hang_up("anna", contact)
    until = kept.parts.owner.acd.floor.cases[contact].work_until
    kept.parts.orders.write("anna", contact, {"notes": "Call again."})
    kept.platform.over(caller)
    kept.killed()
    case = kept.parts.owner.acd.floor.cases[contact]
    assert (case.state, case.desk.agent if case.desk else "") == (ContactState.WORK, "anna")
    assert case.work_until == pytest.approx(until, abs=0.5)
    assert kept.parts.wrapups.shown(case, unmask=True)["notes"] == "Call again."
    kept.parts.orders.finish("anna", contact, {"disposition": "sold"})
    assert [(row[0], row[1], row[-1]) for row in kept.handled()] == [(contact, "anna", "agent")]
    kept.until(lambda: kept.presence("anna") == (Presence.READY, ""), "she is free")


def test_who_listened_listens_no_more(kept: Kept) -> None:
    caller = kept.talk("desk")
    contact, [agent] = uuid_of(caller), kept.legs("anna")
    kept.platform.phone("1006", answer_after=0.05)
    watch = kept.parts.supervision.begin("u-super", "", contact, "barge", Phone("user/1006"))
    kept.until(lambda: watch.on, "it is on")
    kept.killed()
    kept.until(lambda: kept.stage(contact) is Stage.TALKING, "the talk is there again")
    kept.until(lambda: watch.leg not in kept.platform.switch.core.channels, "the supervisor's leg is let go")
    told = kept.told_of("contact.monitored", "supervisor", "state", "reason")
    assert told == [("u-super", "ended", ENGINE_REPLACED)]
    assert kept.bridged(contact, agent)
    again = kept.parts.supervision.begin("u-super", "", contact, "listen", Phone("user/1006"))
    kept.until(lambda: again.on, "it is on again")
    kept.desk.hang_up("anna", contact)
    over(kept, caller)
    kept.until(lambda: again.leg not in kept.platform.switch.core.channels, "it ends with the talk")
