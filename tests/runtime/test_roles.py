"""Each role a process of its own, on PostgreSQL: callers of one talk with agents of the other, whoever of them dies."""

from __future__ import annotations

import json
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cti.cli import main
from cti.switch.embedded import VirtualCaller
from tests.store.test_postgresql import Server, server  # noqa: F401

from .rolekit import AGENTS, Agent, Client, Cluster, Process, uuid_of
from .rules import NAME, expressions


def test_roles_that_cannot_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No process is started that could only seem to work."""
    file = tmp_path / "cti.yaml"
    file.write_text("switches: [{name: fs, password: only-for-tests}]\n", encoding="utf-8")
    for roles, told in (
        ("flow,acds", "[bad-roles] there is no role 'acds'; did you mean 'acd'?"),
        ("", "[bad-roles] there is no role ''"),
        ("acd", "[roles-need-postgresql] the roles acd are joined by the database, and SQLite is one process's alone"),
    ):
        assert main(["serve", "--config", str(file), "--roles", roles]) != 0
        assert told in capsys.readouterr().err
    file.write_text("roles: [flow, all]\nswitches: [{name: fs, password: only-for-tests}]\n", encoding="utf-8")
    assert main(["serve", "--config", str(file)]) != 0
    assert "cti.yaml:1:15" in capsys.readouterr().err


@pytest.fixture(scope="module")
def cluster(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:  # noqa: F811
    found = Cluster(tmp_path_factory.mktemp("cluster"), server.url)
    yield found
    found.close()


@pytest.fixture(scope="module")
def leader(cluster: Cluster) -> Process:
    return cluster.start("one", "acd,api")


@pytest.fixture(scope="module")
def worker(cluster: Cluster, leader: Process) -> Process:
    found = cluster.start("two", "flow")
    cluster.until(lambda: cluster.switch.core.globals.get("cti_alive_0") == "1", "the worker beats")
    return found


def test_a_caller_of_one_process_talks_with_an_agent_of_the_other(
    cluster: Cluster, leader: Process, worker: Process
) -> None:
    anna = Agent(cluster, "anna", leader.api)
    caller = cluster.call()
    contact = anna.doing("talking")
    assert cluster.bridged(caller)
    anna.do(contact, "hold")
    anna.doing("held")
    anna.do(contact, "retrieve")
    anna.doing("talking")
    anna.do(contact, "hangup")
    anna.doing("work")
    detail = cluster.record(caller)
    assert (str(detail.call.terminal_cause), detail.call.outcome) == ("flow_end", "talked")
    assert [leg.role for leg in detail.legs] == ["caller", "agent"]
    anna.do(contact, "finish", {"disposition": "solved"})


def test_a_worker_tells_how_it_is(cluster: Cluster, leader: Process, worker: Process) -> None:
    def health() -> dict[str, Any]:
        with urllib.request.urlopen(f"{worker.figures}/healthz", timeout=30) as answer:
            told: dict[str, Any] = json.load(answer)
            return told

    cluster.until(lambda: health()["leader"], "the worker sees who leads")
    assert health()["switches"] == {"fs": "up"}
    with urllib.request.urlopen(f"{worker.figures}/metrics", timeout=30) as answer:
        told = answer.read().decode()
    asked = {name for expression in expressions(cluster=True) for name in NAME.findall(expression)}
    assert asked
    assert {name for name in asked if f"\n{name} " not in told} == set()
    assert 'cti_engine_info{node="two",slot="0"' in told
    for name in ("cti_calls_ended_total", "cti_switch_backlog", "cti_backend_breaker", "cti_database_errors_total"):
        assert f"# TYPE {name.removesuffix('_total')}" in told, name


def two_wait(cluster: Cluster, boss: Client) -> list[VirtualCaller]:
    """In the order in which they came."""
    waiting = []
    for count in (1, 2):
        waiting.append(cluster.call(caller=f"1380000002{count}"))
        cluster.until(lambda count=count: boss.waiting() == count, f"{count} wait")  # type: ignore[misc]
    return waiting


def test_a_standby_goes_on_where_the_leader_was_killed(cluster: Cluster, leader: Process, worker: Process) -> None:
    """Agents have their contacts and sit where they sat, who talks notices nothing, who waits keeps the place."""
    anna = Agent(cluster, "anna", leader.api)
    boss = Client(cluster, "super", leader.api)
    talking = cluster.call(caller="13800000001")
    contact = anna.doing("talking")
    leg = cluster.bridged(talking)
    bert = Agent(cluster, "bert", leader.api)
    held = cluster.call(caller="13800000002")
    kept = bert.doing("talking")
    bert.do(kept, "hold")
    bert.ask("PUT", "/v1/me/state", {"state": "NOT_READY", "reason": "break"})
    waiting = two_wait(cluster, boss)
    standby = cluster.start("three", "acd,api")
    standby.says("stands by")
    leader.signal(signal.SIGKILL)
    standby.says("this process distributes")
    for client in (anna, bert, boss):
        client.api = standby.api
    cluster.until(lambda: boss.waiting() == 2, "they wait on")
    assert cluster.bridged(talking) == leg
    assert (bert.presence(), anna.presence()) == (("NOT_READY", "break"), ("READY", ""))
    assert (anna.doing("talking"), bert.doing("held")) == (contact, kept)
    assert not cluster.bridged(held), "on hold all the time"
    anna.soon(contact, "hold")
    anna.doing("held")
    bert.soon(kept, "retrieve")
    bert.doing("talking")
    bert.do(kept, "hangup")
    assert bert.doing("work") == kept
    anna.do(contact, "retrieve")
    anna.doing("talking")
    assert cluster.bridged(talking) == leg
    anna.do(contact, "hangup")
    assert anna.doing("work") == contact
    for agent, left in ((anna, contact), (bert, kept)):
        agent.do(left, "finish", {"disposition": "solved"})
    assert anna.doing("talking").partition("~")[0] == uuid_of(waiting[0])
    bert.ready()
    assert bert.doing("talking").partition("~")[0] == uuid_of(waiting[1])
    for caller in waiting:
        caller.hangup()
    for caller in (talking, held):
        detail = cluster.record(caller)
        assert (str(detail.call.terminal_cause), detail.call.outcome) == ("flow_end", "talked")
        assert [leg.role for leg in detail.legs] == ["caller", "agent"]
        assert [one.error for one in detail.recordings] == [""]
    assert [str(cluster.record(one).call.terminal_cause) for one in waiting] == ["caller_hangup"] * 2
    both = sorted([(contact, AGENTS["anna"], "agent"), (kept, AGENTS["bert"], "agent")])
    calls = [uuid_of(talking), uuid_of(held)]
    cluster.until(lambda: len(cluster.handled(calls)) >= len(both), "they count", 10.0)
    assert cluster.handled(calls) == both, "each once"
    bert.ask("PUT", "/v1/me/state", {"state": "NOT_READY", "reason": "break"})  # the next caller is for anna


@pytest.mark.nightly
def test_a_worker_that_was_killed_goes_on_with_its_callers(cluster: Cluster, worker: Process) -> None:
    """Whoever leads keeps their places meanwhile, and the talk on the switch goes on."""
    [leader] = [one for one in cluster.processes if "acd" in one.roles and one.process.poll() is None]
    anna, boss = Agent(cluster, "anna", leader.api), Client(cluster, "super", leader.api)
    talking = cluster.call(caller="13800000011")
    contact = anna.doing("talking")
    leg = cluster.bridged(talking)
    waiting = two_wait(cluster, boss)
    cluster.until(lambda: cluster.kept("two/0") == 3, "where the calls stand is on disk")
    worker.signal(signal.SIGKILL)
    leader.says("worker two/0 is gone")
    assert cluster.bridged(talking) == leg
    cluster.start("two", "flow").says("3 calls that the last engine left may go on")
    cluster.until(lambda: boss.waiting() == 2, "they wait on")
    assert (anna.doing("talking"), anna.presence()) == (contact, ("READY", "")), "anna talks on, and gets nobody else"
    assert cluster.bridged(talking) == leg
    bert = Agent(cluster, "bert", leader.api)
    assert bert.doing("talking").partition("~")[0] == uuid_of(waiting[0])
    talking.hangup()
    assert anna.doing("work") == contact
    anna.do(contact, "finish", {"disposition": "solved"})
    assert anna.doing("talking").partition("~")[0] == uuid_of(waiting[1])
    for caller in waiting:
        caller.hangup()
    assert [str(cluster.record(one).call.terminal_cause) for one in (talking, *waiting)] == ["caller_hangup"] * 3
