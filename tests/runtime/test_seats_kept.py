"""Agents stay where they sat when their engine is replaced; who talks gets no other call before the end of the talk."""

from __future__ import annotations

import orjson
import pytest

from cti.acd.states import ContactState, Presence
from cti.core.legs import Phone
from cti.core.people import AgentProfile
from cti.store.agents import Agents

from .platform import Platform, summary
from .test_floor import Floor

PEOPLE = {name: AgentProfile(name, f"u-{name}", name.title(), "north") for name in ("anna", "bert", "cleo")}


def kept(platform: Platform) -> list[tuple[str, str, str]]:
    """Agent, presence, reason, as the next engine finds them."""
    store = platform.application.store
    assert store.wait_snapshots(30.0)
    found = [one.body for one in store.find_snapshots("cti/0") if one.call_id.startswith("floor:")]
    rows = orjson.loads(found[0])["seats"] if found else []
    return sorted((row["agent"], row["presence"], row["reason"]) for row in rows)


def sit(platform: Platform, agent: str, extension: str) -> None:
    platform.phone(extension, answer_after=0.05)
    platform.application.floor.seats.sign_in(PEOPLE[agent], Phone(f"user/{extension}"), f"session-{agent}")


def replaced(platform: Platform) -> Floor:
    """Another engine, which the one before has left everything to."""
    platform.application._handing_over = True
    platform.kill_engine()
    platform.restart_engine()
    return Floor(platform)


def test_who_sits_where_outlives_the_engine(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Agents, "find", lambda _self, agent: PEOPLE.get(agent))
    floor = Floor(platform)
    for agent, extension in (("anna", "1004"), ("bert", "1005"), ("cleo", "1006")):
        sit(platform, agent, extension)
    floor.parts.lines.set_ready("anna")
    floor.parts.lines.set_not_ready("bert", "break")
    caller = floor.talk("desk")
    wanted = [("anna", "READY", ""), ("bert", "NOT_READY", "break"), ("cleo", "NOT_READY", "sign_in")]
    platform.until(lambda: kept(platform) == wanted, "it is kept")
    store, uuid = platform.application.store, caller.channel.uuid  # type: ignore[union-attr]
    talking = b'"agent":"anna"'
    platform.until(
        lambda: any(one.call_id == uuid and talking in one.body for one in store.find_snapshots("cti/0")),
        "the talk, too",
    )

    floor = replaced(platform)
    assert {agent: floor.presence(agent) for agent in PEOPLE} == {
        "anna": (Presence.READY, ""),  # and in her talk
        "bert": (Presence.NOT_READY, "break"),
        "cleo": (Presence.NOT_READY, "sign_in"),
    }
    floor.parts.seats.require("anna", "session-anna")
    platform.until(lambda: kept(platform) == wanted, "she is ready for the next engine, too")
    assert not caller.cause, "the talk is untouched"
    [leg] = [leg for leg in platform.switch.core.directory.phones["1004"].calls if leg.channel.up()]
    leg.channel.hangup("NORMAL_CLEARING")
    detail = platform.over(caller)
    assert (summary(detail), [gap.how for gap in detail.gaps]) == (("flow_end", "talked", ("helped",)), ["resumed"])
    floor.until(lambda: floor.state(uuid) in (ContactState.WORK, None), "the work after it")
    if floor.state(uuid) is not None:
        floor.desk.finish_work("anna", uuid)
    floor.until(lambda: floor.presence("anna") == (Presence.READY, ""), "ready again")
    again = floor.talk("desk")
    floor.desk.hang_up("anna", again.channel.uuid)  # type: ignore[union-attr]
    platform.over(again)


def test_an_orderly_end_signs_everybody_out(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Agents, "find", lambda _self, agent: PEOPLE.get(agent))
    sit(platform, "anna", "1004")
    platform.until(lambda: kept(platform) != [], "it is kept")
    platform.kill_engine()
    platform.restart_engine()
    assert not platform.application.floor.seats.signed_in("anna")


UNREADABLE = (
    b"{",
    b'{"format": 2, "seats": [{}]}',
    b'{"format": 1, "seats": [{"agent": "anna", "phone": null}]}',
    b'{"format": 1, "seats": [{"agent": "anna", "phone": ["nothing", "none"], "via": "s", "presence": "READY"}]}',
    b'{"format": 1, "seats": [{"agent": "gone", "phone": ["user/1004", "none"], "via": "s"}]}',
)


def test_what_cannot_be_read_leaves_them_to_sign_in(platform: Platform) -> None:
    seats_kept = platform.application.floor.seats_kept
    assert [seats_kept.restore(body, PEOPLE.get, ()) for body in UNREADABLE] == [0] * len(UNREADABLE)
    assert not platform.application.floor.seats.signed_in("anna")
