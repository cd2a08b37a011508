"""Fixtures of the real-switch half. Without a `freeswitch` (or SIPp) these tests are skipped, and the run says so."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from .esl import Tap
from .switch import MISSING, NO_SIPP, RealSwitch, find_binary, settings_for_test
from .trunk import FakeCarrier


@pytest.fixture(scope="session")
def freeswitch_binary() -> Path:
    binary = find_binary()
    if binary is None:
        pytest.skip(MISSING)
    return binary


@pytest.fixture(scope="session")
def sipp() -> Path:
    found = shutil.which("sipp")
    if found is None:
        pytest.skip(NO_SIPP)
    return Path(found)


@pytest.fixture(scope="session")
def carrier() -> Iterator[FakeCarrier]:
    """A registrar and far side for an outbound trunk."""
    with FakeCarrier(user="861012345678", password="a \"b\" <c> $${d} & 'e'") as running:
        yield running


@pytest.fixture(scope="session")
def real_switch(
    freeswitch_binary: Path, carrier: FakeCarrier, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealSwitch]:
    """One switch for the whole run; tests leave it without calls."""
    settings = settings_for_test(trunks=carrier.as_yaml("telecom"))
    switch = RealSwitch(freeswitch_binary, tmp_path_factory.mktemp("switch"), settings)
    switch.start()
    yield switch
    switch.stop()


@pytest.fixture
def tap(real_switch: RealSwitch) -> Iterator[Tap]:
    """Events of this test only; afterwards no worker lives and no call is left."""
    with real_switch.tap() as running:
        yield running
        for slot in range(4):
            running.api(f"global_setvar cti_alive_{slot}=0")
        running.api("hupall")
