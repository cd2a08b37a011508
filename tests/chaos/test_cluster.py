"""`scripts/chaos --cluster` in small, on embedded switches."""

from __future__ import annotations

import random
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.faults.cluster import ClusterPlatform, cluster
from scripts.faults.cluster_faults import OneSwitchKilled, cluster_faults
from scripts.faults.faults import Fault
from scripts.faults.house import Plan
from scripts.faults.processes import postgresql, uninterrupted
from scripts.faults.rounds import Round
from scripts.faults.run import chosen, parsed
from scripts.faults.verdict import MENU, Row, judge

from .test_faults import Thief

PATIENT_S = 60.0  # for a loaded machine


def test_names_are_unique_and_only_the_death_of_a_switch_may_lose_anything() -> None:
    faults = cluster_faults()
    assert len({fault.name for fault in faults}) == len(faults)
    assert [fault.name for fault in faults if not fault.expected.zero_loss] == ["switch-killed"]
    assert chosen(["worker-drained"], faults) == [faults[6]]
    assert parsed(["--cluster"]).cluster


def test_an_interruption_waits_until_all_is_ended() -> None:
    ended = []

    def end() -> None:
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            ended.append("all")

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored in what it starts
    try:
        with pytest.raises(KeyboardInterrupt):
            end()
    finally:
        signal.signal(signal.SIGINT, before)
    assert ended == ["all"]


@pytest.fixture(scope="module")
def running() -> Iterator[ClusterPlatform]:
    if postgresql() is None:
        pytest.skip("the cluster did not run: no initdb found (apt-get install postgresql)")
    # A folder of its own: PostgreSQL's user must come through.
    with tempfile.TemporaryDirectory(prefix="cti-chaos-", ignore_cleanup_errors=True) as folder:
        with cluster(Path(folder), Plan(calls=12, switch="embedded", disk=False, cluster=True)) as found:
            yield found
            pids = [program.pid for program in found.cluster.programs.values()]
        assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def row_of(running: ClusterPlatform, fault: Fault) -> Row:
    tamper = fault.steal if isinstance(fault, Thief) else None
    chance = random.Random(f"cluster {fault.name} {type(fault).__name__}")  # each caller may order once
    seen = Round(running, fault, chance, {}, tamper, owner_s=PATIENT_S).run()
    assert running.whole()
    return judge(fault.name, fault.expected, [seen])


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_only_what_was_on_the_switch_that_died_is_lost_and_all_of_it_is_named(running: ClusterPlatform) -> None:
    row = row_of(running, OneSwitchKilled())
    assert row.broken == ()
    assert 0 < sum(row.lost.values()) == row.named < row.up
    assert dict(row.newcomers) == {"served": 1}


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_a_call_that_was_lost_in_a_cluster_is_found(running: ClusterPlatform) -> None:
    row = row_of(running, Thief(MENU))
    assert (dict(row.lost), row.named, row.failed) == ({MENU: 1}, 0, True)
