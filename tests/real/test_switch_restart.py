"""kill -9 of a switch under agents' talks and waiting callers: agents are free when it is back, and nobody waits."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from .engine import EngineProcess
from .esl import wait_until
from .records import record_of
from .switch import RealSwitch, settings_for_test
from .test_agents import AGENTS, Agent, add_agents, call_of, reconcile, ua_agent, waiting
from .test_permanent_legs import caller
from .ua import Dialog, Phone

pytestmark = [pytest.mark.real, pytest.mark.nightly]

#: From the moment the switch answers again; the product's own figure.
FREED_S = 5.0


@pytest.fixture
def house(freeswitch_binary: Path, tmp_path: Path) -> Iterator[tuple[RealSwitch, EngineProcess]]:
    (tmp_path / "switch").mkdir()
    (tmp_path / "engine").mkdir()
    switch = RealSwitch(freeswitch_binary, tmp_path / "switch", settings_for_test(max_sessions=50))
    switch.start()
    engine = EngineProcess(switch, tmp_path / "engine")
    engine.config.write_text(engine.config.read_text().replace("{agents: [1011]}", "{agents: [], wrapup_s: 600}"))
    try:
        engine.start()
        add_agents(engine, AGENTS)
        yield switch, engine
    finally:
        engine.stop()
        switch.stop()


def _talk(stack: ExitStack, switch: RealSwitch, agent: Agent, number: str) -> tuple[Dialog, str]:
    dialog = caller(stack.enter_context(Phone(number)), switch)
    agent.ready()
    contact = agent.talking()
    agent.ask("PUT", "/v1/me/next", {"state": "READY"})
    return dialog, contact


def test_agents_are_free_and_nobody_waits(house: tuple[RealSwitch, EngineProcess]) -> None:
    switch, engine = house
    with ExitStack() as stack:
        anna, _ = stack.enter_context(ua_agent(engine, switch, "anna"))
        ben, _ = stack.enter_context(ua_agent(engine, switch, "ben"))
        _, talks = _talk(stack, switch, anna, "13800000061")
        _, held = _talk(stack, switch, ben, "13800000062")
        ben.do(held, "hold")
        for number in ("13800000063", "13800000064"):
            caller(stack.enter_context(Phone(number)), switch)
        wait_until(lambda: waiting(engine) == 2, 60, "two wait", 0.2)

        def freed() -> bool:
            return all([one["state"] for one in agent.contacts()] in ([], ["WORK"]) for agent in (anna, ben))

        assert not freed()
        switch.kill()
        switch.start()
        back_at = time.monotonic()
        wait_until(freed, FREED_S, "no agent is in a talk", 0.1)
        wait_until(lambda: waiting(engine) == 0, FREED_S, "nobody waits", 0.1)
        assert time.monotonic() - back_at < FREED_S
        records = engine.finished(4, 40)
        assert {record["terminal_cause"] for record in records} == {"switch_lost"}
        assert record_of(engine, call_of(talks))["ended_at"] is not None
        for agent in (anna, ben):
            for one in agent.contacts():
                agent.do(one["contact"], "finish", {})
        reconcile(engine)

        # The next caller comes to an agent who was in one of these talks, as soon as the phone has registered again.
        def alive() -> bool:
            with switch.tap("HEARTBEAT") as tap:
                return tap.api("global_getvar cti_alive_0") == "1"

        wait_until(alive, 60, "the engine beats again", 0.2)
    with ExitStack() as stack:
        anna, _ = stack.enter_context(ua_agent(engine, switch, "anna"))
        dialog, contact = _talk(stack, switch, anna, "13800000065")
        anna.do(contact, "hangup")
        anna.do(contact, "finish", {})
        dialog.hang_up()
