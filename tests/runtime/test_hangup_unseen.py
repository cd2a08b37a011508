"""A caller hangs up and no record says so, because the engine dies: `on.hangup` is done by the next one, once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cti.switch.embedded import VirtualCaller

from .platform import Platform, path, summary, uuid_of
from .textkit import Sent

UNSEEN = "engine-restarted: the caller hung up while no engine was there"
LEFT = [("last", "sent"), ("gone", "end")]


def channel(platform: Platform) -> Sent:
    """What the engine's messages go to from now on."""
    platform.application.engine._services.messages._channels["sms"] = found = Sent("here")
    return found


def next_engine(platform: Platform) -> Sent:
    made: list[Sent] = []
    platform.restart_engine(lambda: made.append(channel(platform)))
    return made[0]


def in_the_menu(platform: Platform) -> VirtualCaller:
    """Of a flow that has an `on.hangup`, and that is on disk."""
    caller = platform.call("long", number="13800000007")
    platform.heard(caller, "Main menu.")
    kept(platform, caller)
    return caller


def kept(platform: Platform, caller: VirtualCaller) -> None:
    saver = platform.actor(caller)._saver
    platform.until(lambda: not saver.changed, "it is given to the store")
    assert saver.on_disk()


def after_the_death(platform: Platform, caller: VirtualCaller) -> None:
    platform.kill_engine()
    caller.hangup()


def before_the_death(platform: Platform, caller: VirtualCaller) -> None:
    """The switch has told it, and the engine dies before it comes to it."""
    actor = platform.actor(caller)
    actor._handle = lambda message: None  # type: ignore[method-assign]
    caller.hangup()
    platform.until(lambda: platform.events(uuid_of(caller), "CHANNEL_HANGUP"), "it was told")
    platform.kill_engine()


@pytest.mark.parametrize("hangs_up", [after_the_death, before_the_death])
def test_the_next_engine_does_what_the_flow_does_after_it(
    platform: Platform, hangs_up: Callable[[Platform, VirtualCaller], None]
) -> None:
    first, caller = channel(platform), in_the_menu(platform)
    hangs_up(platform, caller)
    second = next_engine(platform)
    detail = platform.recorded(uuid_of(caller))
    assert (first.keys, second.keys) == ([], [f"{uuid_of(caller)}/long.last.1"])
    assert (*summary(detail), path(detail)[-3:]) == ("caller_hangup", "left", (), [("main", "hangup"), *LEFT])
    assert (detail.call.caller, detail.call.error) == ("138****0007", UNSEEN)
    assert [gap.how for gap in detail.gaps] == ["resumed"]
    platform.kill_engine()
    assert next_engine(platform).keys == [], "it is done once"


def test_a_timer_that_was_due_in_the_gap_does_not_end_the_flow_before(platform: Platform) -> None:
    channel(platform)
    caller = in_the_menu(platform)
    actor = platform.actor(caller)
    limit = actor._run.limit_ref
    assert limit is not None
    actor._timers.start(limit, actor._services.clock.monotonic() + 0.2)
    actor._saver.changed = True
    actor._saver.save(actor._at, lambda _call: None)
    after_the_death(platform, caller)
    platform.until(lambda: actor._services.clock.monotonic() > actor._timers.heap[0][0], "it is due")
    second = next_engine(platform)
    assert (*summary(platform.recorded(uuid_of(caller))), len(second.keys)) == ("caller_hangup", "left", (), 1)


def test_who_waited_for_an_agent_has_left(platform: Platform) -> None:
    channel(platform)
    caller = platform.call("farewell")
    platform.until(lambda: any(heard.kind == "tone" for heard in caller.log), "the music")
    kept(platform, caller)
    after_the_death(platform, caller)
    second = next_engine(platform)
    detail = platform.recorded(uuid_of(caller))
    assert second.keys == [f"{uuid_of(caller)}/farewell.last.1"]
    assert (summary(detail)[0], path(detail)) == ("caller_hangup", [("agent", "hangup"), *LEFT])


def silent(platform: Platform) -> list[str]:
    """The engine's hang-ups do not reach the switch. Those that it has asked for."""
    asked: list[str] = []
    platform.driver.hangup = lambda uuid, _cause: asked.append(uuid)  # type: ignore[method-assign,misc]
    return asked


@pytest.mark.parametrize("up", [True, False])
def test_a_flow_that_had_ended_by_itself_begins_nothing(platform: Platform, up: bool) -> None:
    first, caller = channel(platform), in_the_menu(platform)
    asked = silent(platform)
    caller.press("1")
    platform.until(lambda: asked, "the flow has ended")
    platform.kill_engine()
    if not up:
        caller.hangup()
    heard = len(platform.spoken(caller))
    second = next_engine(platform)
    detail = platform.recorded(uuid_of(caller))
    assert (first.keys, second.keys) == ([], [])
    assert (*summary(detail), path(detail)[-1]) == ("flow_end", "done", (), ("bye", "end"))
    assert (len(platform.spoken(caller)), detail.call.error) == (heard, "")


def test_the_end_of_a_flow_is_on_disk_before_the_caller_can_see_it(platform: Platform) -> None:
    caller = in_the_menu(platform)
    saver, order = platform.actor(caller)._saver, list[str]()
    on_disk, hangup = saver.on_disk, platform.driver.hangup
    saver.on_disk = lambda: order.append("kept") or on_disk()  # type: ignore[method-assign,func-returns-value]
    platform.driver.hangup = lambda *how: order.append("hung up") or hangup(*how)  # type: ignore[method-assign,func-returns-value]
    caller.press("1")
    assert summary(platform.over(caller))[0] == "flow_end"
    assert order == ["kept", "hung up"]
