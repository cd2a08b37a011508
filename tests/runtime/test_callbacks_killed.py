"""The engine is killed while somebody who was called back talks: the talk goes on, and nobody is called again."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import Any

import pytest

from cti.core.callbacks import Callback, CallbackState
from cti.core.commands import RequestCallback
from cti.runtime.floor.callback_attempts import CallbackAttempts
from cti.runtime.floor.talk import CONNECTED, Stage
from cti.runtime.floor.talks_kept import TalksKept
from cti.switch.embedded.phones import PhoneBehaviour, VirtualPhone

from .engine_process import ROOT, Engine
from .keptkit import NUMBER, Kept, kept
from .platform import Platform

__all__ = ["kept"]  # the fixture


@pytest.mark.parametrize("told", ["all", "the talk", "the offer"])
def test_a_talk_with_somebody_called_back_goes_on(kept: Kept, monkeypatch: pytest.MonkeyPatch, told: str) -> None:
    """``told``: what had been written when the engine died."""
    written, save = told == "all", TalksKept.save

    def only_offers(self: TalksKept) -> None:
        if not any(talk.stage in CONNECTED for talk in self._talks._by_contact.values()):
            save(self)

    if told == "the offer":
        monkeypatch.setattr(TalksKept, "save", only_offers)
    platform = kept.platform
    person = VirtualPhone(NUMBER, PhoneBehaviour(answer_after=0.05))
    platform.switch.core.directory.outside[NUMBER] = person
    real = CallbackAttempts._ended
    if not written:  # the engine dies before that
        monkeypatch.setattr(CallbackAttempts, "_ended", lambda *_: None)

    assert platform.application.callbacks.register("c-1", RequestCallback(1, NUMBER, "now", "desk")) == "accepted"
    platform.until(
        lambda: first(platform).called_as and kept.stage(first(platform).called_as) is Stage.TALKING, "they talk"
    )
    contact = first(platform).called_as
    if written:
        platform.until(lambda: first(platform).state is CallbackState.REACHED, "it is on record")
    assert first(platform).state is (CallbackState.REACHED if written else CallbackState.CALLING)

    def mended() -> None:
        monkeypatch.setattr(CallbackAttempts, "_ended", real)
        monkeypatch.setattr(TalksKept, "save", save)

    kept.killed(mended)
    kept.until(lambda: kept.stage(contact) is Stage.TALKING, "the talk is there again")
    platform.until(lambda: first(platform).state is CallbackState.REACHED, f"it is done: {first(platform)}")
    assert (first(platform).agent, first(platform).attempts, first(platform).called_as) == ("anna", 1, contact)
    kept.parts.desk.hang_up("anna", contact)
    desk = platform.application.callbacks
    desk.poke()
    platform.until(lambda: not desk._poked, "it has looked")
    assert ([call.channel.uuid for call in person.calls], desk._book.open) == ([contact], {})
    assert entries(platform) == [(contact, 1, "answered")]


def test_one_who_talks_with_a_flow_is_not_called_again(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    platform, person = kept.platform, VirtualPhone(NUMBER, PhoneBehaviour(answer_after=0.05))
    platform.switch.core.directory.outside[NUMBER] = person
    real = CallbackAttempts._ended
    monkeypatch.setattr(CallbackAttempts, "_ended", lambda *_: None)
    wish = RequestCallback(1, NUMBER, "now", None, flow="long")
    assert platform.application.callbacks.register("c-1", wish) == "accepted"
    platform.until(lambda: any("on and on" in heard.text for leg in person.calls for heard in leg.log), "it speaks")
    assert first(platform).state is CallbackState.CALLING
    kept.killed(lambda: monkeypatch.setattr(CallbackAttempts, "_ended", real))
    platform.until(lambda: first(platform).state is CallbackState.REACHED, "it is known that they talk")
    assert (len(person.calls), first(platform).attempts) == (1, 1)
    person.calls[0].channel.hangup("NORMAL_CLEARING")


def test_an_attempt_of_which_nothing_is_left_counts_as_one(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cti.runtime.floor.left_attempts.KNOWN_S", 0.5)
    platform, person = kept.platform, VirtualPhone(NUMBER, PhoneBehaviour(answer_after=None))
    platform.switch.core.directory.outside[NUMBER] = person
    assert platform.application.callbacks.register("c-1", RequestCallback(1, NUMBER, "now", "desk")) == "accepted"
    platform.until(lambda: person.calls and first(platform).state is CallbackState.CALLING, "it rings")
    kept.killed(lambda: person.calls[0].channel.hangup("NO_ANSWER"))
    person.behaviour = PhoneBehaviour(answer_after=0.05)
    kept.parts.lines.set_ready("anna")
    one = platform.until(lambda: first(platform) if first(platform).state is CallbackState.REACHED else None, "again")
    assert (one.attempts, len(person.calls)) == (2, 2)
    kept.parts.desk.hang_up("anna", one.called_as)


def test_a_real_engine_is_killed(platform: Platform) -> None:
    person = VirtualPhone(NUMBER, PhoneBehaviour(answer_after=0.05))
    platform.switch.core.directory.outside[NUMBER] = person
    platform.phone("1001", answer_after=0.05)
    wish = RequestCallback(1, NUMBER, "event:go", "service")
    assert platform.application.callbacks.register("c-1", wish) == "accepted"
    platform.kill_engine()
    with Engine(platform) as engine:
        command = [sys.executable, "-m", "cti", "callback", "raise", "go", "--config", str(engine.config)]
        assert subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60).returncode == 0
        states = "select state, called_as, attempts from callbacks"
        platform.until(lambda: rows(platform, states)[0][0] == "reached", "they talk")
        engine.kill()
    [call] = person.calls
    contact = call.channel.uuid
    with Engine(platform) as engine:
        platform.until(lambda: f"leg='{contact}', state='bridged'" in engine.told(), "it has looked for it")
        assert (call.channel.up(), call.channel.getvar("bridge_to") is not None) == (True, True)
        for leg in platform.switch.core.directory.phones["1001"].calls:
            leg.channel.hangup("NORMAL_CLEARING")
        handled = "select contact, ended_by from contacts_handled"
        platform.until(lambda: rows(platform, handled), "it is handled")
        assert rows(platform, handled) == [(contact, "agent")]
        platform.until(lambda: not call.channel.up(), "whom the agent has left is let go")
    assert rows(platform, states) == [("reached", contact, 1)]
    assert (len(person.calls), entries(platform)) == (1, [(contact, 1, "answered")])


def first(platform: Platform) -> Callback:
    return platform.application.accounts.store.callbacks.list(limit=5)[0]


def rows(platform: Platform, query: str) -> list[Any]:
    with closing(sqlite3.connect(platform.folder / "data" / "cti.db")) as database:
        return database.execute(query).fetchall()


def entries(platform: Platform) -> list[Any]:
    return rows(platform, "select contact, counted, outcome from queue_entries")
