"""kill -9 of one of two workers on a real switch: the other one goes on with its calls, and its own notice nothing."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine

from tests.store.test_postgresql import Server, server

from .engine import EngineProcess
from .esl import wait_until
from .sipp import Pause, WaitBye, run_callers
from .switch import RealSwitch, settings_for_test
from .test_resume import ENDED, MENU, RESUMED, WAITS

pytestmark = [pytest.mark.real, pytest.mark.nightly]

__all__ = ["server"]  # the fixture
CALLS = 20


@pytest.fixture
def pair(
    freeswitch_binary: Path, tmp_path_factory: pytest.TempPathFactory, server: Server
) -> Iterator[tuple[EngineProcess, EngineProcess]]:
    switch = RealSwitch(freeswitch_binary, tmp_path_factory.mktemp("switch5"), settings_for_test())
    switch.start()
    engines: list[EngineProcess] = []
    for slot in (2, 3):
        engine = EngineProcess(switch, tmp_path_factory.mktemp(f"engine5-{slot}"), slot=slot, guard_s=60)
        keys = (engines or [engine])[0].folder / "keys.json"
        (engine.folder / "flows" / "hotline.yaml").write_text(MENU)
        text = engine.config.read_text()
        engine.config.write_text(f"{text}store: {{url: '{server.url}', keys: '{keys}'}}\n")
        engines.append(engine)
    try:
        for engine in engines:
            engine.start()
        yield engines[0], engines[1]
    finally:
        for engine in engines:
            engine.stop()
        switch.stop()


def test_the_other_worker_goes_on_with_the_calls(
    pair: tuple[EngineProcess, EngineProcess], server: Server, sipp: Path, tmp_path: Path
) -> None:
    dead, heir = pair
    database = create_engine(server.url, poolclass=NullPool)

    def asked(query: str) -> int:
        with database.connect() as connection:
            found: int = connection.exec_driver_sql(query).scalar_one()
        return found

    of_dead = "select count(*) from call_snapshots where owner = 'realtest/2'"
    with ThreadPoolExecutor(1) as pool, dead.switch.tap("HEARTBEAT") as tap:
        port = dead.switch.conf.trunks_port
        running = pool.submit(
            run_callers, sipp, tmp_path, port, "4000", [Pause(0.1), WaitBye()], calls=CALLS, per_second=10,
            timeout_s=180,
        )  # fmt: skip
        wait_until(lambda: asked(WAITS) == CALLS, 90, "all wait in the menu, on record", 0.2)
        theirs = asked(of_dead)
        assert 0 < theirs < CALLS
        dead.kill()
        wait_until(lambda: asked(RESUMED) == theirs, 60, "all of the dead worker's go on", 0.2)
        assert (asked(of_dead), asked("select count(*) from call_gaps")) == (0, theirs)
        assert tap.api("show calls count").split()[0] == str(CALLS)
        assert tap.api("global_getvar cti_alive_2") == "0"
        dead.start()  # it takes new calls, and finds none of its own
        assert tap.api("global_getvar cti_alive_2") == "1"
        assert asked("select count(*) from call_gaps") == theirs
        tap.api("hupall")
        result = running.result(120)
    wait_until(lambda: asked(ENDED) == CALLS, 30, "all have their record", 0.2)
    assert result.created == CALLS
    assert asked("select count(*) from call_records where terminal_cause = 'caller_hangup'") == CALLS
    assert asked("select count(*) from node_visits") == CALLS, "the visit goes on, and is no second one"
    assert asked("select count(*) from call_snapshots") == 0
    assert "adopted" not in dead.log()
    assert heir.healthy()
