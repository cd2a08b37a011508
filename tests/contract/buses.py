"""A cluster of processes for the contract of `cti.ports.cluster.Bus`, by either way of carrying it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import gevent
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from cti.ports.cluster import LEADER_JOB, Bus, Leader, Member, Message, holder_name
from cti.runtime.cluster.memory_bus import MemoryHub
from cti.runtime.cluster.shared_bus import SharedBus
from cti.store.cluster import ClusterStore
from cti.store.jobs import Jobs
from cti.store.schema_cluster import cluster_drains, cluster_members, cluster_messages
from cti.store.schema_jobs import job_leases
from cti.store.sealing import Sealer

SEALER = Sealer({"k1": bytes(32)}, "k1", bytes(32))
DEADLINE_S = 30.0


def member(address: str, *roles: str, **fields: Any) -> Member:
    return Member(address, uuid.uuid4().hex, frozenset(roles or ("flow",)), **fields)


@dataclass
class Ears:
    """What one process was told, in order: messages, others that come (+) and are gone (-), leaders."""

    bus: Bus
    all: list[Any] = field(default_factory=list)
    settled: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.bus.listen("t.", self.all.append)
        self.bus.listen("settled", lambda message: self.settled.add(message.body["mark"]))
        self.bus.watchers.append(self._watch)
        self.bus.led.append(self.all.append)

    def _watch(self, who: Member, here: bool) -> None:
        if who.address != self.bus.me:
            self.all.append(f"{'+' if here else '-'}{who.address}")

    @property
    def messages(self) -> list[tuple[str, str, dict[str, Any]]]:
        return [(one.sender, one.kind, dict(one.body)) for one in self.all if isinstance(one, Message)]

    @property
    def comings(self) -> list[str]:
        return [one for one in self.all if isinstance(one, str)]

    def send(self, other: Bus, kind: str, epoch: int = 0, **body: Any) -> None:
        self.bus.send(other.me, other.run, kind, body, epoch=epoch)


def wait(condition: Callable[[], object]) -> None:
    deadline = gevent.get_hub().loop.now() + DEADLINE_S
    while not condition():
        assert gevent.get_hub().loop.now() < deadline
        gevent.sleep(0.01)


class Rig(Protocol):
    """What the contract needs of a cluster beside its buses."""

    def join(self, member: Member) -> Ears: ...

    def kill(self, ears: Ears) -> None:
        """Without a word."""

    def lead(self, ears: Ears | None) -> int: ...

    def drain(self, ears: Ears, draining: bool) -> None: ...


def settle(*all_ears: Ears) -> None:
    """Until what these have sent each other has come, or will not."""
    mark = uuid.uuid4().hex
    for one in all_ears:
        for other in all_ears:
            if one is not other:
                one.send(other.bus, "settled", mark=f"{mark}{one.bus.me}")
    wants = [{f"{mark}{one.bus.me}" for one in all_ears if one is not other} for other in all_ears]
    wait(lambda: all(want <= other.settled for want, other in zip(wants, all_ears, strict=True)))


class MemoryRig:
    def __init__(self) -> None:
        self._hub = MemoryHub()

    def join(self, member: Member) -> Ears:
        return Ears(self._hub.join(member))

    def kill(self, ears: Ears) -> None:
        self._hub.leave(self._hub.buses[ears.bus.me])

    def lead(self, ears: Ears | None) -> int:
        self._hub.lead(None if ears is None else self._hub.buses[ears.bus.me])
        return 0 if self._hub.leader is None else self._hub.leader.epoch

    def drain(self, ears: Ears, draining: bool) -> None:
        self._hub.buses[ears.bus.me].tell(draining=draining)


class SharedRig:
    """On a PostgreSQL."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.engine = create_engine(self.url)
        tables = [cluster_drains, cluster_members, cluster_messages, job_leases]
        for table in tables:
            table.drop(self.engine, checkfirst=True)
            table.create(self.engine)
        self._stores: list[ClusterStore] = []
        self._buses: list[SharedBus] = []
        self._jobs = Jobs(self.engine, self.url)
        self.admin = self.store()

    def store(self) -> ClusterStore:
        self._stores.append(ClusterStore(self.url, SEALER))
        return self._stores[-1]

    def join(self, member: Member) -> Ears:
        bus = SharedBus(self.store(), member)
        ears = Ears(bus)
        bus.start()
        self._buses.append(bus)
        return ears

    def kill(self, ears: Ears) -> None:
        assert isinstance(ears.bus, SharedBus)
        gevent.killall(ears.bus._running)
        self._buses.remove(ears.bus)

    def lead(self, ears: Ears | None) -> int:
        found = self._jobs.find(LEADER_JOB)
        epoch = self._jobs.take(LEADER_JOB, "" if ears is None else holder_name(ears.bus.me, ears.bus.run), found)
        assert epoch is not None
        return epoch

    def drain(self, ears: Ears, draining: bool) -> None:
        node = ears.bus.me.partition("/")[0]
        self.admin.drain(node, 1.0) if draining else self.admin.undrain(node)

    def cut(self) -> None:
        """Every connection to the database breaks."""
        with self.engine.begin() as connection:
            connection.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
            )

    def close(self) -> None:
        for bus in self._buses:
            bus.stop()
        for store in self._stores:
            store.close()
        self._jobs.close()
        self.engine.dispose()


def leader_of(ears: Ears, epoch: int) -> Leader:
    return Leader(ears.bus.me, ears.bus.run, epoch)
