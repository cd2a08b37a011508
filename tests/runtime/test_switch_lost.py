"""The switch, or the connection to it, goes away in the middle of calls (DESIGN 3.1, 3.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
import pytest
from gevent.event import Event as Flag

from cti.core.events import LookupEnded
from cti.runtime import actor
from cti.switch.embedded import Hear, Keys, VirtualCaller

from .platform import Platform, legs, path, summary, uuid_of, whole

Make = Callable[..., Platform]


def held_lookup(platform: Platform) -> Flag:
    """Look-ups answer `not_found` when the flag is set."""
    go = Flag()

    def wait(_deadline_s: float) -> LookupEnded:
        go.wait(10)
        return LookupEnded(0, "not_found")

    platform.lookups.instead = wait
    return go


def bridged(platform: Platform) -> VirtualCaller:
    platform.phone("1001", answer_after=0.05)
    caller = platform.call("dial")
    platform.until(lambda: platform.events(uuid_of(caller), "CHANNEL_BRIDGE"), "they talk")
    return caller


def agent_hangs_up(platform: Platform) -> None:
    for leg in platform.switch.core.directory.phones["1001"].calls:
        leg.channel.hangup("NORMAL_CLEARING")


def test_a_switch_that_crashed_and_came_back(platform: Platform) -> None:
    callers = [platform.call("long", number=f"1380000000{n}") for n in range(3)]
    callers.append(bridged(platform))
    for caller in callers[:3]:
        platform.heard(caller, "on and on")
    uuids = [uuid_of(caller) for caller in callers]
    platform.kill_switch()
    platform.new_switch()
    details = [platform.recorded(uuid) for uuid in uuids]
    assert [(summary(d)[0], d.call.error) for d in details] == [("switch_lost", "the switch restarted")] * 4
    assert path(details[0]) == [("talk", "hangup"), ("last", "sent"), ("gone", "end")]
    platform.until(lambda: platform.driver.up, "the links are up again")
    platform.application.wait_until_up(5)
    assert summary(platform.over(platform.call("menu"))) == ("flow_end", "quiet", ())
    assert platform.application.store.health().duplicates == 0


def test_a_switch_that_stays_away_is_given_up(make_platform: Make) -> None:
    platform = make_platform(guard_s=1)
    platform.driver.guard.after_s = 30  # only the engine's own patience counts here
    callers = [platform.call("long"), bridged(platform)]
    platform.heard(callers[0], "on and on")
    uuids = [uuid_of(caller) for caller in callers]
    platform.kill_switch()
    details = [platform.recorded(uuid) for uuid in uuids]
    assert [(summary(d)[0], d.call.error) for d in details] == [("switch_lost", "the switch was away for 1 s")] * 2
    assert not platform.application.engine._actors
    platform.new_switch()  # the fixture's last look wants one
    platform.until(lambda: platform.driver.up, "the links are up again")


def test_a_talk_outlives_a_switch_that_was_given_up(make_platform: Make) -> None:
    """The record says that it was lost; who waited is the switch's emergency group's, and who talks talks on."""
    platform = make_platform(guard_s=1)
    talks, waits = bridged(platform), platform.call("long", number="13800000001")
    platform.heard(waits, "on and on")
    platform.cut()
    details = [platform.recorded(uuid_of(caller)) for caller in (talks, waits)]
    assert [summary(d)[0] for d in details] == ["switch_lost"] * 2
    platform.mend()
    assert waits.channel is not None
    assert waits.channel.getvar("cti_emergency") == "true"
    talking = platform.application.engine._talking
    platform.until(lambda: uuid_of(talks) in talking, "it is found to talk")
    assert not talks.cause
    agent_hangs_up(platform)
    platform.until(lambda: talks.cause, "and that was all")
    assert summary(platform.recorded(uuid_of(talks)))[0] == "switch_lost"


def test_calls_go_on_over_a_cut_connection(platform: Platform) -> None:
    stays, leaves = platform.call("long", Hear("Main"), Keys("1")), platform.call("long", number="13800000001")
    platform.heard(stays, "on and on")
    platform.heard(leaves, "on and on")
    platform.cut()
    leaves.hangup()
    platform.until(lambda: leaves.cause, "one hangs up meanwhile")
    platform.mend()
    gone = platform.recorded(uuid_of(leaves))
    assert (*summary(gone), gone.call.error) == (
        "caller_hangup",
        "left",
        (),
        "ended while the link to the switch was down",
    )
    assert whole(platform.over(stays)) == ("flow_end", "done", (), [("talk", "next"), ("main", "1"), ("bye", "end")])
    assert platform.spoken(stays)[-1] == "Main menu."


def test_a_prompt_that_ended_while_the_link_was_down_is_not_played_twice(platform: Platform) -> None:
    caller = platform.call("menu")
    platform.heard(caller, "Hello.")
    platform.cut()
    platform.until(lambda: caller._playing == 0, "the prompt is over")
    platform.mend()
    assert summary(platform.over(caller)) == ("flow_end", "quiet", ())
    assert platform.spoken(caller) == ["Hello.", "Main menu.", "Main menu."]


def test_what_is_to_be_said_while_the_link_is_down_is_said_afterwards(platform: Platform) -> None:
    go = held_lookup(platform)
    caller = platform.call("balance")
    platform.until(lambda: platform.lookups.asked, "the look-up")
    platform.heard(caller, "Wait.")
    lane = platform.driver.legs[uuid_of(caller)].lane
    platform.until(lambda: lane.running is None, "it was said, and we know")
    platform.cut()
    go.set()
    platform.until(lambda: path_of(platform, caller)[-1] == ("unknown", "end"), "the flow has ended meanwhile")
    assert not caller.cause
    platform.mend()
    detail = platform.over(caller)
    assert (*summary(detail), caller.cause) == ("flow_end", "unknown", (), "NORMAL_CLEARING")


def path_of(platform: Platform, caller: VirtualCaller) -> list[tuple[str, str]]:
    assert platform.application.store.flush(5)
    found = platform.application.store.find_call(uuid_of(caller))
    return path(found) if found is not None and found.visits else [("", "")]


def test_a_hang_up_ordered_while_the_link_is_down_is_not_forgotten(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actor, "HANGUP_DEADLINE_S", 0.1)  # the switch cannot confirm: that is no reason to give up
    caller = platform.call("long")
    platform.heard(caller, "on and on")
    platform.cut()
    platform.application.engine.kill(uuid_of(caller))
    platform.until(lambda: platform.driver.legs[uuid_of(caller)].kill, "the hang-up is kept")
    with gevent.Timeout(0.5, False):
        Flag().wait()  # longer than the deadline of a hang-up
    assert not caller.cause
    platform.mend()
    assert summary(platform.over(caller))[0] == "killed"


def test_a_talk_goes_on_over_a_cut_connection(platform: Platform) -> None:
    caller = bridged(platform)
    platform.cut()
    platform.mend()
    assert not caller.cause
    agent_hangs_up(platform)
    detail = platform.over(caller)
    assert whole(detail) == (
        "flow_end", "talked", ("helped",), [("call", "talked"), ("survey", "next"), ("bye", "end")],
    )  # fmt: skip
    assert legs(detail) == [("caller", "NORMAL_CLEARING"), ("extension", "NORMAL_CLEARING")]


def test_a_talk_that_ended_while_the_link_was_down(platform: Platform) -> None:
    caller = bridged(platform)
    platform.cut()
    agent_hangs_up(platform)
    platform.until(lambda: caller.channel and caller.channel.parked, "the caller is parked again")
    platform.mend()
    assert summary(platform.over(caller)) == ("flow_end", "talked", ("helped",))
    assert platform.spoken(caller) == ["Was it good?"]


def test_a_call_attempt_that_ended_while_the_link_was_down(platform: Platform) -> None:
    platform.phone("1001", refuse="USER_BUSY", refuse_after=0.6)
    caller = platform.call("dial")
    platform.until(lambda: platform.switch.core.directory.phones["1001"].calls, "it rings")
    platform.cut()
    platform.until(lambda: platform.switch.core.directory.phones["1001"].calls[0].cause, "it was busy")
    platform.mend()
    assert summary(platform.over(caller)) == ("flow_end", "busy", ())


@pytest.mark.parametrize("ends_meanwhile", [True, False])
def test_a_message_is_kept_over_a_cut_connection(platform: Platform, ends_meanwhile: bool) -> None:
    caller = platform.call("voice")
    caller.speaking_s = 0.5 if ends_meanwhile else 2.5
    platform.until(lambda: platform.events(uuid_of(caller), "RECORD_START"), "the recording")
    platform.cut()
    if ends_meanwhile:
        platform.until(lambda: platform.events(uuid_of(caller), "RECORD_STOP"), "its end")
    platform.mend()
    detail = platform.over(caller)
    assert summary(detail) == ("flow_end", "silence" if ends_meanwhile else "kept", ())


def test_keys_typed_in_the_gap_are_lost_and_the_call_goes_on(platform: Platform) -> None:
    caller = platform.call("long")
    platform.heard(caller, "on and on")
    platform.cut()
    caller.press("1")
    platform.until(lambda: platform.events(uuid_of(caller), "DTMF"), "the key")
    platform.mend()
    platform.heard(caller, "Main menu.")
    caller.press("1")
    assert summary(platform.over(caller)) == ("flow_end", "done", ())


@pytest.mark.parametrize("delay_s", [n * 0.02 for n in range(8)])
def test_the_link_is_cut_anywhere_in_a_dialogue(platform: Platform, delay_s: float) -> None:
    """Every command may be the one that is lost: whichever it is, the dialogue comes to its end."""
    caller = platform.call("menu", Hear("Main"), Keys("2"), Hear("Second"), Keys("7"))
    platform.until(lambda: platform.events(uuid_of(caller), "CHANNEL_ANSWER"), "the answer")
    with gevent.Timeout(delay_s, False):
        Flag().wait()
    platform.cut()
    platform.mend()
    detail = platform.over(caller)
    assert detail.call.terminal_cause == "flow_end"
    assert detail.call.outcome in ("seven", "quiet", "wrong")
    assert platform.spoken(caller).count("Hello.") == 1


def test_calls_that_come_while_the_link_is_down_are_met_when_it_is_back(platform: Platform) -> None:
    platform.cut()
    caller = platform.call("menu")
    platform.until(lambda: platform.events(uuid_of(caller), "CHANNEL_PARK"), "it waits")
    platform.mend()
    detail = platform.over(caller)
    assert (*summary(detail), detail.call.error) == ("flow_end", "quiet", (), "")


def test_a_call_taken_to_the_emergency_extension_is_let_go(make_platform: Make) -> None:
    """The guard fires although the engine lives: it was stopped for too long, or its link was."""
    platform = make_platform()
    caller = platform.call("long")
    platform.heard(caller, "on and on")
    transfer(platform, caller)
    detail = platform.recorded(uuid_of(caller))
    assert (summary(detail)[0], detail.call.error) == (
        "engine_lost", "the switch took the call to the emergency extension",
    )  # fmt: skip
    assert not caller.cause
    platform.heard(caller, "We are sorry.")
    assert uuid_of(caller) not in platform.driver.guard._held


def transfer(platform: Platform, caller: VirtualCaller) -> Any:
    from cti.switch.embedded import session

    assert caller.channel is not None
    return session.transfer(caller.channel, "9999", "XML", "emergency")


def test_the_same_while_the_link_was_down(platform: Platform) -> None:
    caller = platform.call("long")
    platform.heard(caller, "on and on")
    platform.cut()
    transfer(platform, caller)
    platform.heard(caller, "We are sorry.")
    platform.mend()
    assert summary(platform.recorded(uuid_of(caller)))[0] == "engine_lost"
    assert not caller.cause
