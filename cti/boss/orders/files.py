"""Orders by files: each file once, each line an order, and a file that tells what became of them.

A file is noted as taken when its result stands there. After a kill before that its lines are taken again, and the
answers are the first ones; so the result has the same content, and is put once.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path

from cti.boss.orders.options import OrderFiles
from cti.boss.orders.reading import Reader, SourceFacts
from cti.boss.ways.files.answers import Answers, Batch
from cti.boss.ways.files.bench import Bench, reason_of
from cti.boss.ways.files.options import ChkOptions
from cti.boss.ways.files.proving import BadFile
from cti.boss.ways.files.transport import Entry, beside, open_transport, put
from cti.core.targets import TargetRules
from cti.ports import RequestFiles

log = logging.getLogger("cti.boss")


class FileSource:
    """``files``: remembers which were taken. One greenlet at a time calls `look`."""

    def __init__(
        self,
        name: str,
        options: OrderFiles,
        reader: Reader,
        facts: SourceFacts,
        files: RequestFiles,
        now: Callable[[], float],
        folder: Path,
        targets: TargetRules,
    ) -> None:
        self._name, self._options, self._reader, self._facts = f"orders:{name}", options, reader, facts
        self._files, self._now = files, now
        self._bench = Bench(name)
        where = beside(options.url, options.take.folder) if options.take.folder else options.url
        self._transport = open_transport(where, options, folder, targets)
        self._answers = Answers(options.take, self._transport)
        self.every_s = options.every_s

    def look(self) -> None:
        """Raises StoreUnavailable: the lines that were not taken are taken at the next look."""
        taken = self._files.taken(self._name)
        found = self._bench.run(lambda: self._answers.look(taken))
        if isinstance(found, Exception):
            self._told(reason_of(found))
            return
        problem = self._answers.problem
        for entry in found:
            batch = self._bench.run(lambda entry=entry: self._answers.read(entry))  # type: ignore[misc]
            if isinstance(batch, Batch):
                problem = self._take(entry, batch) or problem
                continue
            problem = reason_of(batch)
            if not isinstance(batch, BadFile):
                break
        self._told(problem)

    def close(self) -> None:
        self._bench.close([self._transport])

    def _take(self, entry: Entry, batch: Batch) -> str:
        lines = []
        for key, fields in batch.rows:
            answer = self._reader.take(key, {name: value for name, value in fields.items() if name != self._key})
            lines.append("|".join((key.replace("|", "_"), answer.state, answer.order_id, answer.code)))
        for reason, count in batch.bad.items():
            self._facts.codes[reason] += count
            lines += [f"|rejected||{reason}"] * count
        wrong = self._tell(entry, "".join(f"{line}\n" for line in lines).encode())
        if wrong:
            return wrong
        self._files.take_up(self._name, entry.name, batch.digest, entry.size, [], self._now())
        if self._options.take.after == "remove":
            self._bench.run(lambda: self._answers.remove(entry))
        return next(iter(batch.bad), "")

    @property
    def _key(self) -> str:
        return self._options.take.key

    def _tell(self, entry: Entry, data: bytes) -> str:
        """Put the result; why it could not be, else empty."""
        result = self._options.result
        if result is None:
            return ""
        name = result.name.replace("{name}", entry.name)
        chk = None if result.chk is None else (name + result.chk.suffix, chk_of(name, data, result.chk))
        put_it = self._bench.run(lambda: put(self._transport, name, data, chk=chk))
        return reason_of(put_it) if isinstance(put_it, Exception) else ""

    def _told(self, reason: str) -> None:
        if reason and reason != self._facts.problem:
            log.error("%s: %s", self._name, reason)
        self._facts.problem, self._facts.last_look = reason, self._now()


def chk_of(name: str, data: bytes, options: ChkOptions) -> bytes:
    """The one line that tells what was written."""
    told = {
        "name": name,
        "bytes": str(len(data)),
        "rows": str(data.count(b"\n")),
        "md5": hashlib.md5(data, usedforsecurity=False).hexdigest(),
        "sha256": hashlib.sha256(data).hexdigest(),
        "-": "",
    }
    return (options.sep.join(told[one] for one in options.fields) + "\n").encode()
