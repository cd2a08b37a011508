"""Takes up files of answers, each once, and counts what does not belong."""

from __future__ import annotations

import logging
from collections import Counter

from cti.boss.way import Outbox
from cti.boss.ways.files.answers import Answers, Batch
from cti.boss.ways.files.bench import Bench, reason_of
from cti.boss.ways.files.proving import BadFile
from cti.boss.ways.files.transport import Entry

log = logging.getLogger("cti.boss")


class Taking:
    """``counts``: ``answered``, and lines that bring nothing: ``twice``, ``strange`` (no question's), ``bad_rows``."""

    def __init__(self, bench: Bench, answers: Answers, outbox: Outbox, *, removes: bool) -> None:
        self._bench, self._outbox, self._removes = bench, outbox, removes
        self.answers = answers
        self.counts: Counter[str] = Counter(answered=0, twice=0, strange=0, bad_rows=0)

    def look(self) -> None:
        """Raises StoreUnavailable."""
        taken = self._outbox.files.taken(self._bench.name)
        found = self._bench.run(lambda: self.answers.look(taken))
        if isinstance(found, Exception):
            self._bench.problem("answers", reason_of(found))
            return
        problem = self.answers.problem
        for entry in found:
            batch = self._bench.run(lambda entry=entry: self.answers.read(entry))  # type: ignore[misc]
            if isinstance(batch, Batch):
                problem = self._take_up(entry, batch) or problem
                continue
            problem = reason_of(batch)
            if not isinstance(batch, BadFile):
                break  # of the server, not of this file
        self._bench.problem("answers", problem)

    def _take_up(self, entry: Entry, batch: Batch) -> str:
        """What was wrong in it, else empty."""
        name, now = self._bench.name, self._outbox.now()
        done = self._outbox.files.take_up(name, entry.name, batch.digest, entry.size, batch.rows, now)
        if done is None:
            return ""  # another engine has it
        if self._removes:
            ended = self._bench.run(lambda: self.answers.remove(entry))
            if ended is not None:
                log.warning("%s: %s cannot be removed: %s", name, entry.name, reason_of(ended))
        if done.duplicate:
            log.error("%s: %s has the content of another file", name, entry.name)
            return "duplicate"
        self.counts.update(
            answered=done.answered, twice=done.twice, strange=done.strange, bad_rows=sum(batch.bad.values())
        )
        wrong = {"answered-twice": done.twice, "unknown-key": done.strange, **batch.bad}
        told = [f"{reason} ({count})" for reason, count in wrong.items() if count]
        if told:
            log.error("%s: %s: %s", name, entry.name, ", ".join(told))
        return next((reason for reason, count in wrong.items() if count), "")
