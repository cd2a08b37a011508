"""Callbacks on the embedded switch: promised, kept, dialled, and every way in which nobody is reached."""

from __future__ import annotations

from typing import Any

import pytest

from cti.acd import inputs as i
from cti.acd import outputs as o
from cti.acd.states import ContactState, Outcome
from cti.core.callbacks import Callback, CallbackState
from cti.core.commands import RequestCallback
from cti.switch.embedded import VirtualCaller
from cti.switch.embedded.phones import PhoneBehaviour, VirtualPhone

from .platform import Platform, legs, summary, uuid_of
from .test_floor import Floor

NUMBER = "8613800000001"


class Recall:
    """A floor with anna on 1001, and a person behind a trunk."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.floor = Floor(platform)
        self.store = platform.application.accounts.store.callbacks
        self.phone = VirtualPhone(NUMBER, PhoneBehaviour(answer_after=0.05))
        platform.switch.core.directory.outside[NUMBER] = self.phone

    def behave(self, **how: Any) -> None:
        self.phone.behaviour = PhoneBehaviour(**({"answer_after": 0.05} | how))

    def ask(self, *, busy: bool = True) -> VirtualCaller:
        """Somebody waits for anna, who is not ready, presses 1 and is promised a callback."""
        self.floor.sign_in("anna", "1001")
        if busy:
            self.floor.parts.lines.set_not_ready("anna", "break")
        caller = self.platform.call("wanted", number=NUMBER)
        self.platform.until(lambda: self.floor.state(uuid_of(caller)), "the caller waits")
        caller.press("1")
        return caller

    def promised(self) -> VirtualCaller:
        caller = self.ask()
        assert summary(self.platform.over(caller))[1] == "done"
        self.until(CallbackState.QUEUED)
        return caller

    def all(self) -> list[Callback]:
        return self.store.list(limit=10)

    def until(self, state: CallbackState) -> Callback:
        def there() -> Callback | None:
            return next((one for one in self.all() if one.state is state), None)

        found: Callback = self.platform.until(there, f"{state}; {self.all()}")
        return found


@pytest.fixture
def recall(platform: Platform) -> Recall:
    return Recall(platform)


def test_an_agent_calls_back_in_the_place_of_the_caller_who_is_counted_once(recall: Recall) -> None:
    caller = recall.promised()
    recall.floor.parts.lines.set_ready("anna")
    one = recall.until(CallbackState.REACHED)
    assert (one.attempts, one.agent, one.call_id) == (1, "anna", uuid_of(caller))
    contact = one.called_as
    assert recall.floor.state(contact) is ContactState.TALKING
    heard = recall.platform.switch.core.directory.phones["1001"].calls[-1].log
    assert [sound.text for sound in heard if sound.kind == "say"] == ["A callback.", "The bill is wrong."]
    recall.floor.desk.hang_up("anna", contact)
    assert recall.floor.state(contact) is ContactState.WORK
    detail = recall.platform.recorded(contact)
    assert (detail.call.entry, summary(detail)) == (f"callback {one.callback_id}", ("flow_end", "talked", ()))
    assert [role for role, _ in legs(detail)] == ["caller", "agent"]
    assert detail.call.answered_at is not None
    ended = recall.floor.kinds(o.EntryEnded)
    assert [(end.medium, end.outcome, end.counted) for end in ended] == [
        ("voice", Outcome.CALLBACK, True),
        ("callback", Outcome.ANSWERED, False),
    ]


def test_the_place_is_kept_while_a_subflow_asks(recall: Recall) -> None:
    """As in the shipped hotline: the key of the queue leads to a flow that asks when and on which number."""
    recall.floor.sign_in("anna", "1001")
    recall.floor.parts.lines.set_not_ready("anna", "break")
    caller = recall.platform.call("wanted_below", number=NUMBER)
    recall.platform.until(lambda: recall.floor.state(uuid_of(caller)), "the caller waits")
    later = recall.platform.call("desk", number="13800000009")
    recall.platform.until(lambda: recall.floor.state(uuid_of(later)), "somebody waits behind")
    caller.press("1")
    recall.platform.heard(caller, "To be called press 1.")
    caller.press("1")
    recall.platform.over(caller)
    recall.until(CallbackState.QUEUED)
    recall.floor.parts.lines.set_ready("anna")
    one = recall.until(CallbackState.REACHED)
    assert recall.floor.state(uuid_of(later)) is ContactState.QUEUED
    ended = recall.floor.kinds(o.EntryEnded)
    assert [(end.medium, end.outcome, end.counted) for end in ended] == [
        ("voice", Outcome.CALLBACK, True),
        ("callback", Outcome.ANSWERED, False),
    ]
    recall.floor.desk.hang_up("anna", one.called_as)
    later.hangup()
    recall.platform.over(later)


def test_who_declines_in_the_subflow_has_left(recall: Recall) -> None:
    recall.floor.sign_in("anna", "1001")
    recall.floor.parts.lines.set_not_ready("anna", "break")
    caller = recall.platform.call("wanted_below", number=NUMBER)
    recall.platform.until(lambda: recall.floor.state(uuid_of(caller)), "the caller waits")
    caller.press("1")
    recall.platform.heard(caller, "To be called press 1.")
    caller.press("2")
    assert summary(recall.platform.over(caller))[1] == "declined"
    recall.floor.until(lambda: recall.floor.kinds(o.EntryEnded), "the entry ends")
    [end] = recall.floor.kinds(o.EntryEnded)
    assert (end.outcome, end.counted, recall.all()) == (Outcome.FLOW_OUT, True, [])


def test_the_place_is_before_those_who_came_later(recall: Recall) -> None:
    recall.promised()
    later = recall.platform.call("desk", number="13800000009")
    recall.platform.until(lambda: recall.floor.state(uuid_of(later)), "somebody waits behind it")
    recall.floor.parts.lines.set_ready("anna")
    one = recall.until(CallbackState.REACHED)
    assert recall.floor.state(uuid_of(later)) is ContactState.QUEUED
    recall.floor.desk.hang_up("anna", one.called_as)
    later.hangup()
    recall.platform.over(later)


def test_the_person_may_hang_up(recall: Recall) -> None:
    recall.behave(hangup_after=0.3)
    recall.promised()
    recall.floor.parts.lines.set_ready("anna")
    one = recall.until(CallbackState.REACHED)
    detail = recall.platform.recorded(one.called_as)
    assert summary(detail)[:2] == ("caller_hangup", "talked")
    recall.floor.until(lambda: recall.floor.state(one.called_as) is ContactState.WORK, "the work after it")


@pytest.mark.parametrize(
    ("how", "last", "cause"),
    [({"refuse": "USER_BUSY"}, "busy", "USER_BUSY"), ({"refuse": "NO_ANSWER"}, "no_answer", "NO_ANSWER")],
)
def test_who_is_not_reached_is_tried_again_and_then_no_more(recall: Recall, how: Any, last: str, cause: str) -> None:
    recall.behave(**how)
    recall.promised()
    recall.floor.parts.lines.set_ready("anna")
    one = recall.until(CallbackState.FAILED)
    assert (one.attempts, one.last, len(recall.phone.calls)) == (2, last, 2)
    detail = recall.platform.recorded(one.called_as)
    assert (summary(detail)[1], detail.call.hangup_cause) == ("not_reached", cause)
    assert recall.floor.presence("anna")[0] == "READY"
    recall.floor.until(lambda: not recall.platform.switch.core.channels, "no leg is left")


def test_one_who_is_reached_the_second_time(recall: Recall) -> None:
    recall.behave(refuse="USER_BUSY")
    recall.promised()
    recall.floor.parts.lines.set_ready("anna")
    recall.platform.until(lambda: recall.phone.calls, "the first attempt")
    recall.behave()
    one = recall.until(CallbackState.REACHED)
    assert one.attempts == 2
    recall.floor.desk.hang_up("anna", one.called_as)


def test_a_promise_outlives_the_engine(recall: Recall) -> None:
    recall.promised()
    recall.platform.kill_engine()
    recall.platform.restart_engine()
    fresh = Recall(recall.platform)
    fresh.floor.sign_in("anna", "1001")
    one = fresh.until(CallbackState.REACHED)
    assert one.counted
    assert [end.counted for end in fresh.floor.kinds(o.EntryEnded)] == [False]
    fresh.floor.desk.hang_up("anna", one.called_as)


def test_one_who_was_called_back_into_a_flow_is_gone_on_with(recall: Recall) -> None:
    platform = recall.platform
    wish = RequestCallback(1, NUMBER, "event:works", None, flow="long")
    assert platform.application.callbacks.register("c-1", wish) == "accepted"
    recall.store.raise_event("works", 1.0)
    platform.application.callbacks.poke()

    def heard() -> int:
        return sum("on and on" in sound.text for leg in recall.phone.calls for sound in leg.log if sound.kind == "say")

    platform.until(lambda: heard() == 1, "the flow speaks")
    uuid = recall.phone.calls[-1].channel.uuid
    platform.until(lambda: platform.application.durable._store.find_snapshots("cti/0"), "it is kept")
    platform.kill_engine()
    platform.restart_engine()
    platform.until(lambda: heard() == 2, "the flow goes on")
    recall.phone.calls[-1].channel.hangup("NORMAL_CLEARING")
    detail = platform.recorded(uuid)
    assert (summary(detail)[0], detail.call.flow) == ("caller_hangup", "long")
    assert [gap.how for gap in detail.gaps] == ["resumed"]
    assert [(visit.node, visit.visit) for visit in detail.visits] == [("talk", 1), ("last", 1), ("gone", 1)]


def test_a_number_that_may_not_be_dialled_is_invalid(recall: Recall) -> None:
    wish = RequestCallback(1, "4400123456", "now", "desk")
    assert recall.platform.application.callbacks.register("c-1", wish) == "invalid"
    wish = RequestCallback(1, NUMBER, "now", "nowhere")
    assert recall.platform.application.callbacks.register("c-1", wish) == "declined"
    assert recall.all() == []


def test_the_same_number_waits_once(recall: Recall) -> None:
    desk = recall.platform.application.callbacks
    later = "2099-01-01T10:00+08:00"
    assert desk.register("c-1", RequestCallback(1, NUMBER, later, "desk")) == "accepted"
    assert desk.register("c-2", RequestCallback(1, f"+{NUMBER}", "event:works", "second")) == "accepted"
    [one] = recall.all()
    assert (one.queue, one.event, one.due_at, one.call_id) == ("second", "works", None, "c-2")


def test_one_who_waits_for_an_event_is_met_by_a_flow(recall: Recall) -> None:
    desk = recall.platform.application.callbacks
    assert desk.register("c-1", RequestCallback(1, NUMBER, "event:works", None, flow="mended_now")) == "accepted"
    assert recall.all()[0].state is CallbackState.WAITING
    assert recall.store.raise_event("works", 1.0) == 1
    desk.poke()
    one = recall.until(CallbackState.REACHED)
    detail = recall.platform.recorded(one.called_as)
    assert (detail.call.flow, detail.call.entry) == ("mended_now", f"callback {one.callback_id}")
    assert detail.call.answered_at is not None
    assert summary(detail) == ("flow_end", "told", ("told",))
    assert [sound.text for sound in recall.phone.calls[-1].log if sound.kind == "say"] == ["It works again."]


def test_what_is_cancelled_is_not_called(recall: Recall) -> None:
    from tests.api.site import DEED

    recall.promised()
    [one] = recall.all()
    recall.store.cancel(one.callback_id, DEED)
    recall.platform.application.callbacks.poke()
    recall.platform.until(lambda: not recall.floor.parts.owner.acd.floor.cases, "no contact waits")
    recall.floor.parts.lines.set_ready("anna")
    assert recall.phone.calls == []
    assert recall.all()[0].state is CallbackState.CANCELLED


def test_one_who_calls_in_and_talks_needs_no_callback(recall: Recall) -> None:
    recall.promised()
    again = recall.platform.call("desk", number=NUMBER)
    recall.platform.until(lambda: recall.floor.state(uuid_of(again)), "the same person waits")
    recall.floor.parts.owner.tell(i.Reprioritise(uuid_of(again), 1000))
    recall.floor.parts.lines.set_ready("anna")
    recall.floor.until(lambda: recall.floor.state(uuid_of(again)) is ContactState.TALKING, "they talk")
    assert recall.until(CallbackState.CANCELLED).last == "called in"
    again.hangup()
    recall.platform.over(again)
