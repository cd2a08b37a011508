"""Each role a process of its own, on PostgreSQL: callers of one talk with agents of the other, whoever of them dies."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.store.test_postgresql import Server, server  # noqa: F401

from .rolekit import Agent, Cluster, Process


@pytest.fixture(scope="module")
def cluster(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:  # noqa: F811
    found = Cluster(tmp_path_factory.mktemp("cluster"), server.url)
    yield found
    found.close()


@pytest.fixture(scope="module")
def leader(cluster: Cluster) -> Process:
    return cluster.start("one", "acd")


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
