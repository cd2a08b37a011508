"""The faults of a cluster: of its processes by their roles, and those of one engine where they strike one worker."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys

from sqlalchemy.exc import SQLAlchemyError

from scripts.faults.cluster import SLOT, SWITCH, WORKER, ClusterPlatform
from scripts.faults.faults import (
    DatabaseKilled,
    DescriptorsExhausted,
    DiskFull,
    Fault,
    LinkBlackHoled,
    LinkCut,
    LinkSlow,
    OfficeKilled,
    OfficeStopped,
)
from scripts.faults.house import Platform
from scripts.faults.processes import until
from scripts.faults.verdict import ALL_LOST

SERVED = frozenset({"served"})
OVER_S = 30.0  # a process that finds itself replaced has ended, and its next run is there
COMMAND_S = 120.0  # for a loaded machine
NEWCOMERS = 6


def of(house: Platform) -> ClusterPlatform:
    assert isinstance(house, ClusterPlatform)
    return house


class LeaderKilled(Fault):
    name, what, hold_s = "leader-killed", "kill -9 of who distributes, which is started again at once", 1.0
    met = SERVED

    def inject(self, house: Platform) -> None:
        self._name, self._epoch = of(house).leader
        of(house).kill(self._name)

    def heal(self, house: Platform) -> None:
        of(house).start(self._name)

    def found(self, house: Platform) -> list[str]:
        with contextlib.suppress(TimeoutError):
            until(lambda: self._led_by_another(house), "another leads", OVER_S, 0.2)
            return []
        return ["nobody else leads"]

    def _led_by_another(self, house: Platform) -> bool:
        with contextlib.suppress(SQLAlchemyError):
            return of(house).leader[1] > self._epoch
        return False


class LeaderStopped(LeaderKilled):
    """What it says when it goes on is refused, and it comes anew."""

    name, what, hold_s = "leader-stopped", "SIGSTOP of who distributes for 14 s, past its lease, then SIGCONT", 14.0

    def inject(self, house: Platform) -> None:
        self._name, self._epoch = of(house).leader
        self._stopped = of(house).program(self._name)
        self._stopped.send(signal.SIGSTOP)

    def heal(self, house: Platform) -> None:
        self._stopped.send(signal.SIGCONT)

    def found(self, house: Platform) -> list[str]:
        with contextlib.suppress(TimeoutError):
            until(lambda: not self._stopped.running, "it has ended", OVER_S, 0.2)
            return super().found(house)
        return ["the leader that was stopped goes on"]


class OfWorker(Fault):
    def hits(self, house: Platform, uuid: str) -> bool:
        return of(house).worker_of(uuid) == str(SLOT)


class WorkerKilled(OfWorker):
    name, what, hold_s = "worker-killed", "kill -9 of a flow worker, which is started again at once", 0.5

    def inject(self, house: Platform) -> None:
        of(house).kill(WORKER)

    def heal(self, house: Platform) -> None:
        of(house).start(WORKER)


class WorkerKilledSurvivor(WorkerKilled):
    name, what, hold_s = "worker-killed-survivor", "kill -9 of a flow worker, which is started again after 16 s", 16.0
    met = SERVED


class WorkerStopped(OfWorker):
    name, what, hold_s = "worker-stopped", "SIGSTOP of a flow worker for 14 s, then SIGCONT", 14.0
    met = SERVED

    def inject(self, house: Platform) -> None:
        self._stopped = of(house).program(WORKER)
        self._stopped.send(signal.SIGSTOP)

    def heal(self, house: Platform) -> None:
        self._stopped.send(signal.SIGCONT)


class WorkerDrained(Fault):
    """Its calls are followed to their end, while it drains; nobody new comes to it."""

    name, what, hold_s = "worker-drained", "`cti node drain` of a flow worker, undone when its calls are over", 3.0
    met = SERVED

    def inject(self, house: Platform) -> None:
        self._say(house, "drain")
        until(lambda: self._alive(house) == {"0"}, "it takes nobody new", OVER_S)
        self._new = house.switch.dial("menu", NEWCOMERS, 88_888_000)

    def found(self, house: Platform) -> list[str]:
        theirs = {of(house).worker_of(uuid) for uuid in self._new}
        return [] if theirs == {str(1 - SLOT)} else [f"new calls went to the workers {', '.join(sorted(theirs))}"]

    def after(self, house: Platform) -> None:
        self._say(house, "undrain")
        until(lambda: self._alive(house) == {"1"}, "it takes calls again", OVER_S)

    def _alive(self, house: Platform) -> set[str]:
        return set(house.switch.tap.api(f"global_getvar cti_alive_{SLOT}").split())

    def _say(self, house: Platform, word: str) -> None:
        config = str(of(house).cluster.config("n2", "api"))
        command = [sys.executable, "-m", "cti", "node", word, f"n1/{SLOT}", "--config", config]
        subprocess.run(command, check=True, timeout=COMMAND_S, stdout=subprocess.DEVNULL)


class FrontKilled(Fault):
    name, what, hold_s = "front-killed", "kill -9 of one of two fronts, which is started again after 2 s", 2.0
    met = SERVED

    def inject(self, house: Platform) -> None:
        of(house).kill("n1/api")

    def heal(self, house: Platform) -> None:
        of(house).start("n1/api")


class OneSwitchKilled(Fault):
    name, what, hold_s = "switch-killed", "kill -9 of one of two switches, which is started again after 5 s", 5.0
    expected = ALL_LOST
    met = SERVED

    def hits(self, house: Platform, uuid: str) -> bool:
        return of(house).on(SWITCH, uuid)

    def inject(self, house: Platform) -> None:
        house.switch.kill()

    def heal(self, house: Platform) -> None:
        house.switch.start()


class OfLink(OfWorker):
    noticed = False

    def hits(self, house: Platform, uuid: str) -> bool:
        return super().hits(house, uuid) and of(house).on(SWITCH, uuid)


class OneLinkCut(OfLink, LinkCut):
    what = "both connections between one worker and one switch cut, none admitted for 4 s"


class OneLinkBlackHoled(OfLink, LinkBlackHoled):
    what = "nothing arrives between one worker and one switch for 8 s, then all of it"


class OneLinkSlow(OfLink, LinkSlow):
    what = "each piece between one worker and one switch takes 300 ms, for 6 s"


class OneDiskFull(OfWorker, DiskFull):
    what = "no byte is left on the file system of one worker's `data` for 5 s"


class OneOutOfDescriptors(OfWorker, DescriptorsExhausted):
    what = "one worker may open nothing for 5 s, and loses the back office"


def cluster_faults() -> list[Fault]:
    """In the order of the table."""
    return [
        Fault(), LeaderKilled(), LeaderStopped(), WorkerKilled(), WorkerKilledSurvivor(), WorkerStopped(),
        WorkerDrained(), FrontKilled(), OneSwitchKilled(), OneLinkCut(), OneLinkBlackHoled(), OneLinkSlow(),
        OfficeKilled(), OfficeStopped(), DatabaseKilled(), OneDiskFull(), OneOutOfDescriptors(),
    ]  # fmt: skip
