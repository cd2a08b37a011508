"""Which calls this engine may go on with, and where it writes where its own stand."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import gevent

from cti.core.errors import CtiError
from cti.core.snapshots import FLOOR, TALK, Ownership, RunSnapshot, floor_id, talk_id
from cti.runtime.durable.body import Instant, SnapshotUnreadable, load
from cti.runtime.durable.saver import call_of, over_of
from cti.runtime.job_owner import boottime

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from cti.core.calls import NewCall
    from cti.core.commands import Say
    from cti.core.snapshots import CallsLeft, Sign
    from cti.flow import Plan
    from cti.ports import Clock, OwnerBook, Store
    from cti.runtime.durable.plans import PlanSource

log = logging.getLogger("cti.engine")


#: How often an engine gives a sign of life, which tells afterwards when a gap began.
SIGN_S = 2.0
#: A sign of life is good for so long, then it is asked anew before anything is done that cannot be taken back. Shorter
#: than an engine is ever silent before another one may have its slot: `LIFE_S` of `cti.switch.holding` less `BEAT_S`.
SURE_S = 3.0
#: The database has 10 s to answer (`cti.store.repository`). Where it took longer, this process stood still.
STOPPED_S = 15.0
#: How long a write to the back office waits for where the call stands to be on disk.
INTENT_S = 2.0


class DurableCalls:
    """``owner``: node and slot, the same at every start. ``boot``: of the machine's start. ``prompt``: what a caller
    hears first after a gap, by language."""

    def __init__(
        self,
        store: Store,
        owners: OwnerBook,
        clock: Clock,
        owner: str,
        plans: PlanSource,
        *,
        boot: str = "",
        prompt: Mapping[str, Say] | None = None,
        boottime: Callable[[], float] = boottime,
    ) -> None:
        self.owner, self.ownership = owner, Ownership(0)
        self._store, self._owners, self._clock, self._plans = store, owners, clock, plans
        self._boot = boot
        self._prompt = dict(prompt or {})
        self._left: dict[str, RunSnapshot] = {}
        self._floor_id, self._floor_number = floor_id(owner), 0
        self.floor_left = b""  # who sat where
        self.talks_left: list[bytes] = []  # contacts at agents
        self._agents: dict[str, str] = {}  # call that was left talking -> agent
        self._newest: dict[str, Instant] = {}  # of what each start of a machine left
        self._ahead: dict[str, float] = {}  # of its monotonic clock, once that was asked
        #: Told of agents whose talk with a call that was left is over.
        self.talk_over: Callable[[str], None] = lambda _agent: None
        self._taking: set[str] = set()
        #: Told, once, that this worker is another engine's by now.
        self.lost: Callable[[], object] = lambda: None
        self._boottime = boottime
        self._sure_at = boottime()
        #: Told when the last of the calls that were being taken up goes on.
        self.settled: Callable[[], None] = lambda: None

    # ---- the engine begins ---------------------------------------------------------------------------------------

    def begin(self) -> int:
        """Before calls come: what the last engine of this worker left is ours now; how many calls. A database that does
        not answer leaves them without: their flows begin again."""
        try:
            self.ownership = self._owners.begin(self.owner, self._clock.now())
            self._store.fence(self.owner, self.ownership.epoch, lambda: self.lost())
            for one in self._store.find_snapshots(self.owner):
                if one.call_id == self._floor_id:
                    self.floor_left = one.body
                else:
                    self.take_in([one])
        except CtiError as error:
            log.error("where calls stood is not known, their flows begin again: %s", error)
        return len(self._left)

    def take_in(self, left: Iterable[RunSnapshot]) -> None:
        """Calls of another engine that is no more."""
        for one in left:
            if one.call_id.startswith(TALK):
                self.talks_left.append(one.body)
                self._floor_number = max(self._floor_number, one.number)  # of a row that is ours now
                continue
            if one.call_id.startswith(FLOOR):
                continue  # who sat there sits where the floor is now
            self._left[one.call_id] = one
            try:
                saved = load(one.body)
            except SnapshotUnreadable:
                continue
            self._dated(saved.at)
            agent = saved.stay.get("agent") if saved.stay is not None and not saved.by_text else None
            if agent:  # who writes with an agent waits for that one again
                self._agents[one.call_id] = agent

    def take_up(self, dead: str, seen: Sign, run: str) -> CallsLeft | None:
        """The calls of another worker, whose engine has given no sign of life since it was ``seen``; None: another
        engine has them. ``run``: of the ledger, which goes on with their stays. Raises StoreUnavailable."""
        if not self.ownership.epoch:
            return None  # this engine began without the database: it has nothing to own them by
        left = self._owners.take_up(dead, seen, self.owner, self.ownership.epoch, run)
        if left is not None:
            # So long they had an engine, for their records.
            self.take_in(replace(one, saved_at=max(one.saved_at, seen.seen_at)) for one in left.snapshots)
        return left

    @property
    def agents_talking(self) -> frozenset[str]:
        """With callers who were left."""
        return frozenset(self._agents.values())

    def talk_taken(self, uuid: str) -> None:
        """The talk that the call was left in is the distribution's again, whose end is told to it as ever."""
        self._agents.pop(uuid, None)

    @property
    def unheard(self) -> frozenset[str]:
        """Calls that were left, of which the switch has not told yet, or that are being taken up."""
        return frozenset(self._left) | frozenset(self._taking)

    def no_talk(self, uuid: str) -> None:
        """The talk that the call was left in is over, or there is none any more."""
        agent = self._agents.pop(uuid, "")
        if agent and agent not in self._agents.values():
            self.talk_over(agent)

    def keep_floor(self, body: bytes) -> None:
        """Who sits where, for the next engine."""
        self._floor_number += 1
        epoch, now = self.ownership.epoch, self._clock.now()
        self._store.keep_snapshot(RunSnapshot(self._floor_id, "", self.owner, epoch, self._floor_number, now, body))

    def keep_talk(self, contact: str, body: bytes) -> None:
        """Where a contact at an agent stands, for the next engine; empty: it is at none any more. What is handled goes
        with the record of it."""
        self._floor_number += 1
        epoch, now = self.ownership.epoch, self._clock.now()
        self._store.keep_snapshot(RunSnapshot(talk_id(contact), "", self.owner, epoch, self._floor_number, now, body))

    def run(self) -> None:
        """Signs of life, until killed."""
        while True:
            gevent.sleep(SIGN_S)
            self.sign()

    def sign(self) -> bool:
        """False: this worker is another engine's by now. A database that does not answer says nothing of that."""
        at, ours = self._boottime(), True
        try:
            ours = self._owners.seen(self.owner, self.ownership.epoch, self._clock.now())
        except CtiError as error:
            log.debug("no sign of life: %s", error)
            if self._boottime() - at < STOPPED_S:  # else it is not the database that let us wait
                at = self._boottime()
        if ours or not self.ownership.epoch:
            self._sure_at = at
            return True
        self.lost()
        return False

    def sure(self) -> bool:
        """Before something is done that neither the switch nor the database holds back: is this still the engine of its
        worker? Asked of the database where this process was not running for a while, by a clock that counts that."""
        return self._boottime() - self._sure_at <= SURE_S or self.sign()

    def by_text(self, switch: str) -> list[NewCall]:
        """The conversations that were left on ``switch``, which cannot tell of them itself."""
        found = []
        for one in self._left.values():
            if one.switch == switch:
                try:
                    found.append(call_of(one))
                except SnapshotUnreadable as error:
                    log.error("conversation %s cannot be gone on with: %s", one.call_id, error)
        return found

    # ---- calls that were left --------------------------------------------------------------------------------------

    def has(self, uuid: str) -> bool:
        return uuid in self._left

    def take(self, uuid: str) -> RunSnapshot | None:
        """It is about to go on; `taken` when it does, or cannot."""
        found = self._left.pop(uuid, None)
        if found is not None:
            self._taking.add(uuid)
        return found

    def taken(self, uuid: str) -> None:
        if uuid in self._taking:
            self._taking.discard(uuid)
            if not self._taking:
                self.settled()

    @property
    def settling(self) -> bool:
        return bool(self._taking)

    def over(self, switch: str, live: Collection[str]) -> list[NewCall]:
        """Calls that are over, and whose flow has something left to do after the hang-up."""
        left = [one for one in self._left.values() if one.switch == switch and one.call_id not in live]
        return [call for call in map(over_of, left) if call is not None]

    def gone(self, switch: str, live: Collection[str]) -> list[RunSnapshot]:
        """The switch has told which calls are live: the others ended while nobody was there."""
        over = [one for one in self._left.values() if one.switch == switch and one.call_id not in live]
        for one in over:
            del self._left[one.call_id]
            self.no_talk(one.call_id)
        return over

    def find_plan(self, flow: str, version: str) -> Plan | None:
        return self._plans.find(flow, version)

    def prompt(self, language: str) -> tuple[Say, ...]:
        """What the caller hears first."""
        said = self._prompt.get(language)
        return () if said is None else (said,)

    def last_seen(self, saved_at: float) -> float:
        """When a call was last known to have an engine (wall clock)."""
        return min(max(saved_at, self.ownership.last_seen or saved_at), self._clock.now())

    # ---- calls that are up -----------------------------------------------------------------------------------------

    def instant(self) -> Instant:
        return Instant(self._clock.now(), self._clock.monotonic(), self._boot)

    def keep(self, call: NewCall, number: int, body: bytes) -> None:
        self._store.keep_snapshot(
            RunSnapshot(call.uuid, call.switch, self.owner, self.ownership.epoch, number, self._clock.now(), body)
        )

    def ahead_of(self, then: Instant) -> float:
        """How far the monotonic clock of now is ahead of the one by which something was kept. The same for all that was
        kept by it, though each is asked of at another moment, so that who waited longer still does; and a wall clock
        that was set while it was kept has no say."""
        newest = self._newest.get(then.boot)
        if not then.boot or newest is None:
            return self.instant().ahead_of(then)
        if then.boot not in self._ahead:
            self._ahead[then.boot] = self.instant().ahead_of(newest)
        return self._ahead[then.boot]

    def _dated(self, at: Instant) -> None:
        newest = self._newest.get(at.boot)
        if newest is None or at.monotonic > newest.monotonic:
            self._newest[at.boot] = at
            self._ahead.pop(at.boot, None)

    def on_disk(self) -> bool:
        """Wait until everything that was kept so far is: the intent precedes its effect. A database that is away holds
        nobody up for ever; False then."""
        return self._store.wait_snapshots(INTENT_S)
