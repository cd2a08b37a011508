"""Records of calls that an earlier engine could not close itself: beside everything else, for as long as it takes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import gevent

from cti.core.calls import TerminalCause
from cti.core.errors import CtiError

if TYPE_CHECKING:
    from collections.abc import Collection

    from cti.core.calls import NewCall
    from cti.runtime.journal import Journal

log = logging.getLogger("cti.engine")

RETRY_FIRST_S = 1.0
RETRY_MOST_S = 60.0
TAKEN = "the switch took the call to the emergency extension"


class LostRecords:
    """One attempt per switch at a time; a database that is away is asked again."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._working: dict[str, gevent.Greenlet[..., None]] = {}

    def switch_up(self, switch: str, live: Collection[str], taken: Collection[NewCall]) -> None:
        """Close what is open on record and neither ``live`` nor begun by this engine; put on record what of ``taken``
        is not: an engine that is killed takes its last records with it."""
        self._stop(switch)
        self._working[switch] = gevent.spawn(self._work, switch, set(live), list(taken))

    def taken(self, switch: str, taken: Collection[NewCall]) -> None:
        """The same of ``taken`` alone."""
        if taken:
            self._stop(f"{switch} taken")
            self._working[f"{switch} taken"] = gevent.spawn(self._work, switch, None, list(taken))

    def stop(self) -> None:
        for switch in list(self._working):
            self._stop(switch)

    def _stop(self, switch: str) -> None:
        if (working := self._working.pop(switch, None)) is not None:
            working.kill(block=False)

    def _work(self, switch: str, live: set[str] | None, taken: list[NewCall]) -> None:
        delay = RETRY_FIRST_S
        while True:
            try:
                closed = 0 if live is None else self._journal.reconcile(switch, live)
                for call in taken:
                    if not self._journal.knows(call.uuid):
                        self._journal.started(call, None).closed(TerminalCause.ENGINE_LOST, "", TAKEN)
                break
            except CtiError as error:
                log.error("calls that an earlier engine left open are not closed yet: %s", error)
            gevent.sleep(delay)
            delay = min(2 * delay, RETRY_MOST_S)
        if closed:
            log.warning("%d calls that an earlier engine left open are closed as engine_lost", closed)
