"""Seeds of the simulation: what is wrong after each is nothing, and a seed run again is the same run.

They are run by a process of their own: virtual time and chance are put in place before anything of cti is imported.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .totals import EXPECTED

#: Seeds from, to. A process loads the program for all of its seeds, which takes as long as two or three of them do.
WIDE = [(1, 200)]
NARROW = [(1, 6)]
#: Seeds at a time: one more than there are processors, as they are waited for in their order. The tests of a file run
#: one after the other: with a seed at a time they were what the whole run waited for.
JOBS = str((os.cpu_count() or 1) + 1)
LONG_S = 1200  # less than four minutes where nothing else runs on two processors
NIGHTLY = [(first, first + 499) for first in range(1001, 11001, 500)]


def _simulate(seeds: str, *options: str, hashes: str = "0") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.simulation", seeds, *options]
    return subprocess.run(
        command, env=os.environ | {"PYTHONHASHSEED": hashes}, capture_output=True, text=True, timeout=7200, check=False
    )


def _hold(first: int, last: int, *options: str) -> list[str]:
    """What was told after the seeds: how often what was looked at."""
    ran = _simulate(f"{first}-{last}", "--jobs", JOBS, *options)
    seeds, totals = (lines := ran.stdout.splitlines())[: last - first + 1], lines[last - first + 1 :]
    wrong = [line for line in seeds if not line.startswith("seed ")]
    assert (ran.returncode, wrong) == (0, []), ran.stdout + ran.stderr
    return totals


@pytest.mark.timeout(LONG_S)
@pytest.mark.parametrize(("first", "last"), WIDE)
def test_nothing_is_wrong_after_any_seed_and_all_was_looked_at(first: int, last: int, tmp_path: Path) -> None:
    assert len(_hold(first, last, "--wide", "--counts", str(tmp_path))) == len(EXPECTED)


def test_what_was_never_looked_at_is_wrong(tmp_path: Path) -> None:
    """In a single seed without faults."""
    ran = _simulate("3", "--wide", "--calls", "3", "--no-faults", "--counts", str(tmp_path))
    assert ran.returncode == 1
    assert "never in this run: fault: engine killed" in ran.stdout.splitlines()
    assert "never in this run: looked at: places over an engine's end" in ran.stdout.splitlines()
    assert "never in this run: looked at: records" not in ran.stdout.splitlines()


@pytest.mark.timeout(LONG_S)
@pytest.mark.parametrize(("first", "last"), NARROW)
def test_nothing_is_wrong_after_any_seed_of_all_kinds_of_nodes(first: int, last: int) -> None:
    _hold(first, last)


@pytest.mark.parametrize("options", [pytest.param((), marks=pytest.mark.nightly), ("--wide",)], ids=["narrow", "wide"])
def test_a_seed_is_the_same_run_in_every_process(options: tuple[str, ...]) -> None:
    asked = "7", *options, "--calls", "15", "--trace"
    first, second = (_simulate(*asked, hashes=hashes).stdout for hashes in ("1", "2"))
    assert len(first.splitlines()) > 500
    assert first == second


@pytest.mark.nightly
@pytest.mark.parametrize(("first", "last"), NIGHTLY)
def test_nothing_is_wrong_after_any_larger_seed(first: int, last: int) -> None:
    _hold(first, last, "--wide", "--calls", "100")
