"""Questions that go by files: kept in the store before anything else, gathered, given (`giving`); answers are taken up
(`taking`) and found there by whoever waits, or asks again."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import gevent
from gevent.event import AsyncResult
from gevent.event import Event as Flag

from cti.boss.codecs import CodecError, make_codec
from cti.boss.mapping import KEY
from cti.boss.way import AWAITED, OUTCOME, Outbox, Question, WayError
from cti.boss.ways.files.answers import Answers
from cti.boss.ways.files.bench import Bench
from cti.boss.ways.files.giving import Giving
from cti.boss.ways.files.options import FilesBackend, SendOptions
from cti.boss.ways.files.taking import Taking
from cti.boss.ways.files.transport import Transport
from cti.core.errors import CtiError

log = logging.getLogger("cti.boss")

#: The longest pause between two looks into the store.
TICK_S = 1.0
#: So long before its deadline a caller is told that there is no answer yet.
_EARLY_S = 0.05
_DAY_S, _PURGE_S, _END_S = 86_400.0, 600.0, 15.0


class Sending:
    """``transport``: of the folder that takes; ``answers`` None: none come, and what stands there is done."""

    def __init__(
        self,
        name: str,
        options: FilesBackend,
        send: SendOptions,
        transport: Transport,
        answers: Answers | None,
        outbox: Outbox,
    ) -> None:
        self._name, self._options, self._send, self._outbox = name, options, send, outbox
        self._store, self._codec = outbox.files, make_codec(send.row, send.charset)
        self._bench, self._ended = Bench(name), Flag()
        self._transports = [transport] if answers is None else [transport, answers.transport]
        self._giving = Giving(self._bench, options, send, transport, outbox)
        removes = options.answers is not None and options.answers.after == "remove"
        self._taking = Taking(self._bench, answers, outbox, removes=removes) if answers is not None else None
        self._waiters: dict[str, list[AsyncResult[Mapping[str, Any]]]] = {}
        self._waiting = self._outstanding = 0
        self._look_at = self._purge_at = 0.0
        self._greenlet = gevent.spawn(self._run)

    def ask(self, question: Question) -> Mapping[str, Any]:
        """Raises WayError: `AWAITED` when it is kept and has no answer yet."""
        read = question.key is None
        key = uuid.uuid4().hex if question.key is None else question.key
        fields = {name: value for name, value in question.fields.items() if read or name != KEY}
        try:
            row = self._row({**fields, self._send.key: key})
        except CodecError as error:
            if read:
                raise WayError("error", error.reason, sent=False) from None
            log.warning("%s: a request is no line: %s", self._name, error)
            return {OUTCOME: "rejected"}
        now, left_s = self._outbox.now(), question.deadline - time.monotonic() - _EARLY_S
        try:
            self._store.add(self._name, key, row, now, now + max(0.0, left_s) if read else None)
        except CtiError as error:
            log.error("%s: what is to be sent cannot be kept: %s", self._name, error)
            raise WayError("error", "store", sent=not read) from None
        answer = self._wait(key, left_s if question.waits else 0.0)
        if answer is None:
            raise WayError("timeout", AWAITED, sent=True)
        return answer

    def facts(self) -> Mapping[str, int | float | str]:
        """``waiting``: for a file; ``outstanding``: in one, and without an answer."""
        counts = self._taking.counts if self._taking is not None else {}
        told = {f"{side}.problem": reason for side, reason in self._bench.problems.items()}
        return {
            "waiting": self._waiting, "outstanding": self._outstanding, "files": self._giving.files, **counts, **told
        }  # fmt: skip

    def close(self) -> None:
        """What is under way is gone on with by whoever comes next."""
        self._ended.set()
        for one in self._transports:
            one.cut()
        self._greenlet.join(_END_S)
        self._greenlet.kill()
        self._bench.close(self._transports)

    # ---- askers ------------------------------------------------------------------------------------------------------

    def _row(self, fields: Mapping[str, Any]) -> bytes:
        row = self._codec.encode(fields)
        if b"\n" in row or b"\r" in row:
            raise CodecError("bad-value")  # it would be two lines
        return row

    def _wait(self, key: str, left_s: float) -> Mapping[str, Any] | None:
        result: AsyncResult[Mapping[str, Any]] = AsyncResult()
        self._waiters.setdefault(key, []).append(result)
        try:
            self._tell([key])
            if left_s > 0:
                result.wait(left_s)
            return result.get() if result.ready() else None
        except CtiError as error:
            log.error("%s: an answer cannot be looked for: %s", self._name, error)
            return None
        finally:
            self._waiters[key].remove(result)
            if not self._waiters[key]:
                del self._waiters[key]

    def _tell(self, keys: Sequence[str]) -> None:
        """Those who wait for what has an answer."""
        for key, answer in self._store.find(self._name, keys).items():
            if answer.fields is not None or (self._taking is None and answer.sent):
                for result in self._waiters.get(key, ()):
                    result.set(answer.fields or {})

    # ---- the greenlet ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        tick_s = min(TICK_S, self._send.every_s, self._options.every_s)
        while not self._ended.is_set():
            try:
                self._once()
            except CtiError as error:
                self._bench.problem("send", "store", str(error))
            except Exception as error:  # noqa: BLE001 - a bug of ours must not end the sending; no data is kept
                self._bench.problem("send", f"bug-{type(error).__name__}")
            self._ended.wait(tick_s)

    def _once(self) -> None:
        if self._outbox.sends and self._name not in self._outbox.at_work:  # after a reload one of this name may leave
            self._outbox.at_work.add(self._name)
            try:
                self._work()
            finally:
                self._outbox.at_work.discard(self._name)
        if self._waiters:
            self._tell(list(self._waiters))

    def _work(self) -> None:
        while not self._ended.is_set() and self._giving.step():
            pass
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + self._options.every_s
            self._waiting, self._outstanding = self._store.outstanding(self._name)
            if self._taking is not None:
                self._taking.look()
        if now >= self._purge_at:
            self._purge_at = now + _PURGE_S
            names = self._taking.answers.names if self._taking is not None else ()
            self._store.purge(self._name, self._outbox.now() - self._send.keep_days * _DAY_S, names)
