"""An engine with agents who have contacts, which is killed and followed by another one."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import orjson
import pytest

from cti.core.legs import Phone
from cti.core.people import AgentProfile
from cti.runtime.floor.talk import Stage
from cti.store.agents import Agents
from cti.switch.embedded import VirtualCaller

from .platform import Platform, summary
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
        assert not self.parts.talks_back.endings.agents()


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


def agent_hangs_up(kept: Kept, _caller: VirtualCaller) -> None:
    kept.platform.switch.core.channels[kept.legs("anna")[0]].hangup("NORMAL_CLEARING")
