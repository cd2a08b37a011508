"""What counts as lost, as named, as broken; and the table."""

from __future__ import annotations

import json

import pytest

from scripts.faults.faults import SwitchKilled, all_faults
from scripts.faults.rounds import ONE_EACH, shares
from scripts.faults.run import chosen, parsed
from scripts.faults.verdict import (
    ALL_LOST,
    BRIDGED,
    CALLS,
    KINDS,
    MENU,
    Call,
    Expected,
    Row,
    Seen,
    as_json,
    judge,
    skipped,
    table,
)

ZERO = Expected()
GOOD = Call("a", MENU)
TALK = Call("b", BRIDGED)


def row(*calls: Call, expected: Expected = ZERO, **more: object) -> Row:
    return judge("x", expected, [Seen(calls, **{"recovered_s": 1.0, **more})])  # type: ignore[arg-type]


def test_nothing_lost_is_nothing_broken() -> None:
    found = row(GOOD, TALK, writes={"k": 1, "l": 1}, grown={"threads": 0, "descriptors": -3})
    assert (found.failed, found.broken, found.up, dict(found.lost), found.named) == (False, (), 2, {}, 0)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (Call("a", MENU, ("switch_lost",), gone=True), "menu call lost (switch_lost)"),
        (Call("a", MENU, (), gone=True), "menu call lost (no record)"),
        (Call("a", MENU, ()), "1 x menu call without a record"),
        (Call("a", MENU, ("caller_hangup", "engine_lost")), "1 x menu call with several records"),
        (Call("a", BRIDGED, cut=True), "1 x talk interrupted"),
        (Call("a", MENU, served=False), "1 x menu call not served within its time"),
        (Call("a", MENU, begun_again=True), "1 x menu call: flow begins again"),
    ],
)
def test_each_invariant_of_a_call_is_found_and_named(call: Call, told: str) -> None:
    found = row(TALK, call)
    assert found.failed
    assert told in found.broken


def test_what_is_no_call_s_own_is_found_and_named() -> None:
    found = row(GOOD, recovered_s=None, left=("u",), writes={"k": 2, "l": 1}, grown={"threads": 2, "descriptors": 0})
    assert found.broken == (
        "1 writes executed more than once", "not recovered", "1 channels without an owner", "2 more threads",
    )  # fmt: skip


def test_a_loss_that_is_physical_is_named_only_by_its_own_cause() -> None:
    named = [Call(kind, kind, ("switch_lost",), gone=True) for kind in CALLS]
    found = row(*named, expected=ALL_LOST)
    assert (found.failed, sum(found.lost.values()), found.named) == (False, len(CALLS), len(CALLS))
    other = row(*named[1:], Call("a", MENU, ("system_error",), gone=True), expected=ALL_LOST)
    assert (other.broken, other.named) == (("menu call lost (system_error)",), len(CALLS) - 1)
    assert row(Call("a", MENU, (), gone=True), expected=ALL_LOST).named == 0


def test_what_stood_elsewhere_is_no_loss_that_may_be() -> None:
    here, elsewhere = (Call(one, MENU, ("switch_lost",), gone=True, hit=one == "here") for one in ("here", "elsewhere"))
    found = row(here, elsewhere, expected=ALL_LOST)
    assert (found.broken, found.named) == (("menu call lost (switch_lost)",), 1)


def test_only_the_death_of_the_switch_may_lose_anything() -> None:
    assert [fault.name for fault in all_faults(long=True) if not fault.expected.zero_loss] == [SwitchKilled.name]


def test_the_table_has_a_line_for_each_fault() -> None:
    lost = Call("a", MENU, ("switch_lost",), gone=True)
    seen = [Seen((lost,), 2.0, newcomer="refused"), Seen((lost, GOOD), None, newcomer="refused"), Seen((GOOD,), 4.0)]
    rows = [judge("dead", ALL_LOST, seen), skipped("full", "no disk"), judge("fine", ZERO, [Seen((GOOD,), 0.25)])]
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table(rows).splitlines()]
    assert lines[2:] == [
        ["dead", "3", "4", "2: 2 menu; 2 named", "2.0 / 3.0 / 4.0 s, 1 never", "2 refused", "not recovered"],
        ["full", "0", "-", "-", "-", "-", "skipped: no disk"],
        ["fine", "1", "1", "0", "0.2 s", "-", "hold"],
    ]
    assert len({len(line) for line in table(rows).splitlines()}) == 1
    assert [json.loads(json.dumps(as_json(one)))["failed"] for one in rows] == [True, False, False]


def test_names_of_faults_are_unique_and_known() -> None:
    faults = all_faults(long=True)
    assert len({fault.name for fault in faults}) == len(faults)
    assert [fault.name for fault in chosen(["link-cut"], faults)] == ["link-cut"]
    assert chosen(None, faults) == faults
    with pytest.raises(SystemExit, match="no fault flood; there are: none, engine-killed"):
        chosen(["flood"], faults)
    assert parsed(["--fault", "a", "--fault", "b"]).fault == ["a", "b"]


@pytest.mark.parametrize("calls", [1, 5, 50, 200])
def test_every_kind_of_caller_is_there(calls: int) -> None:
    found = shares(calls)
    assert set(found) == set(KINDS)
    assert min(found.values()) >= 1
    assert found[MENU] >= 2
    assert sum(found.values()) == max(calls, 5) + len(ONE_EACH)
