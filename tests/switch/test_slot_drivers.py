"""Two engines' drivers on one switch, in one worker slot: the one that was stopped does not take it back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import gevent
import pytest
from gevent.event import Event as Flag

from cti.switch.dialing import Dialing
from cti.switch.driver import SUBSCRIBED, FreeSwitch
from cti.switch.embedded import EmbeddedSwitch, SwitchConfig
from cti.switch.holding import LEASE_S, Holder
from cti.switch.links import LinkSettings

PASSWORD = "only-for-tests"


class Sink:
    """A `CallSink` that takes its time with what it finds on the switch."""

    def __init__(self) -> None:
        self.ups, self.goes_on = 0, Flag()

    def switch_up(self, *_: Any) -> None:
        self.ups += 1
        self.goes_on.wait(30.0)

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None


@pytest.fixture
def switch() -> Iterator[EmbeddedSwitch]:
    switch = EmbeddedSwitch(SwitchConfig(password=PASSWORD, domain="cti.local"))
    switch.start()
    yield switch
    switch.stop()


def until(true: Callable[[], object], what: str) -> None:
    with gevent.Timeout(30.0, TimeoutError(what)):
        while not true():
            gevent.sleep(0.01)


def test_one_that_was_stopped_is_refused_while_the_next_looks_at_what_is_there(switch: EmbeddedSwitch) -> None:
    with ExitStack() as stack:
        lost: list[str] = []

        def engine(name: str) -> tuple[FreeSwitch, Sink]:
            settings = LinkSettings(
                "127.0.0.1", switch.port, PASSWORD, SUBSCRIBED, worker="0", backoff_first_s=0.1, backoff_max_s=0.2
            )
            sink = Sink()
            driver = FreeSwitch("fs", settings, sink, Dialing("cti.local"), holder=Holder(name, lost=lost.append))
            driver.links.start()
            stack.callback(driver.links.stop)
            stack.callback(sink.goes_on.set)
            return driver, sink

        stopped, found = engine("stopped")
        found.goes_on.set()
        until(lambda: stopped.up and found.ups, "it has the slot")
        # The answer to the beat with which it comes up would renew the lease.
        until(lambda: switch.core.globals.get("cti_alive_0") == "1", "its first beat is there")
        until(lambda: not stopped._fence.unanswered_s, "and answered")
        # It was stopped: no beats, and its last one is long ago, for itself and for the switch.
        stopped._fence.armed, stopped._fence._renewed = True, stopped._fence.now() - 2 * LEASE_S
        switch.core.set_global("cti_alive_0", "0")
        following, looks = engine("next")
        until(lambda: looks.ups, "the next one is at what it finds")
        stopped.api("uptime")
        until(lambda: "slot-held" in stopped.links.reason or found.ups > 1, "it has tried")
        assert (found.ups, lost, following.up) == (1, ["next"], True)
        assert switch.core.globals["cti_holder_0"] == "next"
