"""A cluster to break: the one of `scripts/cluster`, with flows, back office and people of `scripts/chaos`."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from scripts.faults.cable import Cable
from scripts.faults.house import Plan, Platform, mounted, unmount
from scripts.faults.pair import Both, Pair
from scripts.faults.people import People
from scripts.faults.processes import PostgreSQL, Program, until
from scripts.faults.site import CLUSTER_CONFIG, write_flows
from scripts.trying import house as trying

#: The worker that is broken, its slot, and the switch to which its way may be cut.
WORKER, SLOT, SWITCH = "n1/flow", 0, "a"
LOOK_S, WHOLE_S = 0.2, 60.0


class Cluster(trying.House):
    site = CLUSTER_CONFIG

    def __init__(self, folder: Path, *, embedded: bool, log: Path) -> None:
        super().__init__(folder, embedded=embedded, port=0, say=self._note)
        self._log, self.cable = log, None  # type: Path, Cable | None

    def _note(self, words: str) -> None:
        with self._log.open("a", encoding="utf-8") as file:
            file.write(f"{words}\n")

    def write_flows(self) -> None:
        write_flows(self.folder / "flows")

    def add_people(self, config: Path) -> None:
        """They come when all of it runs."""

    def wire(self, node: str, role: str, switch: str) -> int:
        if (f"{node}/{role}", switch) != (WORKER, SWITCH):
            return super().wire(node, role, switch)
        self.cable = self.cable or Cable(("127.0.0.1", self.switches[switch].port))
        return self.cable.port


class ClusterPlatform(Platform):
    """`engine` is one of the two flow workers. What ends is started again by somebody who looks, but who was killed."""

    switch: Pair

    def __init__(self, folder: Path, plan: Plan, stack: ExitStack) -> None:
        self.folder, self.plan = folder, plan
        self._down: set[str] = set()
        self.cluster = Cluster(folder, embedded=plan.switch == "embedded", log=folder / "cluster.log")
        self.data = folder / WORKER.replace("/", "-")
        self.data.mkdir()
        self.small_disk = plan.disk and mounted(self.data)
        if self.small_disk:
            stack.callback(unmount, self.data)
        self._open_office(stack)
        stack.callback(self._close_cable)
        stack.callback(self.cluster.close)
        self.cluster.start()
        assert self.cluster.database is not None
        assert self.cluster.cable is not None
        self.postgresql: PostgreSQL | None = self.cluster.database
        self.database_url, self.wire = self.cluster.database.url, self.cluster.cable
        self.switch = Pair(self.cluster)
        stack.callback(self.switch.close)
        self.people = People(self.cluster.config("n1", "acd"), self.cluster.port)
        stack.callback(self.people.close)
        self._closing = threading.Event()
        self._manager = threading.Thread(target=self._look, daemon=True)
        self._manager.start()
        stack.callback(self._manager.join)
        stack.callback(self._closing.set)

    def _look(self) -> None:
        while not self._closing.wait(LOOK_S):
            self.cluster.look(self._down)

    def _close_cable(self) -> None:
        if self.cluster.cable is not None:
            self.cluster.cable.close()

    # ---- processes ---------------------------------------------------------------------------------------------------

    def program(self, name: str) -> Program:
        return self.cluster.programs[name]

    def kill(self, name: str) -> None:
        """``name`` stays down until `start`."""
        self._down.add(name)
        self.program(name).kill()

    def start(self, name: str) -> None:
        self._down.discard(name)

    @property
    def leader(self) -> tuple[str, int]:
        """Who has the lease, and its epoch. Raises SQLAlchemyError while the database is gone."""
        [(holder, epoch)] = self.ask("SELECT holder, epoch FROM job_leases WHERE job = 'acd'")
        return str(holder).partition("#")[0], int(epoch)

    @property
    def engine(self) -> Program:
        return self.program(WORKER)

    def start_engine(self, *options: str) -> Program:
        self.start(WORKER)
        return self.engine

    def held(self) -> dict[str, int]:
        """By role: who leads holds more than who waits."""
        found: Counter[str] = Counter()
        for name, program in self.cluster.programs.items():
            found.update({f"{what} of {name.partition('/')[2]}": count for what, count in program.held().items()})
        return dict(found)

    def whole(self) -> bool:
        """At last: whoever was started again may not be up yet."""
        with contextlib.suppress(TimeoutError):
            until(lambda: not self._down and self.cluster.ready(), "all processes are there", WHOLE_S, 0.2)
            return True
        return False

    def told(self) -> str:
        logs = sorted(self.folder.glob("n?-flow.log"))
        return "\n".join(one.read_text(errors="replace")[-700:] for one in logs)

    # ---- looking -----------------------------------------------------------------------------------------------------

    def worker_of(self, uuid: str) -> str:
        """The slot that has the call."""
        return self.switch.tap.api(f"uuid_getvar {uuid} presence_data").strip()

    def on(self, switch: str, uuid: str) -> bool:
        return self.switch.tap.at(uuid) == switch


@contextmanager
def cluster(folder: Path, plan: Plan) -> Iterator[ClusterPlatform]:
    """Running; whatever happens, nothing of it is left."""
    with ExitStack() as stack:
        yield ClusterPlatform(folder, plan, stack)


__all__ = ["Both", "ClusterPlatform", "cluster"]
