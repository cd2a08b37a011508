"""Waiting for something that nobody announces, with a deadline."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

import gevent

STEP_S = 0.02
RUNNING_STEP_S = 1.0


def wait_until(true: Callable[[], bool], timeout_s: float) -> bool:
    """Ask again every 20 ms until ``true()``; False when it was not so before the deadline."""
    deadline = monotonic() + timeout_s
    while not true():
        if monotonic() >= deadline:
            return False
        gevent.sleep(STEP_S)
    return True


def sleep_running(seconds: float) -> None:
    """So long this process runs: counted in steps, so that a time in which it was stopped (SIGSTOP, a frozen machine)
    counts as one of them."""
    while seconds > 0:
        gevent.sleep(min(RUNNING_STEP_S, seconds))
        seconds -= RUNNING_STEP_S
