"""A worker slot has one holder, who says nothing when the lease is over."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import gevent
import pytest

from cti.switch.holding import LEASE_S, LIVING, Claim, Fence, Holder, SlotHeld
from cti.switch.succession import Succession


class Switch:
    """Its global variables, and tasks. ``between``: done before the next commands, one each."""

    def __init__(self, **variables: str) -> None:
        self.variables, self.ends = variables, dict[str, str]()
        self.between: list[Callable[[], object]] = []

    def ask(self, command: str, *words: str) -> str:
        if self.between:
            self.between.pop(0)()
        if command == "global_getvar":
            return self.variables.get(words[0], "")
        if command == "global_setvar":
            name, value, *expected = words[0].split("=")
            if not expected or self.variables.get(name) == expected[0]:
                self.variables[name] = value
        elif command == "sched_api":
            self.ends[words[1]] = words[3]
        else:
            self.ends.pop(words[0], None)
        return "+OK"

    def wait(self) -> None:
        """Until all that was scheduled is done."""
        for end in self.ends.values():
            self.ask("global_setvar", end)
        self.ends.clear()


def test_a_lease_holds_from_the_moment_at_which_the_renewal_was_sent() -> None:
    at = [100.0]
    fence = Fence(lambda: at[0])
    fence.armed = True
    at[0] += LEASE_S
    assert not fence.over
    sent = fence.now()
    at[0] += 2.0
    assert fence.over
    fence.renewed(sent)  # its answer has come
    assert not fence.over
    at[0] = sent + LEASE_S + 0.01
    assert fence.over
    fence.renewed(sent - 1.0)  # an answer that was late changes nothing
    assert fence.over


def test_what_the_switch_owes_is_counted_from_the_first_heartbeat_that_it_did_not_answer() -> None:
    at = [100.0]
    fence = Fence(lambda: at[0])
    at[0] += 60.0  # nothing was sent: our own lateness
    assert fence.unanswered_s == 0.0
    fence.asked(fence.now())
    at[0] += 1.0
    fence.asked(fence.now())
    at[0] += 1.0
    assert fence.unanswered_s == 2.0
    fence.renewed(161.0)
    assert fence.unanswered_s == 0.0


def test_who_has_no_slot_has_no_fence() -> None:
    at = [100.0]
    fence = Fence(lambda: at[0])
    at[0] += 1e6
    assert not fence.over


@pytest.mark.parametrize(
    ("variables", "before", "takes"),
    [
        ({}, (), True),
        ({"cti_holder_2": "me"}, (), True),
        ({"cti_holder_2": "-ERR no reply\n", "cti_alive_2": "1"}, (), True),
        ({"cti_holder_2": "other", "cti_alive_2": "1"}, (), False),
        ({"cti_holder_2": "other", "cti_alive_2": "0"}, (), True),
        ({"cti_holder_2": "other"}, (), True),
        ({"cti_holder_2": "mine.1", "cti_alive_2": "1"}, ("mine.0", "mine.1"), True),
        ({"cti_holder_2": "other", "cti_alive_2": "1"}, ("mine.1",), False),
        ({"cti_holder_1": "other", "cti_alive_1": "1"}, (), True),
    ],
)
def test_a_slot_is_taken_where_nobody_lives(variables: dict[str, str], before: tuple[str, ...], takes: bool) -> None:
    switch, lost, given = Switch(**variables), list[str](), dict(variables)
    claim = Claim("2", Holder("me", frozenset(before), lost.append))
    if takes:
        claim.take(switch.ask)
        assert switch.variables["cti_holder_2"] == "me"
        assert switch.variables["cti_alive_2"] in LIVING
        switch.wait()
        assert switch.variables["cti_alive_2"] == "0", "it ends by itself"
    else:
        with pytest.raises(SlotHeld, match="worker slot 2 is held by other"):
            claim.take(switch.ask)
        assert switch.variables == given
    assert lost == []


def test_one_who_had_it_is_told_once_that_it_is_another_s() -> None:
    lost: list[str] = []
    switch = Switch()
    claim = Claim("0", Holder("me", lost=lost.append))
    claim.seen("other")  # before it was ours
    claim.take(switch.ask)
    claim.seen("me")
    assert lost == []
    for _ in range(2):
        claim.seen("other")
    assert lost == ["other"]
    switch.variables |= {"cti_holder_0": "other", "cti_alive_0": "1"}
    with pytest.raises(SlotHeld):
        claim.take(switch.ask)
    assert lost == ["other"]


def test_one_that_was_stopped_does_not_take_its_slot_back_before_the_next_holder_beats() -> None:
    """The next one has claimed it, and is at what it finds on the switch: that takes seconds."""
    switch, lost = Switch(cti_holder_0="stopped", cti_alive_0="0"), list[str]()
    stopped, following = Claim("0", Holder("stopped", lost=lost.append)), Claim("0", Holder("next"))
    stopped._had = True
    following.take(switch.ask)
    with pytest.raises(SlotHeld, match="held by next"):
        stopped.take(switch.ask)
    assert (switch.variables["cti_holder_0"], lost) == ("next", ["next"])


@pytest.mark.parametrize("alive", ["0", "1"])
@pytest.mark.parametrize("at", range(12))
def test_of_two_that_claim_at_once_not_both_have_it(at: int, alive: str) -> None:
    """The other one claims it whole between any two commands of the first. The slot was that one's, and dies."""
    switch = Switch(cti_holder_0="first", cti_alive_0=alive)
    claims = {name: Claim("0", Holder(name)) for name in ("first", "other")}
    has: list[str] = []

    def take(name: str) -> None:
        try:
            claims[name].take(switch.ask)
        except SlotHeld:
            return
        has.append(name)

    def other() -> None:
        if not switch.ends:  # what was scheduled before the first one looked, is due
            switch.variables["cti_alive_0"] = "0"
        take("other")

    switch.between = [lambda: None] * at + [other]
    take("first")
    assert len(has) <= 1
    if has:
        assert switch.variables["cti_holder_0"] == has[0]
        assert switch.variables["cti_alive_0"] in LIVING
    else:
        switch.wait()
        take("other")
        assert has == ["other"], "nobody has it for long"


@pytest.mark.parametrize("at", range(12))
@pytest.mark.parametrize("how_far", range(12))
def test_of_two_whose_commands_mix_not_both_have_it(at: int, how_far: int) -> None:
    """The first stands still before its command ``at``; the other one comes, and stands still before ``how_far``."""
    switch = Switch(cti_holder_0="dead", cti_alive_0="0")
    has = list[str]()

    def claim(name: str, stands_at: int) -> gevent.Greenlet[..., None]:
        count = iter(range(100))

        def ask(command: str, *words: str) -> str:
            if next(count) == stands_at:
                gevent.sleep(0)
            return switch.ask(command, *words)

        def take() -> None:
            try:
                Claim("0", Holder(name)).take(ask)
            except SlotHeld:
                return
            has.append(name)

        return gevent.spawn(take)

    gevent.joinall([claim("first", at), claim("other", how_far)])
    assert len(has) <= 1
    assert all(switch.variables["cti_holder_0"] == name for name in has)


class Driver:
    """As much of one as `Succession` asks of it."""

    name = "fs"

    def __init__(self, switch: Switch) -> None:
        self.links = SimpleNamespace(submit_api=self._submit, settings=SimpleNamespace(reply_timeout_s=1.0))
        self._switch = switch

    def _submit(self, command: str, *words: str) -> Any:
        answer = SimpleNamespace(reply=self._switch.ask(command, *words))
        return SimpleNamespace(wait=lambda _timeout_s: answer)


@pytest.mark.parametrize("at", range(10))
def test_a_survivor_and_the_one_that_goes_on_do_not_both_have_the_slot(at: int) -> None:
    switch, has = Switch(cti_holder_0="dead", cti_alive_0="0"), list[str]()

    def goes_on() -> None:
        try:
            Claim("0", Holder("dead")).take(switch.ask)
        except SlotHeld:
            return
        has.append("dead")

    switch.between = [lambda: None] * at + [goes_on]
    survivor: Any = Succession(Driver(switch), "survivor")  # type: ignore[arg-type]
    if survivor._seize(0, "dead"):
        has.append("survivor")
    if switch.between:
        goes_on()
    assert [switch.variables["cti_holder_0"]] == has
