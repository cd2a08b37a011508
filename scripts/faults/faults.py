"""The faults: how each is made, how it is undone, what it may cost."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from scripts.benchmarks._figures import cpu_s
from scripts.faults.house import Platform
from scripts.faults.verdict import ALL_LOST, Expected


class Fault:
    """``hold_s``: between `inject` and `heal`. One object serves all repetitions, one after the other."""

    name = "none"
    what = "no fault: what the same load costs alone"
    hold_s = 1.0
    expected = Expected()
    noticed = False  # the engine lives and is to see that its switch is away
    met: frozenset[str] = frozenset()  # what somebody may meet who calls while it lasts; empty: anything

    def refused(self, house: Platform) -> str:
        """Why it cannot be made here; empty: it can."""
        return ""

    def prepare(self, house: Platform) -> None:
        """Before the load."""

    def inject(self, house: Platform) -> None:
        """At once."""

    def heal(self, house: Platform) -> None:
        """As an operator, systemd or the network would."""

    def hits(self, house: Platform, uuid: str) -> bool:
        """A call that is up stands where it strikes: only such are lost by it, and one of them is the canary."""
        return True

    def found(self, house: Platform) -> list[str]:
        """What did not go as it should, beside the calls; asked when the platform is whole again, with calls up."""
        return []

    def after(self, house: Platform) -> None:
        """When all calls are over, whatever came of it."""


class EngineKilled(Fault):
    name, what, hold_s = "engine-killed", "kill -9 of the engine, which is started again at once", 0.5

    def inject(self, house: Platform) -> None:
        house.engine.kill()

    def heal(self, house: Platform) -> None:
        house.start_engine()


class EngineKilledStandby(Fault):
    name, what, hold_s = "engine-killed-standby", "kill -9 of the engine while another waits with --standby", 0.5

    def prepare(self, house: Platform) -> None:
        self._running = house.engine
        _wait_until_idle(house.start_engine("--standby").pid)

    def inject(self, house: Platform) -> None:
        self._running.kill()


class EngineStopped(Fault):
    name, what = "engine-stopped", "SIGSTOP of the engine, then SIGCONT"

    def __init__(self, seconds: float = 10.0) -> None:
        self.hold_s = seconds
        if seconds != 10.0:
            self.name = f"engine-stopped-{seconds:.0f}s"

    def inject(self, house: Platform) -> None:
        house.engine.send(signal.SIGSTOP)

    def heal(self, house: Platform) -> None:
        house.engine.send(signal.SIGCONT)


class SwitchKilled(Fault):
    name, what, hold_s = "switch-killed", "kill -9 of the switch, which is started again", 2.0
    expected = ALL_LOST
    noticed = True

    def inject(self, house: Platform) -> None:
        house.switch.kill()

    def heal(self, house: Platform) -> None:
        house.switch.start()


class LinkCut(Fault):
    name, what, hold_s = "link-cut", "both event-socket connections cut, none admitted for 4 s", 4.0
    noticed = True

    def inject(self, house: Platform) -> None:
        house.wire.cut()

    def heal(self, house: Platform) -> None:
        house.wire.heal()


class LinkBlackHoled(LinkCut):
    name, what, hold_s = "link-black-holed", "nothing arrives over the event sockets for 8 s, then all of it", 8.0

    def inject(self, house: Platform) -> None:
        house.wire.black_hole()


class LinkSlow(LinkCut):
    name, what, hold_s = "link-slow", "each piece on the event sockets takes 300 ms, for 6 s", 6.0
    noticed = False

    def inject(self, house: Platform) -> None:
        house.wire.slow(0.3)


class OfficeKilled(Fault):
    name, what, hold_s = "office-killed", "kill -9 of the back office, which is started again after 4 s", 4.0

    def inject(self, house: Platform) -> None:
        house.billing.kill()

    def heal(self, house: Platform) -> None:
        house.billing.restart()
        house.office_wire.far = ("127.0.0.1", house.billing.port)


class OfficeStopped(Fault):
    name, what, hold_s = "office-stopped", "SIGSTOP of the back office for 6 s", 6.0

    def inject(self, house: Platform) -> None:
        house.billing.send(signal.SIGSTOP)

    def heal(self, house: Platform) -> None:
        house.billing.send(signal.SIGCONT)


class DatabaseKilled(Fault):
    name, what, hold_s = "database-killed", "kill -9 of PostgreSQL, which is started again after 5 s", 5.0

    def refused(self, house: Platform) -> str:
        return "" if house.postgresql else "the database is SQLite, no process"

    def inject(self, house: Platform) -> None:
        assert house.postgresql is not None
        house.postgresql.kill()

    def heal(self, house: Platform) -> None:
        assert house.postgresql is not None
        house.postgresql.start()


class DatabaseLocked(Fault):
    name, what, hold_s = "database-locked", "somebody else holds SQLite's write lock for 8 s", 8.0

    def refused(self, house: Platform) -> str:
        return "the database is PostgreSQL" if house.postgresql else ""

    def inject(self, house: Platform) -> None:
        self._holder = sqlite3.connect(house.data / "cti.db", timeout=30, isolation_level=None)
        self._holder.execute("BEGIN IMMEDIATE")

    def heal(self, house: Platform) -> None:
        self._holder.rollback()
        self._holder.close()


class DiskFull(Fault):
    name, what, hold_s = "disk-full", "no byte is left on the file system of `data` for 5 s", 5.0

    def refused(self, house: Platform) -> str:
        return "" if house.small_disk else "no file system of its own for `data` (needs root and mount)"

    def inject(self, house: Platform) -> None:
        if house.postgresql is None:  # or the log that is there already has room for all that is written meanwhile
            with closing(sqlite3.connect(house.data / "cti.db", timeout=5)) as database:
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with (house.data / "filler").open("wb", buffering=0) as filler:
            for size in (1 << 20, 1 << 12, 1):
                try:
                    while True:
                        filler.write(b"\0" * size)
                except OSError:
                    continue

    def heal(self, house: Platform) -> None:
        (house.data / "filler").unlink()


class DescriptorsExhausted(Fault):
    name, what, hold_s = (
        "descriptors-exhausted",
        "the engine may open nothing for 5 s (RLIMIT_NOFILE) and loses the back office",
        5.0,
    )

    def inject(self, house: Platform) -> None:
        self._pid = house.engine.pid
        self._before = resource.prlimit(self._pid, resource.RLIMIT_NOFILE)
        used = {int(one) for one in os.listdir(f"/proc/{self._pid}/fd")}
        free = next(number for number in range(len(used) + 1) if number not in used)  # what the next file would get
        resource.prlimit(self._pid, resource.RLIMIT_NOFILE, (free, self._before[1]))
        house.office_wire.cut()  # the next question needs a new connection
        house.office_wire.heal()

    def heal(self, house: Platform) -> None:
        if Path(f"/proc/{self._pid}").exists():
            resource.prlimit(self._pid, resource.RLIMIT_NOFILE, self._before)


def all_faults(*, long: bool = False) -> list[Fault]:
    """In the order of the table. ``long``: the engine is stopped for 30 s and 120 s, too."""
    stops = [EngineStopped(), *([EngineStopped(30.0), EngineStopped(120.0)] if long else [])]
    return [
        Fault(), EngineKilled(), EngineKilledStandby(), *stops, SwitchKilled(), LinkCut(), LinkBlackHoled(), LinkSlow(),
        OfficeKilled(), OfficeStopped(), DatabaseKilled(), DatabaseLocked(), DiskFull(), DescriptorsExhausted(),
    ]  # fmt: skip


def _wait_until_idle(pid: int) -> None:
    """A standby that has imported what it needs waits for the lock and says nothing, so its CPU time is looked at."""
    last, since, deadline = 0.0, time.monotonic(), time.monotonic() + 30
    while time.monotonic() < deadline:
        used = cpu_s(pid)
        if used != last:
            last, since = used, time.monotonic()
        elif used > 0.2 and time.monotonic() - since > 0.7:
            return
        time.sleep(0.1)
