"""A worker slot has one holder, who says nothing when the lease is over."""

from __future__ import annotations

import pytest

from cti.switch.holding import LEASE_S, Claim, Fence, Holder, SlotHeld


class Switch:
    """Its global variables."""

    def __init__(self, **variables: str) -> None:
        self.variables = variables

    def ask(self, command: str, argument: str) -> str:
        if command == "global_getvar":
            return self.variables.get(argument, "")
        name, _, value = argument.partition("=")
        self.variables[name] = value
        return "+OK"


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
    switch, lost = Switch(**variables), list[str]()
    claim = Claim("2", Holder("me", frozenset(before), lost.append))
    if takes:
        claim.take(switch.ask)
        assert switch.variables["cti_holder_2"] == "me"
    else:
        with pytest.raises(SlotHeld, match="worker slot 2 is held by other"):
            claim.take(switch.ask)
        assert switch.variables == variables
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
