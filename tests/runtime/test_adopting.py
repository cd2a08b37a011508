"""Two workers on one switch and one database: one is killed, or stopped, and the other goes on with its calls."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from functools import partial

import pytest

from cti.switch.embedded import VirtualCaller
from tests.store.test_postgresql import Server, server

from .resumekit import House, path, said, uuid_of
from .test_resume import agent_hangs_up, bridged, talks, wrong_key

__all__ = ["server"]  # the fixture


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, server: Server) -> Iterator[House]:
    house = House(tmp_path_factory.mktemp("adopting"), server.url)
    house.phone("1002", answer_after=0.05)
    house.phone("1003", answer_after=None)
    yield house
    house.close()


def worker(caller: VirtualCaller) -> str:
    assert caller.channel is not None
    return caller.channel.getvar("presence_data") or ""


def of_slot(house: House, slot: str, number: str, node: str) -> VirtualCaller:
    """A new call that the dialplan gave to the slot; who went to another one hangs up."""
    for index in range(60):
        caller = house.call(number, f"1390000{index:04}")
        house.until(partial(worker, caller), "it has a worker")
        if worker(caller) == slot:
            house.kept(caller, node)
            return caller
        caller.hangup()
    raise AssertionError(f"no call came to slot {slot}")


def test_the_calls_of_a_killed_worker_go_on_with_another(house: House) -> None:
    first = house.start_engine()
    calls = {
        "menu": house.call("101", "13800000001"),
        "talk": house.call("108", "13800000002"),
        "waits": house.call("110", "13800000003"),
        "gone": house.call("101", "13800000004"),
        "anew": house.call("101", "13800000005"),
    }
    nodes = {"menu": "main", "talk": "call", "waits": "agent", "gone": "main", "anew": "main"}
    for name, node in nodes.items():
        house.kept(calls[name], node)
    wrong_key(house, calls["menu"])
    talks("1002")(house, calls["talk"])
    house.start_engine(slot=1)
    own, own_talk = of_slot(house, "1", "101", "main"), of_slot(house, "1", "108", "call")
    talks("1002")(house, own_talk)
    house.hears(own, "主菜单。")
    stay = house.ask("select entry_id, began_at from queue_entries where call_id = ?", uuid_of(calls["waits"]))
    heard = {name: len(said(caller)) for name, caller in {**calls, "own": own}.items()}
    assert {worker(caller) for caller in calls.values()} == {"0"}

    house.kill(first)
    calls["gone"].hangup()
    with house._engine.begin() as database:  # where it stood is not known
        database.exec_driver_sql("delete from call_snapshots where call_id = %s", (uuid_of(calls["anew"]),))
    house.until(lambda: "are this engine's now" in house.log(1), "the calls are moved")
    late = [house.call("101", f"1380000001{index}") for index in range(4)]
    for caller in late:
        house.kept(caller, "main")
    assert {worker(caller) for caller in late} == {"1"}, "no new calls go to the dead slot"
    assert (house.switch.core.globals["cti_alive_0"], {worker(calls[name]) for name in calls if name != "gone"}) == (
        "0", {"1"},
    )  # fmt: skip

    house.hears(calls["menu"], "没有这个键。", heard["menu"])
    assert said(calls["menu"])[heard["menu"] :] == ["请稍等。", "没有这个键。"]
    house.hears(calls["anew"], "您好。" if "您好。" in said(calls["anew"]) else "Hello.", heard["anew"])
    second = house.start_engine(fresh=False)
    assert house.alive
    fresh = of_slot(house, "0", "101", "main")
    assert "adopted" not in house.log(0)
    for caller in (calls["menu"], calls["anew"], own, fresh, *late):
        caller.press("1")
    agent_hangs_up("1002")(house, calls["talk"])
    house.hears(calls["talk"], "Was it good?")
    phone = house.switch.core.directory.phones["1003"]
    [ringing] = house.until(lambda: [leg for leg in phone.calls if leg.channel.up()], "the phone rings anew")
    ringing._answer()
    house.until(lambda: bridged(calls["waits"]), "who waited talks")
    calls["waits"].hangup()

    details = {name: house.record(caller) for name, caller in {**calls, "own": own, "fresh": fresh}.items()}
    assert {name: (one.call.outcome, str(one.call.terminal_cause)) for name, one in details.items()} == {
        "menu": ("one", "flow_end"),
        "talk": ("talked", "flow_end"),
        "waits": ("", "caller_hangup"),
        "gone": ("", "engine_lost"),
        "anew": ("one", "flow_end"),
        "own": ("one", "flow_end"),
        "fresh": ("one", "flow_end"),
    }
    assert path(details["menu"]) == ["hi/next", "speak/next", "main/1", "one/end"]
    assert {name: [gap.how for gap in one.gaps] for name, one in details.items()} == {
        "menu": ["resumed"], "talk": ["resumed"], "waits": ["resumed"], "gone": [], "anew": ["begun_again"],
        "own": [], "fresh": [],
    }  # fmt: skip
    assert len(said(own)) == heard["own"], "it noticed nothing"
    query = "select entry_id, began_at from queue_entries where call_id = ?"
    assert house.ask(query, uuid_of(calls["waits"])) == stay
    assert second.poll() is None


def test_one_that_was_stopped_finds_its_calls_elsewhere_and_leaves_them(house: House) -> None:
    for slot in (1, 0):  # as the test before leaves them
        if not house.lives(slot):
            house.start_engine(slot=slot)
    stopped = house.engines[-1]
    caller = of_slot(house, "0", "101", "main")
    house.hears(caller, "主菜单。")
    before, heard = house.log(1).count("are this engine's now"), len(said(caller))
    stopped.send_signal(signal.SIGSTOP)
    house.until(lambda: house.log(1).count("are this engine's now") > before, "the calls are moved")
    house.hears(caller, "主菜单。", heard)
    heard = len(said(caller))
    stopped.send_signal(signal.SIGCONT)
    house.until(lambda: stopped.poll() is not None, "it steps down")
    assert stopped.returncode == 75
    assert (len(said(caller)), worker(caller), caller.cause) == (heard, "1", "")
    assert house.ask("select owner from call_snapshots where call_id = ?", uuid_of(caller)) == [("cti/1",)]
    caller.press("1")
    detail = house.record(caller)
    assert (detail.call.outcome, [gap.how for gap in detail.gaps]) == ("one", ["resumed"])
