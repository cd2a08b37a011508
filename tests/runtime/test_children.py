"""The engine's own child programs: an engine beside a switch has a real-time priority, its children do not keep it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from time import monotonic

import pytest

from cti.prompts import render_child
from cti.runtime.reload import process

CHILDREN = {
    "reload": (sys.executable, "-P", "-c", process._CHILD, *sys.path),
    "prompts": (sys.executable, "-I", render_child.__file__),
}


def in_real_time() -> None:
    os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


@pytest.mark.parametrize("name", CHILDREN)
def test_a_child_gives_the_priority_back(name: str) -> None:
    try:
        child = subprocess.Popen(CHILDREN[name], stdin=subprocess.PIPE, preexec_fn=in_real_time)
    except subprocess.SubprocessError:
        pytest.skip("a real-time priority needs the right to take one: run the tests as root")
    try:
        until = monotonic() + 30.0
        while os.sched_getscheduler(child.pid) != os.SCHED_OTHER:
            assert child.poll() is None
            assert monotonic() < until, "it keeps it"
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(0.02)
    finally:
        child.kill()
        child.communicate()
