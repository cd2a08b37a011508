"""Seeds of the simulation: what is wrong after each is nothing, and a seed run again is the same run.

Each seed is a process of its own: virtual time and chance are put in place before anything of cti is imported.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SEEDS = range(1, 4)
NIGHTLY = range(100, 300)


def _simulate(seed: int, *options: str, hashes: str = "0") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.simulation", str(seed), *options]
    return subprocess.run(
        command, env=os.environ | {"PYTHONHASHSEED": hashes}, capture_output=True, text=True, timeout=600, check=False
    )


def _holds(seed: int, *options: str) -> None:
    ran = _simulate(seed, *options)
    assert (ran.returncode, ran.stdout.splitlines()[1:]) == (0, []), ran.stdout + ran.stderr


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_wrong_after_a_seed(seed: int) -> None:
    _holds(seed)


def test_a_seed_is_the_same_run_in_every_process() -> None:
    first, second = (_simulate(7, "--calls", "15", "--trace", hashes=hashes).stdout for hashes in ("1", "2"))
    assert len(first.splitlines()) > 500
    assert first == second


@pytest.mark.nightly
@pytest.mark.parametrize("seed", NIGHTLY)
def test_nothing_is_wrong_after_a_larger_seed(seed: int) -> None:
    _holds(seed, "--calls", "200")
