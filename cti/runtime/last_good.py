"""Keeps the last good directory of each switch on this machine: the phones of agents, as the database has them.

One engine of a machine does; switches elsewhere fetch theirs (`cti switch directory`).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import gevent

from cti.core.errors import CtiError
from cti.switch.conf.configuration import trunk_files
from cti.switch.conf.directory import agents_file
from cti.switch.conf.last_good import save

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from cti.core.people import PhoneAccount
    from cti.switch.conf.configuration import TrunkSettings

log = logging.getLogger("cti.runtime")

#: A change is on the disk after so long; until then an API that stops leaves the switch with the phones of before.
LOOK_S = 5.0


class PhoneList(Protocol):
    """Raises StoreUnavailable."""

    def phones_state(self) -> str: ...

    def list_phones(self) -> list[PhoneAccount]: ...


@dataclass(slots=True)
class Place:
    """A switch's folder. ``reload`` has the switch read its files again; False: it cannot be told now."""

    name: str
    domain: str
    folder: Path
    reload: Callable[[], bool]
    trunks: TrunkSettings | None = None  # where the engine tells the switch its trunks
    state: str = ""  # of the phones that were written last
    owed: bool = False  # the switch has not been told
    trouble: str = ""


class LastGood:
    def __init__(self, phones: PhoneList, places: Sequence[Place]) -> None:
        self._phones, self._places = phones, places

    def run(self) -> None:
        """Until it is killed."""
        while True:
            self.look()
            gevent.sleep(LOOK_S)

    def look(self) -> None:
        """Write what has changed. What cannot be written or read now leaves the last good one, and is tried again."""
        for place in self._places:
            try:
                self._keep(place)
            except CtiError as error:
                if str(error) != place.trouble:
                    log.error("%s keeps the phones or trunks it has: %s", place.name, error)
                place.trouble = str(error)
            else:
                place.trouble = ""

    def _keep(self, place: Place) -> None:
        state = self._phones.phones_state()
        if state != place.state:
            phones = self._phones.list_phones()
            if save(place.folder, agents_file(place.domain, phones)):
                log.info("%s: the directory of %d phones is written", place.name, len(phones))
                place.owed = True
            place.state = state
        self._tell(place)
        if place.trunks is not None:  # after the phones, which need no settings file
            for name, text in trunk_files(place.trunks.read()).items():
                if save(place.folder, text, name):
                    log.info("%s: %s is written", place.name, name)
                    place.owed = True
            self._tell(place)

    def _tell(self, place: Place) -> None:
        if place.owed:
            place.owed = not place.reload()
