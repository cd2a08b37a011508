"""The caller hangs up: at every point a normal path, one record with one cause, nothing left behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
import pytest

from cti.core.events import LookupEnded
from cti.switch.embedded import VirtualCaller

from .platform import Platform, path, summary, uuid_of

Reach = Callable[[Platform], VirtualCaller]


def ringing(platform: Platform, flow: str) -> VirtualCaller:
    platform.phone("1001", answer_after=None)
    caller = platform.call(flow)
    platform.until(lambda: platform.switch.core.directory.phones["1001"].calls, "the phone rings")
    return caller


def before_answer(platform: Platform) -> VirtualCaller:
    return platform.call("long")


def in_first_prompt(platform: Platform) -> VirtualCaller:
    caller = platform.call("long")
    platform.heard(caller, "on and on")
    return caller


def in_lookup(platform: Platform) -> VirtualCaller:
    def slow(_deadline_s: float) -> LookupEnded:
        gevent.sleep(60)
        return LookupEnded(0, "ok")

    platform.lookups.instead = slow
    caller = platform.call("balance")
    platform.until(lambda: platform.lookups.asked, "the look-up")
    return caller


def in_menu(platform: Platform) -> VirtualCaller:
    caller = platform.call("menu")
    platform.heard(caller, "Main")
    return caller


def while_typing(platform: Platform) -> VirtualCaller:
    caller = platform.call("collect")
    platform.heard(caller, "code")
    caller.press("12")
    platform.until(lambda: platform.events(uuid_of(caller), "DTMF"), "the first key")
    return caller


def while_recording(platform: Platform) -> VirtualCaller:
    caller = platform.call("voice")
    platform.until(lambda: platform.events(uuid_of(caller), "RECORD_START"), "the recording")
    return caller


def ringing_transfer(platform: Platform) -> VirtualCaller:
    return ringing(platform, "dial")


def bridged(platform: Platform) -> VirtualCaller:
    platform.phone("1001", answer_after=0.05)
    caller = platform.call("dial")
    platform.until(lambda: platform.events(uuid_of(caller), "CHANNEL_BRIDGE"), "they talk")
    return caller


def in_queue(platform: Platform) -> VirtualCaller:
    platform.phone("1001", refuse="USER_BUSY")
    caller = platform.call("queue")
    platform.until(lambda: any(heard.kind == "tone" for heard in caller.log), "the music")
    return caller


def ringing_in_queue(platform: Platform) -> VirtualCaller:
    return ringing(platform, "queue")


def talking_in_queue(platform: Platform) -> VirtualCaller:
    platform.phone("1001", answer_after=0.05)
    caller = platform.call("queue")
    platform.until(lambda: platform.events(uuid_of(caller), "CHANNEL_BRIDGE"), "they talk")
    return caller


LONG_END = [("last", "sent"), ("gone", "end")]
POINTS: dict[str, tuple[Reach, str, list[tuple[str, str]]]] = {
    "before the answer": (before_answer, "left", [("talk", "hangup"), *LONG_END]),
    "in the first prompt": (in_first_prompt, "left", [("talk", "hangup"), *LONG_END]),
    "in a look-up": (in_lookup, "", [("hi", "next"), ("who", "hangup")]),
    "in a menu": (in_menu, "", [("hi", "next"), ("main", "hangup")]),
    "while typing": (while_typing, "", [("ask", "hangup")]),
    "while recording": (while_recording, "", [("speak", "hangup")]),
    "while a phone rings": (ringing_transfer, "", [("call", "hangup")]),
    "while bridged": (bridged, "", [("call", "hangup")]),
    "in a queue": (in_queue, "", [("agent", "hangup")]),
    "while the agent's phone rings": (ringing_in_queue, "", [("agent", "hangup")]),
    "while the agent talks": (talking_in_queue, "", [("agent", "hangup")]),
}


@pytest.mark.parametrize(("reach", "outcome", "nodes"), POINTS.values(), ids=list(POINTS))
def test_the_caller_hangs_up(platform: Platform, reach: Reach, outcome: str, nodes: list[tuple[str, str]]) -> None:
    caller = reach(platform)
    caller.hangup()
    detail = platform.over(caller)
    assert (*summary(detail), path(detail)) == ("caller_hangup", outcome, (), nodes)
    assert detail.call.hangup_cause == caller.cause
    assert all(leg.ended_at is not None for leg in detail.legs)
    assert platform.application.store.health().duplicates == 0
    platform.close()
    other = platform.call("menu")  # and the platform serves the next one, the agent's phone included
    assert summary(platform.over(other)) == ("flow_end", "quiet", ())


def test_of_two_hang_ups_at_once_the_first_one_counts(platform: Platform) -> None:
    caller = platform.call("menu")
    platform.heard(caller, "Main")
    hangups: list[Any] = []

    def both(event: Any) -> None:
        hangups.append(event)

    driver, original = platform.driver, platform.driver.hangup

    def hangup(uuid: str, cause: str) -> None:
        caller.hangup()  # the caller's hang-up is on its way to us when ours goes out
        original(uuid, cause)
        both(uuid)

    driver.hangup = hangup  # type: ignore[method-assign]
    caller.press("1")
    detail = platform.over(caller)
    assert (*summary(detail), path(detail)) == ("flow_end", "one", (), [("hi", "next"), ("main", "1"), ("one", "end")])
    assert len(hangups) == 1
    assert platform.application.store.health().duplicates == 0


def test_an_operator_ends_a_call(platform: Platform) -> None:
    caller = in_menu(platform)
    assert platform.application.engine.kill(uuid_of(caller))
    detail = platform.over(caller)
    assert (*summary(detail), path(detail)) == ("killed", "", (), [("hi", "next"), ("main", "hangup")])
    assert not platform.application.engine.kill(uuid_of(caller))
