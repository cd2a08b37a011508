"""The notices that hold now: from a file that is read again when it changes, or given by whoever changes them."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

from cti.core.errors import ConfigError
from cti.files import read_file
from cti.flow.notices import Notice, find_notices, load_notices

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from cti.core.commands import FindNotices
    from cti.core.events import FoundNotice
    from cti.core.issue import Issue

log = logging.getLogger("cti.notice")


class NoticeBoard:
    """Implements `cti.ports.NoticeSource`. ``over``: called with the id of a notice that was taken away."""

    def __init__(self, notices: Iterable[Notice] = (), over: Callable[[str], None] = lambda _id: None) -> None:
        self._notices = {notice.id: notice for notice in notices}
        self._over = over
        self._heard: Counter[str] = Counter()
        self._whole: Counter[str] = Counter()

    @property
    def notices(self) -> tuple[Notice, ...]:
        return tuple(self._notices.values())

    def find(self, wanted: FindNotices) -> tuple[FoundNotice, ...]:
        return find_notices(self._notices.values(), wanted)

    def heard(self, notice: str, whole: bool) -> None:
        self._heard[notice] += 1
        self._whole[notice] += whole

    def counts(self) -> dict[str, tuple[int, int]]:
        """By notice: (callers told since the start, of those to the end)."""
        return {name: (count, self._whole[name]) for name, count in self._heard.items()}

    def replace(self, notices: Iterable[Notice]) -> None:
        """At once, for running calls too."""
        before, self._notices = self._notices, {notice.id: notice for notice in notices}
        for gone in before.keys() - self._notices.keys():
            self._over(gone)


class FileNotices(NoticeBoard):
    """Those of a file, looked at again whenever they are asked for. A file with a mistake changes nothing and is told
    of; no file is no notice."""

    def __init__(
        self, path: Path, languages: Iterable[str] = (), over: Callable[[str], None] = lambda _id: None
    ) -> None:
        """Raises ConfigError for a file that is wrong from the start; its ``issues`` has every finding."""
        super().__init__(over=over)
        self._path, self._languages = path, tuple(languages)
        self._seen: tuple[int, int] | None = None
        issues = self._read()
        if issues:
            raise NoticesRefused(issues)

    def find(self, wanted: FindNotices) -> tuple[FoundNotice, ...]:
        self.look()
        return super().find(wanted)

    def look(self) -> list[Issue]:
        """Read the file if it has changed; what is wrong with it."""
        if self._stamp() == self._seen:
            return []
        issues = self._read()
        for issue in issues:
            log.error("the notices stay as they were: %s", issue)
        return issues

    def _stamp(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size

    def _read(self) -> list[Issue]:
        self._seen = self._stamp()
        if self._seen is None:
            self.replace(())
            return []
        try:
            raw = read_file(self._path, what="the notices")
        except ConfigError as error:
            log.error("the notices stay as they were: %s", error)
            return []
        loaded = load_notices(raw, str(self._path), languages=self._languages)
        if loaded.notices is None:
            return loaded.issues
        self.replace(loaded.notices)
        log.info("%d notices from %s", len(loaded.notices), self._path.name)
        return []


class NoticesRefused(ConfigError):
    """``issues``: every finding in the file of notices."""

    code = "bad-notices"

    def __init__(self, issues: list[Issue]) -> None:
        super().__init__("; ".join(map(str, issues)), remedy="mend the notices; `cti flow check` shows them")
        self.issues = issues
