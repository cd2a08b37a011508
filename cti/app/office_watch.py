"""The interface server's file, taken while the engine runs: saved, read whole, and used from the next question on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import gevent

from cti.boss import WAYS, OfficeRefused, load_office
from cti.core.errors import CtiError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cti.boss import InterfaceServer, OfficePlan

log = logging.getLogger("cti.boss")

_LOOK_S = 1.0


class OfficeWatch:
    """What cannot be used leaves everything as it is, and is told once. What may be asked cannot change so: the flows
    that run were checked against it."""

    def __init__(
        self, office: InterfaceServer, file: Path, use_keys: Callable[[OfficePlan], None] = lambda _plan: None
    ) -> None:
        """``use_keys``: those that a plan names seal from then on; raises ConfigError."""
        self._office, self._file, self._use_keys = office, file, use_keys
        self._seen = self._stamp()

    def run(self) -> None:
        while True:
            gevent.sleep(_LOOK_S)
            self.look()

    def look(self) -> bool:
        """True: another plan holds from now on."""
        stamp = self._stamp()
        if stamp == self._seen or stamp is None:  # None: it is being replaced
            return False
        self._seen = stamp
        try:
            plan = load_office(self._file, WAYS)
            if plan.catalog() != self._office.plan.catalog():
                log.error(
                    "%s: look-ups or requests are others, or take or give others than before: this needs a restart, "
                    "which checks the flows against them; nothing has changed",
                    self._file,
                )
                return False
            before = self._office.plan
            self._use_keys(plan)
            try:
                self._office.use(plan)
            except CtiError:
                self._use_keys(before)
                raise
        except OfficeRefused as refused:
            for issue in refused.issues:
                log.error("%s", issue)
            log.error("%s is not taken, and nothing has changed", self._file)
            return False
        except CtiError as error:
            log.error("%s is not taken, and nothing has changed: %s", self._file, error)
            return False
        log.info("%s is taken", self._file)
        return True

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            stat = self._file.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size, stat.st_ino
