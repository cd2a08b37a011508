"""A supervisor on a talk, and a wrap-up that runs, where two workers carry the calls and another process distributes:
what becomes of them when either dies."""

from __future__ import annotations

import signal

import pytest

from cti.switch.embedded.eavesdrop import hears
from tests.store.test_postgresql import server  # noqa: F401

from .rolekit import AGENTS, Client, uuid_of
from .test_worker_lost import Cluster, Talks, cluster

__all__ = ["cluster"]  # the fixture

pytestmark = pytest.mark.nightly

PHONE = "1009"


class Supervisor(Client):
    def __init__(self, talks: Talks) -> None:
        super().__init__(talks.cluster, "super", talks.leader.api)
        self.talks = talks
        talks.cluster.phone(PHONE, answer_after=0.05)

    def heard(self) -> tuple[bool, bool, bool]:
        """The supervisor hears the caller; the agent, and the caller, hear the supervisor."""
        core, caller = self.cluster.switch.core, uuid_of(self.talks.talking)
        one, other, agent = (core.channels.get(leg) for leg in (self.leg, caller, self.talks.leg))
        if one is None or other is None or agent is None:
            return (False, False, False)
        return hears(core, one, other), hears(core, agent, one), hears(core, other, one)

    @property
    def leg(self) -> str:
        calls = self.cluster.switch.core.directory.phones[PHONE].calls
        return next((call.channel.uuid for call in calls if call.channel.up()), "")

    def on(self, mode: str) -> None:
        self.ask("POST", f"/v1/contacts/{self.talks.contact}/monitor", {"mode": mode, "phone": PHONE})
        wanted = (True, mode in ("whisper", "barge"), mode == "barge")
        self.cluster.until(lambda: self.heard() == wanted, f"{mode} is on: {self.heard()}")

    def off(self, leg: str) -> None:
        self.cluster.until(lambda: leg not in self.cluster.switch.core.channels, "the supervisor's leg is let go")
        assert self.cluster.bridged(self.talks.talking) == self.talks.leg, "the two talk on"


def test_a_supervisor_begins_again_after_the_leader_s_and_after_the_worker_s_death(cluster: Cluster) -> None:
    talks = Talks(cluster)
    survivor = talks.flows("four", 1)
    standby = cluster.start("three", "acd,api")
    standby.says("stands by to distribute")
    boss = Supervisor(talks)
    for mode in ("listen", "whisper", "barge", "listen"):
        boss.on(mode)
    leg = boss.leg
    talks.leader.signal(signal.SIGKILL)
    standby.says("this process distributes")
    boss.off(leg)
    talks.anna.api = talks.bert.api = boss.api = standby.api
    assert talks.anna.doing("talking") == talks.contact
    cluster.until(lambda: begins(boss), "the talk is known")
    boss.on("barge")
    leg = boss.leg
    talks.worker.signal(signal.SIGKILL)
    survivor.says("calls of two-0.")
    boss.off(leg)
    cluster.until(lambda: begins(boss), "the talk is known")
    boss.on("whisper")
    boss.ask("DELETE", f"/v1/contacts/{talks.contact}/monitor")
    cluster.until(lambda: not boss.leg, "the supervisor's phone is free")
    talks.go_on()


def begins(boss: Supervisor) -> bool:
    """Not before who leads knows what became of the talk."""
    try:
        boss.ask("POST", f"/v1/contacts/{boss.talks.contact}/monitor", {"mode": "listen", "phone": PHONE})
    except AssertionError as error:
        if "not-talking" in str(error):
            return False
        raise
    return True


def test_a_wrap_up_ends_when_it_would_have(cluster: Cluster) -> None:
    talks = Talks(cluster)
    talks.held.hangup()
    assert talks.bert.doing("work") == talks.kept
    talks.bert.ask("PATCH", f"/v1/me/contacts/{talks.kept}/wrapup", {"notes": "Call again."})
    [before] = talks.bert.contacts()
    survivor = talks.flows("four", 1)
    talks.worker.signal(signal.SIGKILL)
    survivor.says("calls of two-0.")
    [after] = talks.bert.contacts()
    assert after == before
    cluster.until(lambda: talks.bert.contacts() == [], "its time is over")
    assert talks.bert.presence()[0] in ("READY", "NOT_READY")
    wanted = [(talks.kept, AGENTS["bert"], "timer")]
    cluster.until(lambda: cluster.handled([uuid_of(talks.held)]) == wanted, "it counts once")
