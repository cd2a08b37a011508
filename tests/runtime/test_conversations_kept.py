"""An engine is replaced while several talk: consultations, conferences and who helps or listens go on."""

from __future__ import annotations

import pytest

from cti.acd.states import ContactState
from cti.core.legs import Phone
from cti.runtime.floor.talk import Stage
from cti.switch.embedded import VirtualCaller
from cti.switch.embedded.conference import command

from .keptkit import PHONES, Kept, agent_hangs_up, kept, over
from .platform import uuid_of

__all__ = ["kept"]  # the fixture


def consulting(kept: Kept, *, conference: bool) -> VirtualCaller:
    kept.sit("bert")
    caller = kept.talk("desk")
    contact = uuid_of(caller)
    kept.parts.lines.set_ready("bert")
    kept.desk.consult("anna", contact, "agent", "bert")
    talk = kept.parts.talks.find(contact)
    assert talk is not None
    kept.until(lambda: talk.consult is not None and talk.consult.stage is Stage.TALKING, "bert is asked")
    if conference:
        kept.desk.conference("anna", contact)
    return caller


@pytest.mark.nightly
def test_a_consultation_goes_on(kept: Kept) -> None:
    caller = consulting(kept, conference=False)
    contact = uuid_of(caller)
    kept.killed()
    kept.until(lambda: kept.stage(contact) is Stage.HELD, "she consults")
    case = kept.parts.owner.acd.floor.cases[contact]
    assert kept.parts.views.activity(case) == "consulting"
    [asked] = [name for name in kept.parts.owner.acd.floor.cases if name != contact]
    assert kept.state(asked) is ContactState.TALKING
    kept.desk.complete("anna", contact)
    kept.until(lambda: kept.bridged(contact, kept.legs("bert")[0]), "bert has the caller")
    assert kept.state(contact) is ContactState.WORK
    kept.desk.hang_up("bert", asked)
    over(kept, caller)
    assert [kept.state(one) for one in (contact, asked)] == [ContactState.WORK] * 2


@pytest.mark.nightly
def test_who_asked_for_help_still_does_and_who_listened_no_longer(kept: Kept) -> None:
    caller = kept.talk("desk")
    contact = uuid_of(caller)
    kept.parts.orders.assist("anna", contact, True, "wants the manager")
    asked_at = kept.parts.assists._of[contact].since
    watch = kept.parts.supervision.begin("u-super", "", contact, "whisper", Phone(f"user/{PHONES['bert']}"))
    kept.platform.phone(PHONES["bert"], answer_after=0.05)
    kept.until(lambda: watch.on, "somebody whispers")
    kept.killed()
    case = kept.parts.owner.acd.floor.cases[contact]
    assist = kept.parts.views.contact(case)["assist"]
    assert (assist["note"], assist["supervisors"]) == ("wants the manager", ["u-super"])
    assert abs(kept.parts.assists._of[contact].since - asked_at) < 1.0
    kept.until(lambda: not kept.legs("bert"), "the supervisor's leg is hung up")
    assert kept.told_of("contact.monitored", "supervisor", "mode", "state", "reason") == [
        ("u-super", "whisper", "ended", "engine_replaced")
    ]
    kept.until(lambda: kept.stage(contact) is Stage.TALKING, "they talk on")
    again = kept.parts.supervision.begin("u-super", "", contact, "listen", Phone(f"user/{PHONES['bert']}"))
    kept.until(lambda: again.on, "and may be listened to again")
    kept.desk.hang_up("anna", contact)
    kept.until(lambda: not kept.legs("bert"), "until the end of the talk")
    assert kept.told_of("contact.assist", "state") == [("over",)]
    over(kept, caller)


@pytest.mark.nightly
def test_a_request_for_help_ends_with_a_talk_that_is_over(kept: Kept) -> None:
    caller = kept.talk("desk")
    contact = uuid_of(caller)
    kept.parts.orders.assist("anna", contact, True, "help")
    kept.killed(lambda: agent_hangs_up(kept, caller))
    kept.until(lambda: kept.state(contact) is ContactState.WORK, "work")
    assert kept.parts.assists.shown(contact) is None
    over(kept, caller)


@pytest.mark.nightly
def test_a_conference_goes_on(kept: Kept) -> None:
    caller = consulting(kept, conference=True)
    contact = uuid_of(caller)
    kept.killed()
    kept.until(lambda: kept.stage(contact) is Stage.CONFERENCE, "in conference")
    kept.desk.drop("anna", contact)
    assert kept.stage(contact) is Stage.TALKING
    kept.until(lambda: not kept.legs("bert"), "bert is out")
    kept.desk.hang_up("anna", contact)
    over(kept, caller)


@pytest.mark.nightly
def test_a_conference_that_another_switch_made_calls_of_is_made_again(kept: Kept) -> None:
    """As after `sofia recover`: all three are parked, with the variables of a conference that there is no more."""
    caller = consulting(kept, conference=True)
    contact, core = uuid_of(caller), kept.platform.switch.core

    def recovered() -> None:
        [(name, room)] = core.rooms.items()
        members = dict(room.members)
        for number in members:
            command(core, f"{name} kick {number}")
        kept.until(lambda: not core.rooms, "no room is left")
        for channel in members.values():
            channel.setvar("conference_call_key", f"conference_{name}")
            channel.setvar("current_application", "park")

    kept.killed(recovered)
    kept.until(lambda: [len(room.members) for room in core.rooms.values()] == [3], "all are in a room again")
    assert kept.stage(contact) is Stage.CONFERENCE
    assert kept.state(contact) is ContactState.TALKING
    kept.desk.drop("anna", contact)
    kept.until(lambda: not kept.legs("bert"), "bert is out")
    kept.desk.hang_up("anna", contact)
    over(kept, caller)


@pytest.mark.parametrize("who", ["anna", "bert", "caller"])
@pytest.mark.nightly
def test_who_left_a_conference_in_the_gap(kept: Kept, who: str) -> None:
    caller = consulting(kept, conference=True)
    contact = uuid_of(caller)
    [asked] = [name for name in kept.parts.owner.acd.floor.cases if name != contact]

    def leaves() -> None:
        if who == "caller":
            caller.hangup()
        else:
            kept.platform.switch.core.channels[kept.legs(who)[0]].hangup("NORMAL_CLEARING")

    kept.killed(leaves)
    left, stays = (asked, contact) if who == "bert" else (contact, asked)
    kept.until(lambda: kept.state(left) is ContactState.WORK, "work")
    if who == "caller":
        kept.until(lambda: kept.state(stays) is ContactState.WORK, "for both")
        kept.until(lambda: not kept.legs("anna") and not kept.legs("bert"), "no leg is left")
        return
    has = "anna" if who == "bert" else "bert"
    kept.until(lambda: kept.stage(stays) is Stage.TALKING and kept.bridged(contact, kept.legs(has)[0]), f"with {has}")
    kept.desk.hang_up(has, stays)
    over(kept, caller)
