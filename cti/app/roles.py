"""A process of a cluster: the parts of its roles, joined with the other processes by the database that all share."""

from __future__ import annotations

import logging
import signal
import uuid
from typing import TYPE_CHECKING

import gevent
from gevent.event import Event as Flag

from cti.app.acd_engine import AcdEngine
from cti.app.api_front import ApiFront
from cti.app.application import TAKEN_OVER
from cti.app.flow_engine import FlowEngine
from cti.app.parts import endings_of, make_folder, store_place
from cti.core.errors import ConfigError, CtiError
from cti.ports.cluster import LEADER_JOB, Member, holder_name
from cti.runtime.cluster.shared_bus import SharedBus
from cti.runtime.collector import set_aside
from cti.runtime.job_owner import LEADING, JobOwner
from cti.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from cti.config import Settings
    from cti.store import SqlStore
    from cti.switch.holding import Holder

log = logging.getLogger("cti.app")

#: After which it is tried again to stand by.
AGAIN_S = 5.0
#: How often a standby looks whether it is its turn.
LOOK_S = 0.25


def require_cluster(settings: Settings, roles: Collection[str]) -> None:
    """Raises ConfigError (roles-need-postgresql, bad-roles): these cannot be apart as this is configured."""
    if not (settings.store.url or "").startswith("postgresql"):
        raise ConfigError(
            f"the roles {', '.join(roles)} are joined by the database, and SQLite is one process's alone",
            code="roles-need-postgresql",
            remedy="set `store: {url: postgresql+psycopg://…}`, the same for every process, or leave out the roles",
        )
    if settings.store.keys is None and settings.node != "cti":
        log.warning("`store.keys` and `api.token_key` must be the same files on every machine of a cluster")


class Part:
    """One role on the bus. ``run`` is new at each start."""

    def __init__(self, store: SqlStore, address: str, role: str) -> None:
        self.member = Member(address, uuid.uuid4().hex, frozenset({role}))
        self._cluster = store.accounts.open_cluster()
        self.bus = SharedBus(self._cluster, self.member)

    def close(self) -> None:
        self.bus.stop()
        self._cluster.close()


class AcdPart(Part):
    """Stands by, and leads when the lease is ours. ``over``: told that it has been taken from us."""

    def __init__(
        self, settings: Settings, store: SqlStore, announce: Callable[[str], None], over: Callable[[str], object]
    ) -> None:
        super().__init__(store, f"{settings.node}/acd", "acd")
        self._over = over
        name = holder_name(self.member.address, self.member.run)
        self._owner = JobOwner(LEADER_JOB, store.accounts.jobs, name, pace=LEADING)
        self.bus.start()
        self.engine = AcdEngine(settings, self.bus, announce=announce)
        self.leads = self._retired = False
        self._greenlet = gevent.spawn(self._run)

    def _run(self) -> None:
        log.info("stands by to distribute")
        while not self._taken():
            gevent.sleep(LOOK_S)
        renewing, epoch = gevent.spawn(self._owner.run), self._owner.epoch
        assert epoch is not None
        try:
            self.engine.lead(epoch)
            self.leads = True
            while self._owner.epoch is not None and not self._drained():
                gevent.sleep(LOOK_S)
            self._over("another process distributes")
        except CtiError as error:
            log.error("%s", error)
            self._over(str(error))
        finally:
            renewing.kill(block=False)

    def _taken(self) -> bool:
        """The lease is ours, if nobody else has it and we are not to be drained."""
        if self._drained():
            return False
        try:
            self._owner.look()
        except CtiError as error:
            log.warning("who distributes is not known: %s", error)
        return self._owner.epoch is not None

    def _drained(self) -> bool:
        member = self.bus.members().get(self.bus.me)
        return member is not None and member.draining

    def retire(self) -> None:
        """Others distribute: what this one had of it ends, once."""
        if self._retired:
            return
        self._retired = True
        others = [one for one in self.bus.members().values() if "acd" in one.roles and one.address != self.bus.me]
        self._greenlet.kill(block=True)
        self.engine.stop(goes_on=bool(others) or (self.leads and self._owner.epoch is None))
        self._owner.release()

    def stop(self) -> None:
        self.retire()
        self.close()


class FlowPart(Part):
    def __init__(
        self, settings: Settings, store: SqlStore, holder: Holder | None, direct: Mapping[str, str] | None
    ) -> None:
        super().__init__(store, f"{settings.node}/{settings.worker.slot}", "flow")
        self.engine = FlowEngine(settings, self.bus, holder=holder, direct=direct)

    def start(self) -> None:
        """It hears who leads from the first moment on."""
        self.engine.begin()
        self.bus.start()
        self.engine.start()

    def let_go(self) -> None:
        self.engine.let_go()
        self.close()

    def stop(self) -> None:
        self.engine.stop()
        self.close()


class ApiPart(Part):
    """Passes requests of clients on to whoever leads."""

    def __init__(self, settings: Settings, store: SqlStore) -> None:
        super().__init__(store, f"{settings.node}/api", "api")
        self.front = ApiFront(settings, self.bus)

    def start(self) -> None:
        self.bus.start()
        self.front.start()

    def stop(self) -> None:
        self.front.stop()
        self.close()


class RoleProcess:
    """``holder``: who this process is in its worker slot, with the role flow."""

    def __init__(
        self,
        settings: Settings,
        roles: Collection[str],
        *,
        holder: Holder | None = None,
        direct: Mapping[str, str] | None = None,
        announce: Callable[[str], None] = print,
    ) -> None:
        require_cluster(settings, roles)
        self.settings = settings
        self._asked, self._handing_over, self._taken_by = Flag(), False, ""
        make_folder(settings.data)
        url, keys = store_place(settings)
        self._store = open_store(url, keys, endings=endings_of(settings))
        self.flow = FlowPart(settings, self._store, holder, direct) if "flow" in roles else None
        if self.flow is not None:
            self.flow.engine.ground.durable.lost = lambda: self.step_down("another engine of this worker")
        self.api = ApiPart(settings, self._store) if "api" in roles else None
        self._announce = announce
        self.acd = AcdPart(settings, self._store, announce, self._led_over) if "acd" in roles else None

    def heed_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            gevent.signal_handler(number, self._asked.set)
        gevent.signal_handler(signal.SIGUSR1, self.hand_over)

    def start(self) -> None:
        if self.flow is not None:
            self.flow.start()
        if self.api is not None:
            self.api.start()

    def hand_over(self) -> None:
        """The next engine of this slot waits already."""
        self._handing_over = True
        self._asked.set()

    def _led_over(self, by: str) -> None:
        """Another process leads, or is to. This one ends, to be started as a standby; where it has calls it goes on
        with them, and stands by anew itself."""
        if self.flow is not None:
            log.warning("this process distributes no more: %s", by)
            gevent.spawn(self._stand_by_anew)
            return
        self._taken_by = by
        self._asked.set()

    def _stand_by_anew(self) -> None:
        """A standby is made anew, of what was read anew: nothing of the one before goes into it."""
        if self.acd is not None:
            before, self.acd = self.acd, None
            before.stop()
        while self.acd is None and not self._asked.is_set():
            try:
                self.acd = AcdPart(self.settings, self._store, self._announce, self._led_over)
            except CtiError as error:
                log.error("it cannot stand by, and tries again: %s", error)
                gevent.sleep(AGAIN_S)

    def step_down(self, by: str) -> None:
        """Another process has the slot, and its calls."""
        self._taken_by = by
        if self.flow is not None:
            self.flow.engine.store.disown()
        self._asked.set()

    def run_until_signal(self) -> int:
        set_aside()
        self._asked.wait()
        if self._handing_over and self.flow is not None:
            self.flow.engine.leave_fresh()
        self.stop(wait=not self._handing_over and not self._taken_by)
        return TAKEN_OVER if self._taken_by else 0

    def stop(self, *, wait: bool = False) -> None:
        """``wait``: for calls that are up, as long as `worker.drain_s` says."""
        if self.api is not None:
            self.api.stop()
        if self.acd is not None:
            self.acd.stop()
        if self.flow is not None and wait:
            self.flow.stop()
        elif self.flow is not None:
            self.flow.let_go()
        self._store.close(10.0)
