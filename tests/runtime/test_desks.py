"""Notices that people set and numbers that are blocked, in calls; the end of a notice calls who waited for it."""

from __future__ import annotations

from time import time

from cti.core.access import SYSTEM, Deed
from cti.core.callbacks import CallbackState
from cti.core.commands import RequestCallback

from .platform import Platform, summary
from .test_callbacks import NUMBER, Recall


def test_a_notice_holds_from_the_next_call_on_until_its_end(platform: Platform) -> None:
    notices, deed = platform.application.set_notices, Deed(SYSTEM, time())
    say = {"say": {"en-US": "The network is down."}, "services": ["broadband"]}
    notices.put("water", say, deed)
    caller = platform.call("news")
    platform.over(caller)
    assert platform.spoken(caller) == ["Works tonight.", "The network is down."]
    notices.end("water", deed)
    later = platform.call("news")
    platform.over(later)
    assert platform.spoken(later) == ["Works tonight."]
    [total] = [one for one in platform.application.store.count_notices() if one.notice == "water"]
    assert (total.heard, total.heard_whole) == (1, 1)


def test_whoever_waits_for_the_end_of_a_notice_is_called(platform: Platform) -> None:
    recall, application, deed = Recall(platform), platform.application, Deed(SYSTEM, time())
    application.set_notices.put("water", {"say": {"en-US": "Down."}}, deed)
    wish = RequestCallback(1, NUMBER, "event:water", None, flow="mended_now")
    assert application.callbacks.register("c-1", wish) == "accepted"
    assert recall.all()[0].due_at is None
    application.set_notices.end("water", deed)
    one = recall.until(CallbackState.REACHED)
    assert summary(platform.recorded(one.called_as))[1] == "told"
    assert application.callbacks.register("c-2", wish) == "accepted"  # it is over: at once
    platform.until(lambda: len(recall.phone.calls) == 2, "called at once")
    recall.platform.until(lambda: not platform.switch.core.channels, "it is over")


def test_a_blocked_number_is_refused_and_recorded(platform: Platform) -> None:
    blocked, store, deed = (
        platform.application.blocked,
        platform.application.accounts.store.blocked,
        Deed(SYSTEM, time()),
    )
    one = store.block("+8613800000007", "threats", None, deed)
    blocked.look()
    caller = platform.call("desk", number="13800000007")
    detail = platform.over(caller)
    assert (summary(detail)[0], detail.call.entry, detail.call.flow) == ("rejected", "blocked", "busy")
    store.lift(one.blocked_id, deed)
    blocked.look()
    again = platform.call("news", number="13800000007")
    assert summary(platform.over(again))[0] == "flow_end"
