"""Which versions passed their tests: kept in a file, so that a restart runs none of them again."""

from __future__ import annotations

import json
import logging
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Set
    from pathlib import Path

    from cti.flow import Plan

log = logging.getLogger("cti.flows")


def tests_key(plan: Plan) -> str:
    """The version with the tests that it carries and the calendars they may ask."""
    calendars = sorted(plan.calendars.items())
    return sha256(f"{plan.version}\0{plan.flows[plan.root].tests!r}\0{calendars!r}".encode()).hexdigest()


class TestedFile:
    """Losing it costs a run of the tests, nothing else."""

    __test__ = False  # not one of pytest's

    def __init__(self, path: Path) -> None:
        self._path = path
        self.keys: frozenset[str] = frozenset()
        try:
            found = json.loads(path.read_text(encoding="ascii"))
            self.keys = frozenset(key for key in found if isinstance(key, str))
        except FileNotFoundError:
            pass  # the first start
        except (OSError, ValueError, TypeError) as error:
            log.warning("%s cannot be read, the tests of the flows run again: %s", path.name, error)

    def keep(self, keys: Set[str]) -> None:
        if keys == self.keys:
            return
        self.keys = frozenset(keys)
        draft = self._path.with_suffix(".new")
        try:
            draft.write_text(json.dumps(sorted(keys)), encoding="ascii")
            draft.replace(self._path)
        except OSError as error:
            log.warning("%s cannot be written, a restart runs the tests again: %s", self._path.name, error)
