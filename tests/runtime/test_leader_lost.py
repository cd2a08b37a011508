"""Whoever distributes ends in order, or is stopped past its lease: agents have their contacts at the next one; and one
that has calls of its own may lead again."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store.test_postgresql import Server, server  # noqa: F401

from .rolekit import AGENTS, Agent, Cluster, uuid_of

pytestmark = pytest.mark.nightly


@pytest.fixture
def cluster(server: Server, tmp_path: Path) -> Iterator[Cluster]:  # noqa: F811
    found = Cluster(tmp_path, server.url)
    yield found
    found.close()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGSTOP])
def test_agents_keep_their_contacts_however_the_leader_goes(cluster: Cluster, how: signal.Signals) -> None:
    leader = cluster.start("one", "acd,api")
    cluster.start("two", "flow")
    cluster.until(lambda: cluster.switch.core.globals.get("cti_alive_0") == "1", "the worker beats")
    anna = Agent(cluster, "anna", leader.api)
    caller = cluster.call()
    contact = anna.doing("talking")
    anna.do(contact, "hold")
    assert anna.doing("held") == contact
    standby = cluster.start("three", "acd,api")
    standby.says("stands by to distribute")
    leader.signal(how)
    standby.says("this process distributes")
    if how is signal.SIGSTOP:
        leader.signal(signal.SIGCONT)
        cluster.until(lambda: leader.process.poll() == 75, "it ends, to begin anew")
    anna.api = standby.api
    assert anna.doing("held") == contact
    anna.soon(contact, "retrieve")
    assert anna.doing("talking") == contact
    assert cluster.bridged(caller)
    anna.do(contact, "hangup")
    assert anna.doing("work") == contact
    anna.do(contact, "finish", {"disposition": "solved"})
    detail = cluster.record(caller)
    assert (str(detail.call.terminal_cause), detail.call.outcome) == ("flow_end", "talked")
    counted = [(contact, AGENTS["anna"], "agent")]
    cluster.until(lambda: cluster.handled([uuid_of(caller)]) == counted, "it counts once")


def test_a_leader_with_calls_of_its_own_leads_again(cluster: Cluster) -> None:
    first = cluster.start("one", "flow,acd,api")
    first.says("this process distributes (epoch 1)")
    second = cluster.start("two", "acd,api")
    second.says("stands by to distribute")
    first.signal(signal.SIGSTOP)
    second.says("this process distributes (epoch 2)")
    first.signal(signal.SIGCONT)
    first.says("this process distributes no more")
    cluster.until(lambda: first.told().count("stands by to distribute") == 2, "it stands by again")
    second.signal(signal.SIGKILL)
    first.says("this process distributes (epoch 3)")
    cluster.until(lambda: cluster.switch.core.globals.get("cti_alive_0") == "1", "it meets calls")
    caller = cluster.call()
    cluster.until(lambda: caller.channel is not None and caller.channel.up(), "it is met")
    caller.hangup()
    assert str(cluster.record(caller).call.terminal_cause) == "caller_hangup"
