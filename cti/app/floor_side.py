"""The side of an engine that distributes: agents, queues, callbacks, what people write, opening hours."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import gevent

from cti.app.parts import make_floor, make_hours
from cti.app.recalling import make_callback_desk, make_out_calls, make_set_notices
from cti.app.switchboard import Nowhere
from cti.core.errors import StoreUnavailable
from cti.runtime.cluster.remote_screens import RemoteScreens
from cti.runtime.floor.documents import Documents, in_queues
from cti.runtime.floor.ids import call_of
from cti.runtime.floor.ledger import Ledger
from cti.runtime.floor.left_talks import connected, read
from cti.runtime.floor.text_screens import TextScreens

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from cti.app.ground import Ground
    from cti.app.switchboard import Elsewhere, Switchboard
    from cti.core.documents import DocumentLeft
    from cti.core.floor_records import EntryOpened
    from cti.runtime.engine import Engine
    from cti.runtime.floor.handling import Handling

log = logging.getLogger("cti.app")

#: How long a start waits for what the last engine left in the spill file.
SPILLED_S = 10.0


class FloorSide:
    """``engine``, ``elsewhere``: there once they are made."""

    def __init__(
        self,
        ground: Ground,
        board: Switchboard,
        engine: Callable[[], Engine],
        elsewhere: Callable[[], Elsewhere] = Nowhere,
    ) -> None:
        settings, clock, store = ground.settings, ground.clock, ground.store
        self._ground = ground
        self.floor = floor = make_floor(settings, clock, ground.desk, board)
        self.ledger = Ledger(store.record, ground.worker)
        self._left = self._documents_left()
        going_on = {one.contact: one.entry_id for one in self._left if one.entry_id}
        self.ledger.begin(floor.owner.now(), going_on, self._stays_left())
        floor.callers.returning.settling = lambda: ground.durable.settling
        floor.callers.lost = self._lost
        floor.talks_back.adopting.waits = self.ledger.goes_on
        floor.talks_back.unmet = lambda contact: self.ledger.lose([call_of(contact)], floor.owner.now())
        floor.texts.documents = Documents(store.record, ground.worker)
        self.hours = make_hours(settings, clock, floor, ground.library)
        floor.owner.listeners.append(self.ledger.hear)
        floor.owner.kept = store.flush
        floor.wrapups.keep, self.ledger.written = self._written, floor.wrapups.closing
        ground.durable.settled = floor.callers.returning.let_in
        self.set_notices = make_set_notices(
            ground.accounts.store.notices, ground.notices, clock, ground.library, ground.desk
        )
        out = make_out_calls(settings, floor, ground.journal, board, ground.recordings.plain)
        self.callbacks = make_callback_desk(
            settings,
            clock,
            floor,
            out,
            ground.accounts.store.callbacks,
            ground.library,
            elsewhere,
            engine,
            ground.admission,
            ground.notices.is_over,
        )
        floor.texts.attach(ground.transcripts)
        calls = RemoteScreens(engine, store, out.numbers)
        calls.told = lambda call: elsewhere().told_of(call)
        floor.publisher.screens = TextScreens(calls, floor.texts, ground.transcripts)

    def start(self) -> list[gevent.Greenlet[[], None]]:
        """What holds is known before the first call; what runs until it is killed."""
        ground = self._ground
        self.floor.start()
        ground.blocked.look()
        self.hours.look()
        self.set_notices.look()
        self.floor.texts.resume(self._left)
        self.callbacks.start()
        return [gevent.spawn(run) for run in (ground.blocked.run, self.set_notices.run, self.hours.run)]

    def seat_agents(self) -> None:
        """As they sat when the last engine of this worker ended without saying so, with the contacts that they had."""
        kept, durable = self.floor.seats_kept, self._ground.durable
        durable.talk_over = kept.over
        self.floor.talks_kept.memory = durable
        self.seat(durable.floor_left)
        kept.keep = durable.keep_floor

    def seat(self, left: bytes) -> None:
        """Those who sat with another engine: this worker's last one, or another worker's. Before its legs are looked
        for."""
        durable, find = self._ground.durable, self._ground.accounts.store.agents.find
        told = read(durable.talks_left)
        durable.talks_left.clear()
        talking, in_use = connected(told)
        if left:
            seated = self.floor.seats_kept.restore(left, find, durable.agents_talking - talking, in_use)
            log.warning("%d agents sit where they sat", seated)
        if told:
            at_agents = self.floor.talks_back.restore(told, durable.instant(), find)
            log.warning("%d contacts are at their agents", at_agents)

    def stop(self, *, goes_on: bool) -> None:
        """``goes_on``: another engine tells from here on how agents spend their time."""
        self.callbacks.stop()
        self.floor.stop(goes_on=goes_on)
        if not goes_on:
            self.ledger.close(self.floor.owner.acd, self.floor.owner.now())
            self.floor.seats_kept.forget()

    def _lost(self, calls: Collection[str]) -> None:
        """They ended while no engine was there."""
        self.ledger.lose(calls, self.floor.owner.now())
        self.floor.talks_back.lost(calls)

    def _written(self, handling: Handling) -> None:
        self.ledger.note(handling)
        self.floor.talks_kept.written(handling)

    # ---- what the last engine of this worker left --------------------------------------------------------------------

    def _documents_left(self) -> list[DocumentLeft]:
        """Faxes that wait for agents."""
        store = self._ground.store
        store.flush(SPILLED_S)  # what it could not write any more comes first
        found = in_queues(store.find_documents(self._ground.worker), self._ground.settings.queues)
        if found:
            log.warning("%d faxes that waited for agents wait on", len(found))
        return found

    def _stays_left(self) -> list[EntryOpened]:
        """Callers in queues."""
        try:
            return self._ground.store.find_stays(self._ground.worker)
        except StoreUnavailable as error:
            log.error("places in queues are not known: %s", error)
            return []
