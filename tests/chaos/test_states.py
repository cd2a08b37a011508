"""Each kind of call under each failure, as docs/failover.md tells it: the same words, or better."""

from __future__ import annotations

import random

import pytest

from scripts.faults.faults import DatabaseLocked, EngineStopped, Fault, LinkCut, OfficeKilled, SwitchKilled, all_faults
from scripts.faults.house import House
from scripts.faults.rounds import Round
from scripts.faults.verdict import GOES_ON, KINDS, Row, Seen, judge

from .states import COLUMNS, ROWS, cells, marks, missing

PATIENT_S, UNTRIED = 60.0, "not tried"


def shorter(fault: Fault, hold_s: float) -> Fault:
    fault.hold_s = hold_s
    return fault


ALWAYS = [shorter(LinkCut(), 0.3), shorter(DatabaseLocked(), 1.0), shorter(OfficeKilled(), 1.0), SwitchKilled()]
#: What needs an engine to start, or to be stopped for longer than its lease.
NIGHTLY = [
    *(one for one in all_faults() if one.name in ("engine-killed", "engine-killed-standby")),
    EngineStopped(),
]


def broken(running: House, fault: Fault) -> tuple[Seen, Row]:
    chance = random.Random(f"{fault.name}")  # callers of their own: each may order once
    seen = Round(running, fault, chance, {}, owner_s=PATIENT_S).run()
    return seen, judge(fault.name, fault.expected, [seen])


@pytest.mark.parametrize(
    "fault",
    [
        *(pytest.param(one, id=one.name) for one in ALWAYS),
        *(pytest.param(one, id=one.name, marks=pytest.mark.nightly) for one in NIGHTLY),
    ],
)
def test_every_kind_of_call_meets_what_the_table_says(small: House, fault: Fault) -> None:
    table = cells()
    told = {kind: table[ROWS[kind], COLUMNS[fault.name]][0] for kind in KINDS}
    seen, row = broken(small, fault)
    found = {call.kind: call.fate for call in seen.calls}
    assert {kind: fate for kind, fate in found.items() if fate not in (told[kind], GOES_ON)} == {}
    named_losses = [told for told in row.broken if "call lost" not in told]
    assert named_losses == []


def test_each_cell_names_a_test_that_there_is() -> None:
    table, known = cells(), marks()
    assert {row for row, _ in table} == set(ROWS.values())
    assert {column for _, column in table} == set(COLUMNS.values())
    assert sorted({mark for what, mark in table.values() if what != UNTRIED} - known.keys()) == []
    assert [found for name in known.values() if (found := missing(name))] == []
    assert missing("tests/chaos/test_states.py::test_of_nothing") == "tests/chaos/test_states.py::test_of_nothing"
    assert {what for what, _ in table.values()} <= {GOES_ON, "lost", "fails", "goes on without a contact", UNTRIED}
