"""Gives files of questions their place, one after the other: claimed in the store with number and content, written
under temporary names, noted as ready, given the last name, noted as written. After a kill each step is gone on from."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from cti.boss.way import Outbox
from cti.boss.ways.files import remote
from cti.boss.ways.files.bench import Bench, reason_of
from cti.boss.ways.files.naming import chk_of, name_of, temp_of
from cti.boss.ways.files.options import FilesBackend, SendOptions
from cti.boss.ways.files.transport import Transport, finish, put
from cti.core.request_files import MadeFile, RequestFile

log = logging.getLogger("cti.boss")


class Giving:
    def __init__(
        self, bench: Bench, options: FilesBackend, send: SendOptions, transport: Transport, outbox: Outbox
    ) -> None:
        self._bench, self._send, self._transport, self._outbox = bench, send, transport, outbox
        self._lease_s = 2 * options.deadline_s + 60.0
        self._not_before, self._pause_s = 0.0, remote.PAUSE_S[0]
        self.files = 0

    def step(self) -> bool:
        """Give one file, if one is due: may there be another? One that cannot be given stops those behind it, so that
        numbers come in order. Raises StoreUnavailable."""
        now, name, store = self._outbox.now(), self._bench.name, self._outbox.files
        due_before = now - self._send.every_s
        if time.monotonic() < self._not_before or not store.due(name, due_before, self._send.max_rows):
            return False
        file = store.lease(name, now, self._outbox.worker, self._lease_s) or self._claim(now, due_before)
        if file is None or not self._given(file):
            return False
        store.written(file, self._outbox.now())
        self.files += 1
        log.info("%s: %s with %d questions", name, file.made.name, file.rows)
        return True

    def _given(self, file: RequestFile) -> bool:
        made, store = file.made, self._outbox.files
        if not file.ready:
            if self._failed(self._bench.run(lambda: self._prepare(made))):
                return False
            if not store.ready(file, self._outbox.now(), self._outbox.worker):
                return False  # it took longer than the lease: another engine is at it
        last = made.chk if made.chk is not None else (made.name, made.data)
        return not self._failed(self._bench.run(lambda: finish(self._transport, *last, self._temp)))

    def _prepare(self, made: MadeFile) -> None:
        def ready() -> None:
            raise _Ready

        with suppress(_Ready):
            put(self._transport, made.name, made.data, chk=made.chk, temp=self._temp, ready=ready)

    def _temp(self, name: str) -> str:
        return temp_of(self._send.temp, name)

    def _failed(self, ended: Exception | None) -> bool:
        if ended is None:
            self._pause_s = remote.PAUSE_S[0]
            self._bench.problem("send", "")
            return False
        self._not_before = time.monotonic() + self._pause_s
        self._pause_s = min(2 * self._pause_s, remote.PAUSE_S[1])
        self._bench.problem("send", reason_of(ended))
        return True

    def _claim(self, now: float, due_before: float) -> RequestFile | None:
        send = self._send
        today = datetime.fromtimestamp(now, self._outbox.zone).date()
        day = f"{today:%Y%m%d}" if send.seq == "per_day" else ""

        def build(seq: int, rows: Sequence[bytes]) -> MadeFile:
            name, data = name_of(send.name, today, seq), b"".join(row + b"\n" for row in rows)
            if send.done is None:
                return MadeFile(name, data)
            told = chk_of(send.done.body, name, data, len(rows)).encode(send.charset, "replace")
            return MadeFile(name, data, (temp_of(send.done.name, name), told))

        worker, most = self._outbox.worker, send.max_rows
        return self._outbox.files.claim(self._bench.name, day, now, due_before, most, build, worker, self._lease_s)


class _Ready(Exception):
    """All but the last name is given."""
