"""An engine is replaced while agents have contacts: each goes on at its agent, with its state, its id and its times."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import orjson
import pytest

from cti.acd.states import ContactState, Presence
from cti.core.legs import Phone
from cti.core.people import AgentProfile
from cti.runtime.floor import talks_back
from cti.runtime.floor.talk import Stage
from cti.store.agents import Agents
from cti.switch.embedded import VirtualCaller
from cti.switch.embedded.conference import command
from cti.switch.embedded.phones import PhoneBehaviour, VirtualPhone

from .platform import Platform, summary, uuid_of
from .test_floor import Floor

PEOPLE = {
    name: AgentProfile(name, f"u-{name}", name.title(), "north", skills={"person": 1}, wrapup_s=60.0)
    for name in ("anna", "bert")
}
PHONES = {"anna": "1004", "bert": "1005"}
NUMBER = "8613800000001"
Doing = Callable[[], object]


class Kept(Floor):
    """anna on 1004, READY."""

    def sit(self, agent: str, *, answer_after: float | None = 0.05, remote_answer: str = "none") -> None:
        self.platform.phone(PHONES[agent], answer_after=answer_after)
        phone = Phone(f"user/{PHONES[agent]}", remote_answer)
        self.parts.seats.sign_in(PEOPLE[agent], phone, f"session-{agent}")
        if phone.permanent:
            self.until(lambda: self.open(agent), "the permanent leg stands")

    def open(self, agent: str) -> bool:
        held = self.parts.permanent.find(agent)
        return held is not None and held.state == "open"

    def legs(self, agent: str) -> list[str]:
        """Those that the agent's phone is in."""
        calls = self.platform.switch.core.directory.phones[PHONES[agent]].calls
        return [call.channel.uuid for call in calls if call.channel.up()]

    def stage(self, contact: str) -> Stage | None:
        talk = self.parts.talks.find(contact)
        return None if talk is None else talk.stage

    def killed(self, meanwhile: Doing = lambda: None) -> None:
        """All that is told is on disk; then the engine is no more, and another one begins."""
        self.parts.talks_kept.save()
        assert self.platform.application.store.wait_snapshots(30.0)
        assert self.platform.application.store.flush(30.0)
        self.platform.application._handing_over = True
        self.platform.kill_engine()
        meanwhile()
        self.platform.restart_engine()
        super().__init__(self.platform)

    def handled(self) -> list[tuple[Any, ...]]:
        """Contact, agent, and how it went, as reports count it."""
        assert self.platform.application.store.flush(30.0)
        query = "select contact, agent, talk_s, hold_s, work_s, ended_by from contacts_handled"
        with closing(sqlite3.connect(self.platform.folder / "data" / "cti.db")) as database:
            return database.execute(query).fetchall()

    def told_of(self, type_: str, *fields: str) -> list[tuple[Any, ...]]:
        """Events of the engine that runs now."""
        data = [orjson.loads(event.text)["data"] for event in self.parts.hub._ring if event.type == type_]
        return [tuple(one[field] for field in fields) for one in data]

    def nobody_waits(self) -> None:
        assert not self.parts.talks_back._left
        assert not self.parts.talks_back._ending


@pytest.fixture
def kept(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kept]:
    monkeypatch.setattr(Agents, "find", lambda _self, agent: PEOPLE.get(agent))
    floor = Kept(platform)
    floor.sit("anna")
    floor.parts.lines.set_ready("anna")
    yield floor
    floor.nobody_waits()


def over(kept: Kept, caller: VirtualCaller) -> None:
    """The flow goes on at `talked`, once."""
    detail = kept.platform.over(caller)
    assert summary(detail) == ("flow_end", "talked", ("helped",))
    assert [gap.how for gap in detail.gaps] == ["resumed"]


def test_a_talk_goes_on_at_its_agent(kept: Kept) -> None:
    caller = kept.talk("desk")
    contact, legs = uuid_of(caller), kept.legs("anna")
    began = kept.parts.owner.acd.floor.cases[contact].began_at
    kept.killed()
    kept.until(lambda: kept.stage(contact) is Stage.TALKING, "the talk is there again")
    case = kept.parts.owner.acd.floor.cases[contact]
    assert (case.state, case.desk.agent if case.desk else "") == (ContactState.TALKING, "anna")
    assert case.began_at == pytest.approx(began, abs=0.5)
    assert kept.presence("anna") == (Presence.READY, "")
    kept.desk.hold("anna", contact)
    assert kept.state(contact) is ContactState.HOLD
    kept.desk.retrieve("anna", contact)
    assert (kept.legs("anna"), caller.cause) == (legs, "")
    kept.desk.hang_up("anna", contact)
    kept.until(lambda: kept.state(contact) is ContactState.WORK, "work")
    over(kept, caller)
    assert not kept.legs("anna")
    kept.desk.finish_work("anna", contact)
    [(_, agent, talk_s, hold_s, _, ended_by)] = kept.handled()
    assert (agent, ended_by) == ("anna", "agent")
    assert talk_s > hold_s > 0


def test_the_record_of_the_call_was_written_that_the_contact_is_over_was_not(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine was killed between the two: nobody asks about the caller, who is on no switch."""
    monkeypatch.setattr(talks_back, "SETTLE_S", 3600.0)
    caller = kept.talk("desk")
    contact = uuid_of(caller)

    def hung_up() -> None:
        caller.hangup()
        with closing(sqlite3.connect(kept.platform.folder / "data" / "cti.db")) as database:
            assert database.execute("delete from call_snapshots where call_id = ?", (contact,)).rowcount == 1
            database.commit()

    kept.killed(hung_up)
    kept.until(lambda: kept.state(contact) is ContactState.WORK, "the agent has the wrap-up")
    assert [(one[0], one[1]) for one in kept.told_of("contact.state_changed", "contact", "state")][-1] == (
        contact,
        "WORK",
    )


@pytest.mark.parametrize("who", ["agent", "caller"])
@pytest.mark.nightly
def test_whoever_ends_the_talk(kept: Kept, who: str) -> None:
    caller = kept.talk("desk")
    contact = uuid_of(caller)
    kept.killed()
    kept.until(lambda: kept.stage(contact) is Stage.TALKING, "the talk is there again")
    if who == "agent":
        kept.platform.switch.core.channels[kept.legs("anna")[0]].hangup("NORMAL_CLEARING")
        over(kept, caller)
    else:
        caller.hangup()
        kept.until(lambda: not kept.legs("anna"), "the agent's leg is let go")
    kept.until(lambda: kept.state(contact) is ContactState.WORK, "work")
    kept.platform.over(caller)


@pytest.mark.nightly
def test_held_is_held(kept: Kept) -> None:
    caller = kept.talk("desk")
    contact = uuid_of(caller)
    kept.desk.hold("anna", contact)
    kept.killed()
    kept.until(lambda: kept.stage(contact) is Stage.HELD, "held")
    mark = len(caller.log)
    kept.until(lambda: any(sound.kind == "tone" for sound in caller.log[mark:]), "music on hold")
    assert kept.state(contact) is ContactState.HOLD
    kept.desk.retrieve("anna", contact)
    assert kept.bridged(contact, kept.legs("anna")[0])
    kept.desk.hang_up("anna", contact)
    over(kept, caller)


@pytest.mark.nightly
def test_a_hold_that_was_not_written_any_more(kept: Kept) -> None:
    caller = kept.talk("desk")
    contact = uuid_of(caller)
    kept.parts.talks_kept.save()
    kept.parts.talks_kept.memory = None
    kept.desk.hold("anna", contact)
    kept.killed()
    kept.until(lambda: kept.stage(contact) is Stage.HELD, "held")
    kept.desk.hang_up("anna", contact)
    over(kept, caller)


def agent_hangs_up(kept: Kept, _caller: VirtualCaller) -> None:
    kept.platform.switch.core.channels[kept.legs("anna")[0]].hangup("NORMAL_CLEARING")


def caller_hangs_up(_kept: Kept, caller: VirtualCaller) -> None:
    caller.hangup()


def both(kept: Kept, _caller: VirtualCaller) -> None:
    for one in list(kept.platform.switch.core.channels.values()):
        one.hangup("NORMAL_CLEARING")


GAPS = {"the agent hangs up": agent_hangs_up, "the caller hangs up": caller_hangs_up, "both": both}


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("gap", GAPS)
@pytest.mark.nightly
def test_nobody_is_stuck_who_was_left_in_the_gap(kept: Kept, gap: str, held: bool) -> None:
    caller = kept.talk("desk")
    contact = uuid_of(caller)
    if held:
        kept.desk.hold("anna", contact)
    kept.killed(lambda: GAPS[gap](kept, caller))
    kept.until(lambda: kept.state(contact) is ContactState.WORK, "work")
    kept.until(lambda: not kept.legs("anna"), "no leg is left")
    kept.desk.finish_work("anna", contact)
    assert kept.presence("anna") == (Presence.READY, "")
    if gap == "the agent hangs up":
        over(kept, caller)
    assert len(kept.handled()) == 1


def test_work_goes_on_to_its_old_deadline(kept: Kept) -> None:
    caller = kept.talk("desk")
    contact = uuid_of(caller)
    kept.desk.hang_up("anna", contact)
    over_at = kept.parts.owner.acd.floor.cases[contact].work_until
    case = kept.parts.owner.acd.floor.cases[contact]
    kept.parts.wrapups.keep(kept.parts.wrapups.write(case, kept.parts.wrapups.check(case, {"notes": "Call again."})))
    kept.platform.over(caller)
    kept.killed()
    case = kept.parts.owner.acd.floor.cases[contact]
    assert (case.state, case.desk.agent if case.desk else "") == (ContactState.WORK, "anna")
    assert case.work_until == pytest.approx(over_at, abs=0.5)
    assert kept.parts.wrapups.shown(case, unmask=True)["notes"] == "Call again."
    kept.desk.finish_work("anna", contact)
    assert [row[:2] for row in kept.handled()] == [(contact, "anna")]
    kept.killed()
    assert not kept.parts.owner.acd.floor.cases, "what is handled is kept no longer"


def test_an_offer_that_rang_is_rescinded_and_the_place_is_kept(kept: Kept) -> None:
    kept.platform.phone("1004", answer_after=None)
    caller = kept.platform.call("desk")
    contact = uuid_of(caller)
    kept.until(lambda: kept.legs("anna"), "it rings")
    [before] = kept.legs("anna")
    kept.killed()
    kept.until(lambda: kept.legs("anna") and before not in kept.legs("anna"), "it rings anew")
    assert len(kept.legs("anna")) == 1
    assert kept.state(contact) is ContactState.RESERVED
    caller.hangup()
    kept.platform.over(caller)


@pytest.mark.nightly
def test_a_permanent_leg_is_used_again(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Agents, "find", lambda _self, agent: PEOPLE.get(agent))
    kept = Kept(platform)
    kept.sit("anna", remote_answer="permanent_leg")
    kept.parts.lines.set_ready("anna")
    [leg] = kept.legs("anna")
    kept.killed()
    kept.until(lambda: kept.open("anna") and kept.presence("anna") == (Presence.READY, ""), "it stands, she is ready")
    caller = platform.call("desk")
    contact = uuid_of(caller)
    kept.until(lambda: kept.parts.talks.find(contact), "it is offered")
    kept.parts.talks.answer(kept.parts.talks.find(contact))  # type: ignore[arg-type]
    kept.until(lambda: kept.state(contact) is ContactState.TALKING, "they talk")
    kept.killed()
    kept.until(lambda: kept.stage(contact) is Stage.TALKING, "they talk on")
    kept.desk.hang_up("anna", contact)
    over(kept, caller)
    assert kept.legs("anna") == [leg]
    kept.nobody_waits()
    kept.parts.lines.sign_out("anna", forced=True)
    kept.until(lambda: not kept.legs("anna"), "the leg goes with her")


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


class Dialled(Kept):
    """anna dials somebody behind a trunk; ``phone``: that one's."""

    def dial(self, *, answers: bool = True) -> str:
        self.phone = VirtualPhone(NUMBER, PhoneBehaviour(answer_after=0.05 if answers else None))
        self.platform.switch.core.directory.outside[NUMBER] = self.phone
        self.parts.lines.set_not_ready("anna", "break")
        assert self.parts.dials is not None
        return self.parts.dials.dial("anna", Phone(f"number/{NUMBER}"))

    @property
    def customer(self) -> list[str]:
        """The customer's legs that are up."""
        return [call.channel.uuid for call in self.phone.calls if call.channel.up()]


@pytest.fixture
def dialled(kept: Kept) -> Dialled:
    kept.__class__ = Dialled
    assert isinstance(kept, Dialled)
    return kept


@pytest.mark.nightly
def test_a_call_that_an_agent_has_placed_goes_on(dialled: Dialled) -> None:
    contact = dialled.dial()
    dialled.until(lambda: dialled.state(contact) is ContactState.TALKING, "they talk")
    dialled.killed()
    dialled.until(lambda: dialled.stage(contact) is Stage.TALKING, "it is there again")
    assert dialled.state(contact) is ContactState.TALKING
    [leg] = dialled.customer
    assert dialled.bridged(leg, dialled.legs("anna")[0])
    dialled.desk.hold("anna", contact)
    assert dialled.state(contact) is ContactState.HOLD
    dialled.desk.retrieve("anna", contact)
    dialled.until(lambda: dialled.bridged(leg, dialled.legs("anna")[0]), "they talk again")
    dialled.desk.hang_up("anna", contact)
    dialled.until(lambda: not dialled.platform.switch.core.channels, "no leg is left")
    dialled.nobody_waits()


@pytest.mark.nightly
def test_the_customer_of_such_a_call_may_hang_up(dialled: Dialled) -> None:
    contact = dialled.dial()
    dialled.until(lambda: dialled.state(contact) is ContactState.TALKING, "they talk")
    dialled.killed()
    dialled.until(lambda: dialled.stage(contact) is Stage.TALKING, "it is there again")
    dialled.platform.switch.core.channels[dialled.customer[0]].hangup("NORMAL_CLEARING")
    dialled.until(lambda: not dialled.platform.switch.core.channels, "no leg is left")
    dialled.until(lambda: dialled.state(contact) is not ContactState.TALKING, "the talk is over")
    dialled.nobody_waits()


@pytest.mark.nightly
def test_a_call_that_an_agent_places_and_that_rings_still_is_given_up(dialled: Dialled) -> None:
    """Nobody was reached yet: both phones are let go."""
    contact = dialled.dial(answers=False)
    dialled.killed()
    dialled.until(lambda: not dialled.platform.switch.core.channels, "no leg is left")
    assert dialled.state(contact) is None
    dialled.until(lambda: not dialled.parts.talks.taken("anna"), "the agent is free")
    dialled.nobody_waits()


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


@pytest.mark.nightly
def test_parked_is_parked(kept: Kept) -> None:
    caller = kept.talk("desk")
    contact = uuid_of(caller)
    kept.parts.lines.set_not_ready("anna", "break")
    kept.desk.park("anna", contact)
    [parked] = [name for name, case in kept.parts.owner.acd.floor.cases.items() if case.parked]
    store = kept.platform.application.store
    kept.until(lambda: any(b'"parked_by":"anna"' in one.body for one in store.find_snapshots("cti/0")), "that is kept")
    kept.killed()
    kept.until(lambda: parked in kept.parts.owner.acd.floor.cases, "it is there")
    case = kept.parts.owner.acd.floor.cases[parked]
    assert (case.parked, case.wish.prefer, kept.parts.views.activity(case)) == (True, "anna", "parked")
    assert kept.state(contact) is ContactState.WORK
    caller.hangup()
    kept.platform.over(caller)


@pytest.mark.nightly
def test_a_contact_of_which_nothing_is_told_ends(kept: Kept) -> None:
    """Neither the switch nor a run says what became of it."""
    caller = kept.talk("desk")
    contact = uuid_of(caller)
    now = kept.platform.application.durable.instant
    case = kept.parts.owner.acd.floor.cases[contact]
    told = orjson.loads(orjson.dumps(kept.parts.talks_kept.body(case, now())))
    told["contact"] = told["talk"]["contact"] = f"nobody~{contact[:8]}"
    told["agent"] = told["talk"]["agent"] = "bert"
    told["talk"] |= {"uuid": "nobody", "leg": "no-such-leg"}
    kept.sit("bert")
    back = kept.parts.talks_back
    assert back.restore([told], now(), PEOPLE.get) == 1
    kept.until(lambda: "no-such-leg" in back._left[told["contact"]].found, "the switch knows no such leg")
    back.settle(list(back._left.values()))
    assert kept.state(told["contact"]) is ContactState.WORK
    caller.hangup()
    kept.platform.over(caller)
