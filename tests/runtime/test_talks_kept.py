"""An engine is replaced while agents have contacts: each goes on at its agent, with its state, its id and its times."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import orjson
import pytest

from cti.acd.states import ContactState, Presence
from cti.runtime.floor import talks_back
from cti.runtime.floor.talk import Stage
from cti.store.agents import Agents
from cti.switch.embedded import VirtualCaller

from .keptkit import PEOPLE, Kept, agent_hangs_up, kept, over
from .platform import Platform, uuid_of

__all__ = ["kept"]  # the fixture


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
