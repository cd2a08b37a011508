"""kill -9 of the engine on a real switch while an agent has a contact in each of its states: the next engine has it at
the same agent, and who heard whom hears whom."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from .engine import EngineProcess
from .esl import wait_until
from .media import tone_frame
from .records import record_of
from .switch import RealSwitch
from .test_agents import CALLER_HZ, VOICES_HZ, Agent, call_of, engine, heard_for, reconcile, ua_agent
from .test_permanent_legs import caller
from .ua import Phone, When

__all__ = ["engine"]
pytestmark = [pytest.mark.real, pytest.mark.nightly]


def kept_at(engine: EngineProcess, contact: str) -> float:
    query = "select saved_at from call_snapshots where call_id = ?"
    with closing(sqlite3.connect(f"file:{engine.folder / 'data' / 'cti.db'}?mode=ro", uri=True)) as database:
        row = database.execute(query, (f"talk:{contact}",)).fetchone()
    return 0.0 if row is None else float(row[0])


def killed(engine: EngineProcess, agent: Agent, contact: str, activity: str) -> None:
    """When the next engine is there, the contact is as it was."""
    [before] = [one for one in agent.contacts() if one["contact"] == contact]
    assert before["activity"] == activity
    marked_at = time.time()
    agent.ask("PATCH", f"/v1/me/contacts/{contact}/wrapup", {"notes": "Call again."})
    wait_until(lambda: kept_at(engine, contact) >= marked_at, 30, "it is kept", 0.05)
    [before] = [one for one in agent.contacts() if one["contact"] == contact]
    engine.kill()
    engine.start()
    wait_until(
        lambda: [(one["contact"], one["activity"]) for one in agent.contacts()] == [(contact, activity)],
        30, f"{agent.name} has it, {activity}", 0.2,
    )  # fmt: skip
    [after] = agent.contacts()
    for same in ("state", "wrapup_version", "disposition"):
        assert before[same] == after[same]
    began, begins = (datetime.fromisoformat(one["began_at"]) for one in (before, after))
    assert abs((began - begins).total_seconds()) < 1


def test_each_state_of_a_contact_outlives_the_engine(
    engine: EngineProcess, real_switch: RealSwitch, tmp_path: Path
) -> None:
    with (
        ua_agent(engine, real_switch, "anna") as (anna, desk_phone),
        ua_agent(engine, real_switch, "ben") as (ben, second_phone),
        Phone("13800000071") as phone,
    ):
        dialog = caller(phone, real_switch)
        anna.ready()
        contact = anna.talking()
        at_desk = desk_phone.wait_call(1)
        dialog.media.voice, at_desk.media.voice = tone_frame(CALLER_HZ), tone_frame(VOICES_HZ["anna"])
        heard_for(dialog.media, VOICES_HZ["anna"])

        killed(engine, anna, contact, "talking")
        heard_for(dialog.media, VOICES_HZ["anna"])
        anna.do(contact, "hold")
        killed(engine, anna, contact, "held")
        anna.do(contact, "retrieve")
        heard_for(dialog.media, VOICES_HZ["anna"])

        ben.ready()
        anna.do(contact, "consult", {"to": {"agent": ben.extension}})
        ben.talking()
        second_phone.wait_call(1).media.voice = tone_frame(VOICES_HZ["ben"])
        killed(engine, anna, contact, "consulting")
        heard_for(at_desk.media, VOICES_HZ["ben"])
        anna.do(contact, "conference")
        killed(engine, anna, contact, "conference")
        heard_for(dialog.media, VOICES_HZ["ben"])
        heard_for(dialog.media, VOICES_HZ["anna"])
        anna.do(contact, "drop")
        assert [one["activity"] for one in anna.contacts()] == ["talking"]
        heard_for(dialog.media, VOICES_HZ["anna"])
        ben.ask("PUT", "/v1/me/state", {"state": "NOT_READY", "reason": "study"})

        anna.do(contact, "hangup")
        anna.do(contact, "extend", {"seconds": 600})
        anna.ask("PATCH", f"/v1/me/contacts/{contact}/wrapup", {"disposition": "solved"})
        killed(engine, anna, contact, "work")
        assert anna.ask("GET", f"/v1/me/contacts/{contact}/wrapup")["notes"] == "Call again."
        anna.do(contact, "finish", {})
        dialog.hang_up()
        wait_until(lambda: not anna.contacts() and not ben.contacts(), 30, "no work is left", 0.5)
    reconcile(engine)
    gaps = record_of(engine, call_of(contact))["gaps"]
    assert [gap["how"] for gap in gaps][:4] == ["resumed"] * 4


def test_an_offer_that_rang_rings_anew(engine: EngineProcess, real_switch: RealSwitch) -> None:
    with (
        ua_agent(engine, real_switch, "anna") as (anna, desk_phone),
        Phone("13800000072") as phone,
    ):
        desk_phone.when = When.RING
        dialog = caller(phone, real_switch)
        anna.ready()
        wait_until(lambda: [one["activity"] for one in anna.contacts()] == ["ringing"], 30, "it rings", 0.2)
        [before] = anna.contacts()
        engine.kill()
        desk_phone.when = When.ANSWER
        engine.start()
        assert anna.talking() == before["contact"]
        anna.do(before["contact"], "hangup")
        dialog.hang_up()
        wait_until(lambda: not anna.contacts(), 30, "no work is left", 0.5)
    reconcile(engine)
