"""The engine goes away in the middle of calls, and another one takes over (DESIGN 3.1)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from gevent.event import Event as Flag

from cti.runtime.durable import SnapshotUnreadable
from cti.switch.embedded import HangUp, Hear, Keys, VirtualCaller

from .engine_process import Engine, alive
from .platform import NUMBERS, Platform, legs, path, summary, uuid_of

Make = Callable[..., Platform]
GUARD_S = 3


def guards(platform: Platform, caller: VirtualCaller) -> int:
    return sum(task.group == uuid_of(caller) for task in platform.switch.core.tasks.tasks.values())


def in_prompt(platform: Platform, flow: str = "long", number: str = "13800000000") -> VirtualCaller:
    caller = platform.call(flow, number=number)
    platform.heard(caller, "on and on")
    return caller


def bridged(platform: Platform) -> VirtualCaller:
    platform.phone("1001", answer_after=0.05)
    caller = platform.call("dial")
    platform.until(lambda: platform.events(uuid_of(caller), "CHANNEL_BRIDGE"), "they talk")
    return caller


def unreadable(_body: bytes) -> NoReturn:
    raise SnapshotUnreadable("of another release")


def agent_hangs_up(platform: Platform) -> None:
    for leg in platform.switch.core.directory.phones["1001"].calls:
        leg.channel.hangup("NORMAL_CLEARING")


def test_without_an_engine_calls_go_to_people(make_platform: Make, hasty: None) -> None:
    platform = make_platform()
    assert alive(platform) == "1"
    platform.kill_engine()
    platform.until(lambda: alive(platform) == "0", "the heartbeat's own end")
    caller = platform.call("menu")
    platform.heard(caller, "We are sorry.")
    platform.until(lambda: platform.events(uuid_of(caller), "CHANNEL_BRIDGE"), "somebody of the hunt group answers")
    platform.restart_engine()
    platform.until(lambda: alive(platform) == "1", "the heartbeat")
    assert not caller.cause  # nobody takes a call out of people's hands
    assert platform.application.store.find_call(uuid_of(caller)) is None
    assert summary(platform.over(platform.call("menu"))) == ("flow_end", "quiet", ())


def test_the_heartbeat_never_falters(make_platform: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even when the next engine of the slot begins while the last one's end is still scheduled.

    No end falls due here, so no load can make a gap between two beats: what counts is that at the close of each beat,
    the first of an engine too, its own end is the only one, whichever group the dead engine used last.
    """
    monkeypatch.setattr("cti.switch.liveness.BEAT_S", 3600.0)
    monkeypatch.setattr("cti.switch.liveness.LIFE_S", 3600)
    monkeypatch.setattr("cti.switch.holding.LEASE_S", 3600.0)
    platform = make_platform()
    core = platform.switch.core
    seen: list[tuple[str, list[int]]] = []
    original = core.set_global

    def ends() -> list[int]:
        return [task.id for task in core.tasks.tasks.values() if task.group.startswith("cti_alive_0")]

    def watched(name: str, value: str) -> None:
        original(name, value)
        if name == "cti_alive_0":
            seen.append((value, ends()))

    monkeypatch.setattr(core, "set_global", watched)
    for beats in (1, 2, 1, 1, 2, 2):
        for _ in range(beats):
            platform.driver.liveness.beat(60.0)
        platform.kill_engine()
        assert len(ends()) == 1, "what the dead engine left"
        platform.restart_engine()
    assert {value for value, _ in seen} == {"1"}
    assert [len(at) for _, at in seen] == [1] * len(seen)
    assert len({at[0] for _, at in seen}) == len(seen), "an end of its own for each beat"


def test_an_engine_that_is_told_to_stop_takes_no_more_calls_and_ends_those_it_has(make_platform: Make) -> None:
    platform = make_platform(drain_s=10.0)
    caller = platform.call("menu")
    platform.heard(caller, "Hello.")
    platform.application.stop()
    assert caller.cause == "NORMAL_CLEARING"
    assert alive(platform) == "0"
    platform.restart_engine()
    assert summary(platform.recorded(uuid_of(caller))) == ("flow_end", "quiet", ())


def test_a_call_without_an_owner_is_taken_to_people(make_platform: Make, hasty: None) -> None:
    platform = make_platform(guard_s=GUARD_S)
    caller = in_prompt(platform)
    uuid = uuid_of(caller)
    platform.kill_engine()
    platform.heard(caller, "We are sorry.")
    platform.until(lambda: platform.events(uuid, "CHANNEL_BRIDGE"), "somebody answers")
    platform.restart_engine()
    detail = platform.recorded(uuid)
    assert (*summary(detail), path(detail)) == ("engine_lost", "", (), [("talk", "")])
    assert not caller.cause
    assert not platform.driver.legs


def test_as_long_as_the_engine_lives_the_guard_does_not_fire(make_platform: Make, hasty: None) -> None:
    platform = make_platform(guard_s=GUARD_S)
    callers = [in_prompt(platform, number=f"1380000000{n}") for n in range(5)]
    platform.until(
        lambda: all("Main menu." in platform.spoken(caller) for caller in callers), "well over the guard", 10
    )
    assert [guards(platform, caller) for caller in callers] == [1] * 5
    assert not any("sorry" in text for caller in callers for text in platform.spoken(caller))


def test_without_a_snapshot_the_flow_begins_again(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its visits are counted on: a second visit is another one."""
    monkeypatch.setattr(type(platform.application.store), "keep_snapshot", lambda *_: None)
    caller = platform.call("menu", Hear("Main"))
    platform.heard(caller, "Main")
    platform.kill_engine()
    monkeypatch.undo()
    platform.restart_engine()
    platform.until(lambda: platform.spoken(caller).count("Hello.") == 2, "the flow begins again")
    platform.until(lambda: platform.spoken(caller)[-1] == "Main menu.", "the menu again")
    caller.press("1")
    detail = platform.over(caller)
    assert detail.call.error == "engine-restarted: the flow began again in this call"
    assert [gap.how for gap in detail.gaps] == ["begun_again"]
    assert [(v.node, v.visit, v.exit) for v in detail.visits] == [
        ("hi", 1, "next"), ("main", 1, ""), ("hi", 2, "next"), ("main", 2, "1"), ("one", 1, "end"),
    ]  # fmt: skip


def test_another_engine_adopts_what_is_parked(platform: Platform) -> None:
    caller = platform.call("menu", Hear("Main"))
    platform.heard(caller, "Main")
    platform.kill_engine()
    mark = len(caller.log)
    platform.restart_engine()
    platform.until(lambda: "Main menu." in [heard.text for heard in caller.log[mark:]], "the menu again")
    caller.press("1")
    detail = platform.over(caller)
    assert summary(detail) == ("flow_end", "one", ())
    assert (detail.call.error, [gap.how for gap in detail.gaps]) == ("", ["resumed"])
    assert [(v.node, v.visit, v.exit) for v in detail.visits] == [
        ("hi", 1, "next"), ("main", 1, "1"), ("one", 1, "end"),
    ]  # fmt: skip
    assert legs(detail) == [("caller", "NORMAL_CLEARING")]
    assert len(platform.application.store.list_calls(limit=10)) == 1
    assert detail.call.answered_at is not None
    assert caller.channel is not None
    assert detail.call.answered_at == pytest.approx(caller.channel.profile.times.answered, abs=0.5)
    first, second = platform.events(uuid_of(caller), "PLAYBACK_START")[1:3]
    assert "Main" in str(first.get("Playback-File-Path"))
    assert "Main" in str(second.get("Playback-File-Path"))


def test_what_the_last_engine_was_playing_ends_before_the_flow_begins_again(platform: Platform) -> None:
    caller = in_prompt(platform)
    platform.kill_engine()
    platform.restart_engine()
    platform.until(lambda: len(platform.spoken(caller)) == 2, "the flow begins again")
    told = platform.events(uuid_of(caller), "PLAYBACK_START", "PLAYBACK_STOP")
    assert [e.name for e in told] == ["PLAYBACK_START", "PLAYBACK_STOP", "PLAYBACK_START"]
    assert told[1].get("Playback-Status") == "break"


def test_a_talk_outlives_the_engine_and_comes_back_to_the_next_one(platform: Platform) -> None:
    caller = bridged(platform)
    uuid = uuid_of(caller)
    platform.kill_engine()
    platform.restart_engine()
    platform.until(lambda: uuid in platform.application.engine._actors, "the talk is known")
    agent_hangs_up(platform)
    detail = platform.over(caller)
    assert summary(detail) == ("flow_end", "talked", ("helped",))
    assert [(v.node, v.visit, v.exit) for v in detail.visits] == [
        ("call", 1, "talked"), ("survey", 1, "next"), ("bye", 1, "end"),
    ]  # fmt: skip
    assert legs(detail) == [("caller", "NORMAL_CLEARING"), ("extension", "NORMAL_CLEARING")]


def test_a_talk_that_cannot_be_gone_on_with_comes_back_to_its_flow(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its snapshot is not to be read: while they talk nobody begins a flow."""
    caller = bridged(platform)
    uuid = uuid_of(caller)
    platform.kill_engine()
    monkeypatch.setattr("cti.runtime.durable.saver.load", unreadable)
    platform.restart_engine()
    platform.until(lambda: uuid in platform.application.engine._talking, "the talk is known")
    assert not platform.application.engine._actors
    platform.phone("1001", refuse="USER_BUSY")
    agent_hangs_up(platform)
    detail = platform.over(caller)
    assert summary(detail) == ("flow_end", "busy", ())
    assert [(v.node, v.visit, v.exit) for v in detail.visits] == [
        ("call", 1, ""), ("call", 2, "busy"), ("busy", 1, "end"),
    ]  # fmt: skip


def test_a_caller_who_hangs_up_in_such_a_talk_has_one_record(platform: Platform) -> None:
    caller = bridged(platform)
    platform.kill_engine()
    platform.restart_engine()
    platform.until(lambda: uuid_of(caller) in platform.application.engine._actors, "the talk is known")
    caller.hangup()
    detail = platform.over(caller)
    assert (*summary(detail), detail.call.hangup_cause) == ("caller_hangup", "", (), "NORMAL_CLEARING")
    assert detail.call.flow == "dial"


def test_what_ended_without_an_engine_is_closed(platform: Platform) -> None:
    caller = platform.call("menu")  # which does nothing after a hang-up; what others do: `test_hangup_unseen`
    platform.heard(caller, "Main")
    platform.kill_engine()
    caller.hangup()
    platform.until(lambda: caller.cause, "the end")
    platform.restart_engine()
    assert summary(platform.recorded(uuid_of(caller)))[0] == "engine_lost"


def test_a_call_that_is_over_on_record_is_only_hung_up(platform: Platform) -> None:
    caller = in_prompt(platform)
    platform.cut()
    platform.application.engine._give_up("fs")
    assert summary(platform.recorded(uuid_of(caller)))[0] == "switch_lost"
    platform.mend()
    platform.until(lambda: caller.cause, "the end")
    assert platform.spoken(caller).count("Main menu.") == 0
    assert summary(platform.recorded(uuid_of(caller)))[0] == "switch_lost"


def test_a_call_that_was_given_up_before_its_flow_was_done_is_only_hung_up(platform: Platform) -> None:
    go, engine = Flag(), platform.application.engine

    class Slow:
        once = "no"

        def send(self, recipient: str, text: str, key: str) -> bool:
            return go.wait(20.0)

    engine._services.messages._channels["sms"] = Slow()  # type: ignore[assignment]
    caller = platform.call("long")
    platform.heard(caller, "on and on")
    platform.cut()
    engine._give_up("fs")
    uuid = uuid_of(caller)
    platform.until(lambda: (actor := engine.find(uuid)) is not None and actor.ending.gone, "it does what is left")
    platform.mend()
    platform.until(lambda: caller.cause, "the end")
    assert engine.is_up(uuid), "its flow is not done yet"
    go.set()
    assert (summary(platform.recorded(uuid))[0], caller.cause) == ("switch_lost", "NORMAL_TEMPORARY_FAILURE")


def test_the_guard_is_off_during_a_talk_and_on_again_after_it(platform: Platform) -> None:
    platform.phone("1001", answer_after=0.3)
    caller = platform.call("dial")
    platform.until(lambda: platform.events(uuid_of(caller), "CHANNEL_PARK"), "it is parked")
    platform.until(lambda: guards(platform, caller) == 0, "the guard is taken back")
    platform.until(lambda: platform.events(uuid_of(caller), "CHANNEL_BRIDGE"), "they talk")
    assert guards(platform, caller) == 0
    agent_hangs_up(platform)
    platform.heard(caller, "Was it good?")
    assert guards(platform, caller) == 1
    platform.over(caller)


def test_two_engines_share_a_switch_and_leave_each_others_calls_alone(platform: Platform, tmp_path: Path) -> None:
    """Another worker's call is neither adopted nor closed."""
    caller = in_prompt(platform)
    assert caller.channel is not None
    platform.kill_engine()
    caller.channel.setvar("presence_data", "3")
    platform.restart_engine()
    assert summary(platform.over(platform.call("menu", number="13800000001"))) == ("flow_end", "quiet", ())
    assert uuid_of(caller) not in platform.driver.legs
    found = platform.application.store.find_call(uuid_of(caller))
    assert found is not None
    assert found.call.ended_at is None
    caller.hangup()


def test_an_engine_process_is_killed_and_the_next_one_goes_on(platform: Platform) -> None:
    """The same with kill -9 on a process of its own, in the middle of a dialogue."""
    platform.kill_engine()
    platform.settings()
    with Engine(platform) as engine:
        caller = platform.call("10086", Hear("Main"))
        platform.heard(caller, "Main")
        platform.until(lambda: engine.on_record() == 1, "it is on record")
        engine.kill()
    with Engine(platform):
        platform.until(lambda: platform.spoken(caller).count("Main menu.") == 2, "the menu is heard again")
        caller.script = (*caller.script, Keys("1"), HangUp())
        platform.until(lambda: platform.spoken(caller)[-1] == "Main menu.", "the menu")
        caller.press("1")
        platform.until(lambda: caller.cause, "the end")
    platform.restart_engine()
    detail = platform.recorded(uuid_of(caller))
    assert summary(detail) == ("flow_end", "one", ())
    assert [(v.node, v.visit) for v in detail.visits] == [("hi", 1), ("main", 1), ("one", 1)]


def test_an_engine_that_was_killed_before_it_could_write_has_a_record_all_the_same(
    make_platform: Make, hasty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = make_platform(guard_s=GUARD_S)
    monkeypatch.setattr(type(platform.application.store), "record", lambda *_: None)  # killed before it was written
    caller = in_prompt(platform)
    platform.kill_engine()
    monkeypatch.undo()
    monkeypatch.setattr("cti.switch.liveness.BEAT_S", 0.3)
    platform.heard(caller, "We are sorry.")
    platform.restart_engine()
    detail = platform.recorded(uuid_of(caller))
    assert (summary(detail)[0], detail.call.caller, detail.call.called) == (
        "engine_lost",
        "138****0000",
        NUMBERS["long"],
    )
    platform.kill_engine()
    platform.restart_engine()
    assert len(platform.application.store.list_calls(limit=5)) == 1
    assert not caller.cause
