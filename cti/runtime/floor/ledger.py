"""Keeps what the floor does: every fact that is counted becomes a record of the store."""

from __future__ import annotations

import uuid
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from cti.acd import outputs as o
from cti.acd.states import Presence
from cti.core import floor_records as f
from cti.core.wrapups import WrapUpKept
from cti.runtime.floor.handling import Handling, handling_of
from cti.runtime.floor.ids import call_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from cti.acd import Distribution
    from cti.core.records import Record


class Ledger:
    """A listener of `FloorOwner`. ``worker`` names the engine (node and slot) the same at every start.

    The distribution numbers entries and offers from 1 at every start; with the id of the run before it no number comes
    twice. Contacts of one call are told apart behind a ``~`` (see `cti.runtime.floor.desk`).
    """

    def __init__(self, record: Callable[[Record], None], worker: str, run: str | None = None) -> None:
        self._record, self._worker = record, worker
        #: What the agent of a contact that is closed now has written about it.
        self.written: Callable[[o.Handled], Handling] = handling_of
        self.run = run or uuid.uuid4().hex[:16]
        self._serial = 0
        self._presence: dict[str, f.PresencePeriod] = {}
        self._going_on: dict[str, str] = {}  # contact -> entry of an earlier run that goes on
        self._stays: dict[str, f.EntryOpened] = {}  # those entries, as they began
        self._entries: dict[int, str] = {}  # those that have begun again, by their number now

    def begin(
        self, at: float, going_on: Mapping[str, str] = MappingProxyType({}), stays: Iterable[f.EntryOpened] = ()
    ) -> None:
        """Before the first fact: what an earlier run of this worker left open ends now, except for the entries that are
        ``going_on``: contact -> id of the entry, and the ``stays`` of callers who are still on the line, perhaps."""
        self._stays = {stay.contact: stay for stay in stays}
        self._going_on = {**{name: stay.entry_id for name, stay in self._stays.items()}, **going_on}
        self._record(f.RunBegan(worker=self._worker, run=self.run, at=at, kept=tuple(self._going_on.values())))

    def take_in(self, stays: Iterable[f.EntryOpened]) -> None:
        """Stays of another worker's callers, who are about to go on here."""
        for stay in stays:
            self._stays[stay.contact] = stay
            self._going_on[stay.contact] = stay.entry_id

    def goes_on(self, contact: str) -> bool:
        """Its stay is open on record, by an earlier engine."""
        return contact in self._going_on

    def lose(self, calls: Collection[str], at: float) -> None:
        """These calls ended while no engine was there, and so did their stays."""
        for contact, stay in list(self._stays.items()):
            if stay.call_id in calls and self._going_on.pop(contact, None) is not None:
                own = f.parts_of(self._stays.pop(contact), f.EntryOpened)
                waited = max(0.0, at - stay.began_at)
                self._record(f.EntryClosed(**own, ended_at=at, outcome="lost", reason="engine_lost", wait_s=waited))

    def close(self, acd: Distribution, at: float) -> None:
        """At an orderly end: how agents spent the time that no fact has told yet, and their presence."""
        for desk in acd.floor.desks.values():
            if desk.bucket and at > desk.bucket_since:
                self.hear(o.TimeSpent(at, desk.agent, desk.bucket, at - desk.bucket_since))
        for period in self._presence.values():
            self._record(replace(period, ended_at=at))
        self._presence.clear()

    def hear(self, fact: o.Output) -> None:
        match fact:
            case o.EntryBegan():
                if fact.contact in self._going_on:
                    self._entries[fact.entry] = self._going_on.pop(fact.contact)
                else:
                    self._record(self._opened(fact, fact.at))
            case o.EntryEnded():
                self._record(self._closed(fact))
                self._entries.pop(fact.entry, None)
            case o.OfferMade():
                self._record(self._offer(fact, fact.at, str(fact.why)))
            case o.OfferEnded():
                self._offer_ended(fact)
            case o.Handled():
                self._handled(fact)
            case o.PresenceChanged():
                self._presence_changed(fact)
            case o.TimeSpent():
                self._record(
                    f.AgentTime(
                        fact_id=self._id(),
                        agent=fact.agent,
                        bucket=fact.bucket,
                        ended_at=fact.at,
                        seconds=fact.seconds,
                    )
                )

    def note(self, handling: Handling, ended_at: float | None = None, ended_by: str = "") -> None:
        """An agent wrote something about a contact, or is done with it."""
        handling.handling_id = handling.handling_id or self._id()
        own, call = handling.wrapup, call_of(handling.contact)
        self._record(
            WrapUpKept(
                handling_id=handling.handling_id,
                worker=self._worker,
                run=self.run,
                contact=handling.contact,
                call_id=call,
                agent=handling.agent,
                queue=handling.queue,
                medium=handling.medium,
                version=own.version + (ended_at is not None),
                at=own.at or ended_at or 0.0,
                disposition=own.disposition,
                notes=own.notes,
                variables=own.variables,
                ended_at=ended_at,
                ended_by=ended_by,
            )
        )

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _id(self) -> str:
        self._serial += 1
        return f"{self.run}/{self._serial}"

    def _opened(self, fact: o.EntryBegan | o.EntryEnded, began_at: float) -> f.EntryOpened:
        return f.EntryOpened(
            entry_id=self._entries.get(fact.entry) or f"{self.run}/{fact.entry}",
            worker=self._worker,
            run=self.run,
            contact=fact.contact,
            call_id=call_of(fact.contact),
            queue=fact.queue,
            medium=fact.medium,
            began_at=began_at,
            counted=fact.counted,
        )

    def _closed(self, fact: o.EntryEnded) -> f.EntryClosed:
        return f.EntryClosed(
            **f.parts_of(self._opened(fact, fact.began_at), f.EntryOpened),
            ended_at=fact.at,
            outcome=str(fact.outcome),
            reason=fact.reason,
            wait_s=fact.wait_s,
            agent=fact.agent,
            told_wait_s=fact.told_wait_s,
            told_after_s=fact.told_after_s,
        )

    def _offer(self, fact: o.OfferMade | o.OfferEnded, made_at: float, why: str) -> f.OfferOpened:
        return f.OfferOpened(
            offer_id=f"{self.run}/{fact.offer}",
            worker=self._worker,
            run=self.run,
            contact=fact.contact,
            call_id=call_of(fact.contact),
            agent=fact.agent,
            queue=fact.queue,
            medium=fact.medium,
            made_at=made_at,
            why=why,
        )

    def _offer_ended(self, fact: o.OfferEnded) -> None:
        opened = self._offer(fact, fact.at - fact.lasted_s, "")
        own = f.parts_of(opened, f.OfferOpened)
        self._record(f.OfferClosed(**own, ended_at=fact.at, ending=str(fact.ending), reason=fact.reason))

    def _handled(self, fact: o.Handled) -> None:
        handling = self.written(fact)
        self.note(handling, fact.at, fact.ended_by)
        self._record(
            f.ContactHandled(
                fact_id=self._id(),
                contact=fact.contact,
                call_id=call_of(fact.contact),
                agent=fact.agent,
                queue=fact.queue,
                medium=fact.medium,
                ended_at=fact.at,
                talk_s=fact.talk_s,
                hold_s=fact.hold_s,
                work_s=fact.work_s,
                ended_by=fact.ended_by,
                disposition=handling.wrapup.disposition,
            )
        )

    def _presence_changed(self, fact: o.PresenceChanged) -> None:
        before = self._presence.pop(fact.agent, None)
        if before is not None:
            self._record(replace(before, ended_at=fact.at))
        if fact.presence is Presence.LOGOUT:
            return
        period = f.PresencePeriod(
            fact_id=self._id(),
            worker=self._worker,
            run=self.run,
            agent=fact.agent,
            presence=str(fact.presence),
            reason=fact.reason,
            began_at=fact.at,
        )
        self._presence[fact.agent] = period
        self._record(period)
