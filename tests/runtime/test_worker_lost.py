"""A worker dies under talks, is stopped, or nobody reaches the database: agents have their contacts all the same."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from gevent.threadpool import ThreadPool

from cti.switch.embedded import PhoneBehaviour, VirtualPhone
from tests.store.test_postgresql import Server, server  # noqa: F401

from .rolekit import AGENTS, Agent, Client, Cluster, Process, uuid_of

pytestmark = pytest.mark.nightly

PERSON = "13800000055"


@pytest.fixture
def cluster(server: Server, tmp_path: Path) -> Iterator[Cluster]:  # noqa: F811
    found = Cluster(tmp_path, server.url)
    yield found
    found.close()


class Talks:
    """Anna talks, and Bert has a caller on hold."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.leader = cluster.start("one", "acd,api")
        self.worker = self.flows("two", 0)
        self.anna = Agent(cluster, "anna", self.leader.api)
        self.talking = cluster.call(caller="13800000001")
        self.contact = self.anna.doing("talking")
        self.leg = cluster.bridged(self.talking)
        self.bert = Agent(cluster, "bert", self.leader.api)
        self.held = cluster.call(caller="13800000002")
        self.kept = self.bert.doing("talking")
        self.bert.do(self.kept, "hold")
        assert self.bert.doing("held") == self.kept
        self.on_disk(2)

    def flows(self, node: str, slot: int) -> Process:
        found = self.cluster.start(node, "flow", slot)
        self.cluster.until(lambda: self.cluster.switch.core.globals.get(f"cti_alive_{slot}") == "1", f"{node} beats")
        return found

    def on_disk(self, calls: int) -> None:
        """Whoever goes on with them knows that they talk."""
        self.cluster.until(lambda: self.cluster.kept("two/0") == calls, "where the calls stand is on disk")

    def consult(self) -> str:
        """Bert is free, and Anna asks him: his contact."""
        self.held.hangup()
        assert self.bert.doing("work") == self.kept
        self.bert.do(self.kept, "finish", {"disposition": "solved"})
        self.anna.do(self.contact, "consult", {"to": {"agent": AGENTS["bert"]}})
        self.anna.doing("consulting")
        return self.bert.doing("talking")

    def go_on(self) -> None:
        """With all that an agent may do, to the end; each counts once."""
        cluster, anna, bert = self.cluster, self.anna, self.bert
        assert (anna.doing("talking"), bert.doing("held")) == (self.contact, self.kept)
        anna.soon(self.contact, "hold")
        anna.doing("held")
        bert.soon(self.kept, "retrieve")
        bert.doing("talking")
        assert cluster.bridged(self.held)
        bert.do(self.kept, "hangup")
        assert bert.doing("work") == self.kept
        anna.do(self.contact, "retrieve")
        anna.doing("talking")
        assert cluster.bridged(self.talking) == self.leg
        self.talking.hangup()
        assert anna.doing("work") == self.contact
        for agent, contact in ((anna, self.contact), (bert, self.kept)):
            agent.do(contact, "finish", {"disposition": "solved"})
            cluster.until(lambda agent=agent: agent.presence()[0] == "READY", "they are free")  # type: ignore[misc]
        for caller, cause, outcome in (
            (self.talking, "caller_hangup", ""),
            (self.held, "flow_end", "talked"),
        ):
            detail = cluster.record(caller)
            assert (str(detail.call.terminal_cause), detail.call.outcome) == (cause, outcome)
            assert [leg.role for leg in detail.legs] == ["caller", "agent"]
        self.counted()

    def counted(self) -> None:
        cluster, calls = self.cluster, [uuid_of(self.talking), uuid_of(self.held)]
        wanted = sorted([(self.contact, AGENTS["anna"], "agent"), (self.kept, AGENTS["bert"], "agent")])
        cluster.until(lambda: len(cluster.handled(calls)) >= len(wanted), "they count", 10.0)
        assert cluster.handled(calls) == wanted, "each once"


def test_the_next_run_of_the_slot_has_the_contacts_at_their_agents(cluster: Cluster) -> None:
    talks = Talks(cluster)
    talks.worker.signal(signal.SIGKILL)
    talks.leader.says("worker two/0 is gone")
    assert (talks.anna.doing("talking"), talks.bert.doing("held")) == (talks.contact, talks.kept)
    assert cluster.bridged(talks.talking) == talks.leg
    talks.flows("two", 0)
    talks.go_on()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_survivor_has_the_contacts_at_their_agents(cluster: Cluster, how: signal.Signals) -> None:
    talks = Talks(cluster)
    survivor = talks.flows("four", 1)
    talks.worker.signal(how)
    survivor.says("2 calls of worker two/0 may go on")
    survivor.says("2 calls of two-0.")
    if how is signal.SIGSTOP:
        talks.worker.signal(signal.SIGCONT)
        cluster.until(lambda: talks.worker.process.poll() == 75, "it ends: its calls are another one's")
    talks.go_on()


def test_a_conference_and_a_wrap_up_survive_the_worker(cluster: Cluster) -> None:
    talks = Talks(cluster)
    other = talks.consult()
    talks.anna.do(talks.contact, "conference")
    talks.anna.doing("conference")
    boss = Client(cluster, "super", talks.leader.api)
    survivor = talks.flows("four", 1)
    talks.worker.signal(signal.SIGKILL)
    survivor.says("calls of two-0.")
    assert talks.anna.doing("conference") == talks.contact
    talks.anna.soon(talks.contact, "hangup")
    assert talks.anna.doing("work") == talks.contact
    assert talks.bert.doing("talking") == other, "who is left has the caller"
    assert boss.waiting() == 0
    talks.talking.hangup()
    assert talks.bert.doing("work") == other


def test_who_hangs_up_meanwhile_leaves_the_agent_with_the_wrap_up(cluster: Cluster) -> None:
    talks = Talks(cluster)
    talks.worker.signal(signal.SIGKILL)
    talks.talking.hangup()
    talks.held.hangup()
    talks.leader.says("worker two/0 is gone")
    talks.flows("two", 0)
    for agent, contact in ((talks.anna, talks.contact), (talks.bert, talks.kept)):
        assert agent.doing("work") == contact
        agent.do(contact, "finish", {"disposition": "solved"})
    talks.counted()


def test_leader_and_worker_die_together(cluster: Cluster) -> None:
    talks = Talks(cluster)
    standby = cluster.start("three", "acd,api")
    standby.says("stands by to distribute")
    talks.leader.signal(signal.SIGKILL)
    talks.worker.signal(signal.SIGKILL)
    standby.says("this process distributes")
    talks.anna.api = talks.bert.api = standby.api
    talks.flows("two", 0)
    talks.go_on()


def test_everybody_comes_anew_when_the_database_is_back(cluster: Cluster, server: Server) -> None:  # noqa: F811
    talks = Talks(cluster)
    threads = ThreadPool(1)  # the switch runs on this one
    threads.apply(server.stop)
    for process in (talks.leader, talks.worker):
        process.says("no sign of life was taken")
    threads.apply(server.start)
    for process in (talks.leader, talks.worker):
        process.says("the cluster is reached again")
    talks.go_on()


def test_a_permanent_leg_and_a_call_that_an_agent_placed_stand(cluster: Cluster) -> None:
    leader = cluster.start("one", "acd,api")
    cluster.start("two", "flow")
    worker = cluster.processes[-1]
    cluster.until(lambda: cluster.switch.core.globals.get("cti_alive_0") == "1", "the worker beats")
    anna, bert = Agent(cluster, "anna", leader.api, permanent=True), Agent(cluster, "bert", leader.api)
    bert.ask("PUT", "/v1/me/state", {"state": "NOT_READY", "reason": "break"})
    phone = cluster.switch.core.directory.phones[AGENTS["anna"]]
    [leg] = [call.channel.uuid for call in phone.calls if call.channel.up()]
    person = VirtualPhone(PERSON, PhoneBehaviour(answer_after=0.05))
    cluster.switch.core.directory.outside[PERSON] = person
    placed = bert.ask("POST", "/v1/me/dial", {"to": {"number": f"+{PERSON}"}})["contact"]
    assert bert.doing("talking") == placed
    survivor = cluster.start("four", "flow", 1)
    cluster.until(lambda: cluster.switch.core.globals.get("cti_alive_1") == "1", "the other one beats")
    worker.signal(signal.SIGKILL)
    survivor.says("calls of two-0.")
    bert.soon(placed, "hold")
    assert bert.doing("held") == placed
    bert.do(placed, "retrieve")
    assert bert.doing("talking") == placed
    cluster.until(lambda: anna.presence() == ("READY", ""), "it is known that the leg stands")
    assert anna.leg() == "open"
    assert [call.channel.uuid for call in phone.calls if call.channel.up()] == [leg]
    caller = cluster.call()
    contact = anna.doing("ringing")
    anna.do(contact, "answer")
    anna.doing("talking")
    assert cluster.bridged(caller) == leg
    caller.hangup()
    assert anna.doing("work") == contact
    assert [call.channel.uuid for call in phone.calls if call.channel.up()] == [leg]
    [call] = [call for call in person.calls if call.channel.up()]
    call.channel.hangup("NORMAL_CLEARING")
    cluster.until(lambda: bert.contacts() == [], "bert has nothing left")


def test_a_consultation_stands(cluster: Cluster) -> None:
    talks = Talks(cluster)
    other = talks.consult()
    talks.worker.signal(signal.SIGKILL)
    talks.leader.says("worker two/0 is gone")
    talks.flows("two", 0)
    assert talks.anna.doing("consulting") == talks.contact
    talks.anna.do(talks.contact, "complete")
    assert talks.anna.doing("work") == talks.contact
    assert talks.bert.doing("talking") == other
    assert cluster.bridged(talks.talking)
    talks.talking.hangup()
    assert talks.bert.doing("work") == other
