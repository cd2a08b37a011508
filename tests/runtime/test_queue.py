"""Waiting for an agent: the line, the agent's phone, the talk, and every way out."""

from __future__ import annotations

import pytest
from gevent.event import Event as Flag

from cti.switch.embedded import VirtualCaller

from .platform import Platform, legs, path, summary, uuid_of, whole


def waiting(platform: Platform) -> int:
    return platform.application.engine._services.queues.waiting()["service"]


def rings(platform: Platform) -> int:
    return len(platform.switch.core.directory.phones["1001"].calls)


def hear_music(platform: Platform, caller: VirtualCaller) -> None:
    platform.until(lambda: any(heard.kind == "tone" for heard in caller.log), "the music")


def test_an_agent_answers_talks_and_hangs_up(platform: Platform) -> None:
    platform.phone("1001", answer_after=0.1, hangup_after=0.3)
    caller = platform.call("queue")
    detail = platform.over(caller)
    nodes = [("agent", "talked"), ("survey", "next"), ("bye", "end")]
    assert whole(detail) == ("flow_end", "talked", ("helped",), nodes)
    assert legs(detail) == [("caller", "NORMAL_CLEARING"), ("agent", "NORMAL_CLEARING")]
    assert platform.spoken(caller) == ["Was it good?"]


@pytest.mark.parametrize("phone", [{"refuse": "USER_BUSY"}, {"answer_after": None}], ids=["busy", "not answered"])
def test_a_caller_keeps_the_place_when_the_phone_is_not_taken(platform: Platform, phone: dict[str, object]) -> None:
    platform.phone("1001", **phone)
    first, second = platform.call("queue"), platform.call("queue", number="13800000001")
    platform.until(lambda: waiting(platform) == 2, "both wait")
    platform.until(lambda: rings(platform) == 2, "it is tried again")
    for leg in platform.switch.core.directory.phones["1001"].calls:
        assert leg.channel.variables["sip_h_X-CTI-Contact"] == uuid_of(first)
    platform.phone("1001", answer_after=0.05, hangup_after=0.6)
    details = [platform.over(caller) for caller in (first, second)]
    assert [summary(detail) for detail in details] == [("flow_end", "talked", ("helped",))] * 2
    assert details[0].legs[1].added_at < details[1].legs[1].added_at


def test_one_who_leaves_while_a_phone_rests_does_not_stop_the_line(platform: Platform) -> None:
    """The rest belongs to the phone, not to the caller who met it."""
    platform.phone("1001", refuse="USER_BUSY")
    first, second = platform.call("queue"), platform.call("queue", number="13800000001")
    platform.until(lambda: waiting(platform) == 2 and rings(platform), "the phone was busy")
    platform.phone("1001", answer_after=0.05, hangup_after=0.6)
    first.hangup()
    assert summary(platform.over(second)) == ("flow_end", "talked", ("helped",))
    assert summary(platform.over(first)) == ("caller_hangup", "", ())


def test_music_goes_on_and_announcements_interrupt_it(platform: Platform) -> None:
    platform.phone("1001", refuse="USER_BUSY")
    caller = platform.call("queue")
    platform.until(lambda: platform.spoken(caller), "an announcement")
    mark = len(caller.log)
    platform.until(lambda: any(heard.kind == "tone" for heard in caller.log[mark:]), "the music again")
    starts = [heard.at for heard in caller.log]
    ends = [heard.at + heard.duration_s for heard in caller.log[:-1]]
    assert all(end <= start + 0.005 for end, start in zip(ends, starts[1:], strict=True))  # never two at once
    nested = platform.events(uuid_of(caller), "PLAYBACK_START", "PLAYBACK_STOP")
    assert [e.name for e in nested] == [("PLAYBACK_START", "PLAYBACK_STOP")[i % 2] for i in range(len(nested))]


def test_the_longest_wait(platform: Platform) -> None:
    platform.phone("1001", refuse="USER_BUSY")
    detail = platform.over(platform.call("impatient"))
    assert whole(detail) == ("flow_end", "late", (), [("agent", "timeout"), ("late", "end")])


def test_a_full_line(platform: Platform) -> None:
    platform.phone("1001", refuse="USER_BUSY")
    for number in ("13800000001", "13800000002"):
        platform.call("queue", number=number)
    platform.until(lambda: waiting(platform) == 2, "the line is full")
    detail = platform.over(platform.call("queue"))
    assert whole(detail) == ("flow_end", "full", (), [("agent", "full"), ("full", "end")])


def test_a_talk_takes_no_place_in_the_line(platform: Platform) -> None:
    platform.phone("1001", answer_after=0.05)
    talking = platform.call("queue")
    platform.until(lambda: platform.events(uuid_of(talking), "CHANNEL_BRIDGE"), "they talk")
    others = [platform.call("queue", number=f"1380000000{number}") for number in (1, 2)]
    for position, caller in enumerate(others, 1):
        platform.heard(caller, f"Place {position}.")
    assert waiting(platform) == 2


def test_nobody_serves_the_queue(platform: Platform) -> None:
    detail = platform.over(platform.call("deserted"))
    assert whole(detail) == ("flow_end", "nobody", (), [("agent", "no_agents"), ("nobody", "end")])


def test_a_key_leads_out_of_the_line(platform: Platform) -> None:
    platform.phone("1001", refuse="USER_BUSY")
    caller = platform.call("queue")
    hear_music(platform, caller)
    caller.press("1")
    detail = platform.over(caller)
    assert (*summary(detail), path(detail)) == (
        "flow_end", "left", (), [("agent", "1"), ("out", "next"), ("gone", "end")],
    )  # fmt: skip
    assert platform.spoken(caller) == ["You left the line."]


def test_a_key_typed_while_the_phone_rings_leads_out(platform: Platform) -> None:
    platform.phone("1001", answer_after=None)
    caller = platform.call("queue")
    platform.until(lambda: rings(platform), "the phone rings")
    caller.press("1")
    detail = platform.over(caller)
    assert path(detail) == [("agent", "1"), ("out", "next"), ("gone", "end")]
    platform.phone("1001", answer_after=0.05, hangup_after=0.6)
    other = platform.call("queue")  # the agent is free again
    assert summary(platform.over(other)) == ("flow_end", "talked", ("helped",))


def test_a_flow_that_leaves_the_line_stops_the_ringing(platform: Platform) -> None:
    platform.phone("1001", answer_after=None)
    caller = platform.call("queue")
    platform.until(lambda: rings(platform), "the phone rings")
    caller.press("1")
    detail = platform.over(caller)
    assert path(detail) == [("agent", "1"), ("out", "next"), ("gone", "end")]
    assert [leg.cause for leg in platform.switch.core.directory.phones["1001"].calls] == ["ORIGINATOR_CANCEL"]
    assert platform.application.engine._services.queues.idle()


def test_no_phone_rings_for_one_who_is_gone_though_the_flow_goes_on(platform: Platform) -> None:
    go = Flag()

    class SlowChannel:
        once = "no"

        def send(self, recipient: str, text: str, key: str) -> bool:
            return bool(go.wait(10))

    platform.application.engine._services.messages._channels["sms"] = SlowChannel()
    platform.phone("1001", refuse="USER_BUSY")
    caller = platform.call("farewell")
    hear_music(platform, caller)
    before = rings(platform)
    caller.hangup()
    platform.until(lambda: platform.actor(caller).ending.gone, "the hang-up is known")
    assert platform.application.engine._services.queues.idle()
    go.set()
    detail = platform.over(caller)
    assert path(detail) == [("agent", "hangup"), ("last", "sent"), ("gone", "end")]
    assert rings(platform) == before
