"""Fixtures of the real-switch half, beside those of tests/conftest.py.

Without a `freeswitch` (or SIPp) these tests are skipped, and the run says so.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from .esl import Tap
from .switch import NO_SIPP, RealSwitch


@pytest.fixture(scope="session")
def sipp() -> Path:
    found = shutil.which("sipp")
    if found is None:
        pytest.skip(NO_SIPP)
    return Path(found)


@pytest.fixture
def tap(real_switch: RealSwitch) -> Iterator[Tap]:
    """Events of this test only; afterwards no worker lives and no call is left."""
    with real_switch.tap() as running:
        yield running
        for slot in range(4):
            running.api(f"global_setvar cti_alive_{slot}=0")
        running.api("hupall")
