"""For all tests: their order, what is said of the real-switch half when it did not run, the real switch of a worker."""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from .real.switch import RealSwitch
    from .real.trunk import FakeCarrier


# How long an example takes is the machine's business: no test is timed.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


# Thousands of tests and all that they import stay for good. To look for cycles among them takes a third of the time of
# loading, and again and again a part of that of the tests.
gc.disable()

#: Whole engines and processes first: a worker that began one of their files last would be waited for.
LONGEST_FIRST = (
    "real/test_",
    "simulation/",
    "runtime/",
    "cli/",
    "store/",
    "flow/test_run_properties",
    "flow/test_expl",
    "switch/",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--nightly", action="store_true", help="also the long runs, marked nightly")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The same order in every worker; a file's tests stay as they are."""
    items.sort(key=lambda item: _rank(item.nodeid))
    if not config.getoption("--nightly"):
        for item in items:
            if item.get_closest_marker("nightly") is not None:
                item.add_marker(pytest.mark.skip(reason="a long run, for every night: --nightly"))


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """What a file leaves behind for good is not walked through again by each collection of the files after it."""
    if nextitem is not None and nextitem.path != item.path:
        gc.collect()
        gc.freeze()


@pytest.fixture(autouse=True)
def _events_are_as_in_the_catalogue() -> Iterator[None]:
    """Of every floor that a test makes, if it makes one."""
    yield
    told = sys.modules.get("tests.told")
    wrong: list[str] = [] if told is None else told.taken()
    assert wrong == []


@pytest.fixture(autouse=True)
def _the_log_is_as_it_was() -> Iterator[None]:
    """A command that a test runs here sets up the log of its process, on a stream that is closed with the test."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)


def _rank(nodeid: str) -> int:
    return next((rank for rank, part in enumerate(LONGEST_FIRST) if part in nodeid), len(LONGEST_FIRST))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = [report for report in terminalreporter.stats.get("skipped", []) if "real" in report.keywords]
    if not skipped:
        return
    reasons = {str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else "" for report in skipped}
    ran = any("real" in report.keywords for report in terminalreporter.stats.get("passed", []))
    title = "Some of the real-switch half did not run" if ran else "The real-switch half did not run"
    terminalreporter.section(title, sep="=", yellow=True)
    terminalreporter.line(f"{len(skipped)} tests against a real FreeSWITCH were skipped:")
    for reason in sorted(reasons):
        terminalreporter.line(f"  {reason.removeprefix('Skipped: ')}")


# The fixtures of the real switch import what they need when they are asked for: most tests need none of it.


@pytest.fixture(scope="session")
def freeswitch_binary() -> Path:
    from .real.switch import MISSING, find_binary

    binary = find_binary()
    if binary is None:
        pytest.skip(MISSING)
    return binary


@pytest.fixture(scope="session")
def carrier() -> Iterator[FakeCarrier]:
    """A registrar and far side for an outbound trunk."""
    from .real.trunk import FakeCarrier

    with FakeCarrier(user="861012345678", password="a \"b\" <c> $${d} & 'e'") as running:
        yield running


@pytest.fixture(scope="session")
def real_switch(
    freeswitch_binary: Path, carrier: FakeCarrier, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealSwitch]:
    """One switch for all tests of this worker; they leave it without calls."""
    from .real.switch import RealSwitch, settings_for_test

    settings = settings_for_test(trunks=carrier.as_yaml("telecom"))
    switch = RealSwitch(freeswitch_binary, tmp_path_factory.mktemp("switch"), settings)
    switch.start()
    yield switch
    switch.stop()
