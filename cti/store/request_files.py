"""Questions by file in the store: what waits for a file, which file each is in, which are written, what was answered.

A file is claimed, with its number, its questions and its content, in one transaction, and one at a time of a back end:
no question is in two files, and no number is left out, whoever is killed and how many engines there are.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, and_, delete, func, insert, or_, select, update
from sqlalchemy.engine import URL
from sqlalchemy.exc import IntegrityError

from cti.core.request_files import Answer, MadeFile, RequestFile, TakenUp
from cti.flow.values import decode_all, encode_all
from cti.store.office_sealer import OfficeSealer
from cti.store.repository import Repository
from cti.store.rows import clean, context
from cti.store.schema_request_files import answer_files, request_files, request_rows
from cti.store.sealing import Sealer

_CHUNK = 500
_ROW, _FILE, _TAKEN = request_rows.c, request_files.c, answer_files.c


class _Taken(Exception):
    """Another engine was faster."""


class RequestFiles(Repository):
    """Implements `cti.ports.RequestFiles`. Raises StoreUnavailable."""

    def __init__(self, engine: Engine, url: URL, sealer: Sealer | OfficeSealer) -> None:
        super().__init__(engine, url)
        self._sealer = sealer

    def add(self, backend: str, key: str, row: bytes, now: float, expires_at: float | None) -> bool:
        sealed = self._sealer.seal_bytes(row, context("request_rows", "row", backend, key))
        values = {"backend": backend, "key": key, "asked_at": now, "expires_at": expires_at, "row_sealed": sealed}

        def work(connection: Connection) -> bool:
            try:
                with connection.begin_nested():
                    connection.execute(insert(request_rows).values(values))
            except IntegrityError:
                return False
            return True

        return self._write(work)

    def find(self, backend: str, keys: Collection[str]) -> dict[str, Answer]:
        of_file = and_(_FILE.backend == _ROW.backend, _FILE.day == _ROW.day, _FILE.seq == _ROW.seq)
        query = select(_ROW.key, _ROW.answer_sealed, _FILE.written_at).select_from(
            request_rows.outerjoin(request_files, of_file)
        )

        def work(connection: Connection) -> dict[str, Answer]:
            found: dict[str, Answer] = {}
            for some in _chunks(sorted(keys)):
                for row in connection.execute(query.where(_ROW.backend == backend, _ROW.key.in_(some))):
                    sealed = row.answer_sealed
                    fields = None if sealed is None else self._answer(backend, row.key, bytes(sealed))
                    found[row.key] = Answer(row.written_at is not None, fields)
            return found

        return self._read(work)

    def due(self, backend: str, due_before: float, most: int) -> bool:
        waits = select(func.min(_ROW.asked_at), func.count()).where(_ROW.backend == backend, _ROW.seq.is_(None))

        def work(connection: Connection) -> bool:
            if connection.execute(_unwritten(backend)).first() is not None:
                return True
            oldest, count = connection.execute(waits).one()
            return bool(count) and (oldest <= due_before or count >= most)

        return self._read(work)

    def claim(
        self,
        backend: str,
        day: str,
        now: float,
        due_before: float,
        most: int,
        build: Callable[[int, Sequence[bytes]], MadeFile],
        worker: str,
        lease_s: float,
    ) -> RequestFile | None:
        waits = and_(_ROW.backend == backend, _ROW.seq.is_(None))
        first = select(func.min(_ROW.asked_at), func.count()).where(waits)
        rows = select(_ROW.key, _ROW.row_sealed).where(waits).order_by(_ROW.asked_at, _ROW.key).limit(most)
        last = select(func.max(_FILE.seq)).where(_FILE.backend == backend, _FILE.day == day)

        def work(connection: Connection) -> RequestFile | None:
            if connection.execute(_unwritten(backend)).first() is not None:
                return None
            connection.execute(delete(request_rows).where(waits, _ROW.expires_at <= now))
            oldest, count = connection.execute(first).one()
            if not count or (oldest > due_before and count < most):
                return None
            found = connection.execute(rows).all()
            seq = (connection.execute(last).scalar_one() or 0) + 1
            made = build(seq, [self._row(backend, row.key, bytes(row.row_sealed)) for row in found])
            file = RequestFile(backend, day, seq, made, len(found), False)
            self._insert(connection, file, now, worker, now + lease_s)
            taken = 0
            for some in _chunks([row.key for row in found]):
                mine = update(request_rows).where(waits, _ROW.key.in_(some))
                taken += connection.execute(mine.values(day=day, seq=seq, row_sealed=None)).rowcount
            if taken != len(found):
                raise _Taken
            return file

        def tried(connection: Connection) -> RequestFile | None:
            try:
                with connection.begin_nested():
                    return work(connection)
            except (IntegrityError, _Taken):
                return None

        return self._write(tried)

    def lease(self, backend: str, now: float, worker: str, lease_s: float) -> RequestFile | None:
        open_ = and_(_FILE.backend == backend, _FILE.written_at.is_(None))
        free = or_(_FILE.worker == worker, _FILE.lease_until <= now)

        def work(connection: Connection) -> RequestFile | None:
            mine = update(request_files).where(open_, free).values(worker=clean(worker, 80), lease_until=now + lease_s)
            if not connection.execute(mine).rowcount:
                return None
            row = connection.execute(select(request_files).where(open_)).one()
            made = self._made(row.backend, row.day, row.seq, bytes(row.content_sealed))
            return RequestFile(row.backend, row.day, row.seq, made, row.rows, row.ready_at is not None)

        return self._write(work)

    def ready(self, file: RequestFile, now: float, worker: str) -> bool:
        mine = and_(_of(file), _FILE.worker == worker, _FILE.lease_until > now)
        query = update(request_files).where(mine).values(ready_at=now)
        return self._write(lambda connection: connection.execute(query).rowcount > 0)

    def written(self, file: RequestFile, now: float) -> None:
        query = update(request_files).where(_of(file)).values(written_at=now, content_sealed=None)
        self._write(lambda connection: connection.execute(query).rowcount)

    def taken(self, backend: str) -> dict[str, int]:
        query = select(_TAKEN.name, _TAKEN.size).where(_TAKEN.backend == backend)
        return self._read(lambda connection: {row.name: row.size for row in connection.execute(query)})

    def take_up(
        self,
        backend: str,
        name: str,
        digest: str,
        size: int,
        answers: Iterable[tuple[str, Mapping[str, Any]]],
        now: float,
    ) -> TakenUp | None:
        same = select(_TAKEN.name).where(_TAKEN.backend == backend, _TAKEN.digest == digest).limit(1)
        row = {"backend": backend, "name": clean(name, 200), "digest": digest, "size": size, "taken_at": now}

        def work(connection: Connection) -> TakenUp | None:
            duplicate = connection.execute(same).first() is not None
            try:
                with connection.begin_nested():
                    connection.execute(insert(answer_files).values(row))
            except IntegrityError:
                return None
            if duplicate:
                return TakenUp(duplicate=True)
            counts: Counter[str] = Counter()
            for key, fields in answers:
                counts[self._take(connection, backend, key, fields, now)] += 1
            return TakenUp(counts["answered"], counts["twice"], counts["strange"])

        return self._write(work)

    def outstanding(self, backend: str) -> tuple[int, int]:
        query = select(func.count(_ROW.seq), func.count()).where(_ROW.backend == backend, _ROW.answered_at.is_(None))
        sent, all_ = self._read(lambda connection: connection.execute(query).one())
        return all_ - sent, sent

    def purge(self, backend: str, before: float, names: Collection[str]) -> None:
        """``names`` of answers' files that are still there: they are remembered."""
        rows = delete(request_rows).where(
            _ROW.backend == backend,
            _ROW.asked_at < before,
            or_(_ROW.answered_at.is_not(None), _ROW.expires_at.is_not(None)),
        )
        later = request_files.alias()
        newer = select(later.c.seq).where(
            later.c.backend == backend, later.c.day == _FILE.day, later.c.seq > _FILE.seq
        )  # the last number stays
        files = delete(request_files).where(_FILE.backend == backend, _FILE.written_at < before, newer.exists())
        old = select(_TAKEN.name).where(_TAKEN.backend == backend, _TAKEN.taken_at < before)

        def work(connection: Connection) -> None:
            connection.execute(rows)
            connection.execute(files)
            gone = [row.name for row in connection.execute(old) if row.name not in names]
            for some in _chunks(gone):
                connection.execute(delete(answer_files).where(_TAKEN.backend == backend, _TAKEN.name.in_(some)))

        self._write(work)

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _insert(self, connection: Connection, file: RequestFile, now: float, worker: str, until: float) -> None:
        made = file.made
        chk = None if made.chk is None else [made.chk[0], made.chk[1].decode("latin-1")]
        content = json.dumps([made.name, made.data.decode("latin-1"), chk]).encode()
        where = context("request_files", "content", file.backend, file.day, str(file.seq))
        row = {
            "backend": file.backend, "day": file.day, "seq": file.seq, "name": made.name, "rows": file.rows,
            "content_sealed": self._sealer.seal_bytes(content, where), "claimed_at": now,
            "worker": clean(worker, 80), "lease_until": until,
        }  # fmt: skip
        connection.execute(insert(request_files).values(row))

    def _made(self, backend: str, day: str, seq: int, sealed: bytes) -> MadeFile:
        where = context("request_files", "content", backend, day, str(seq))
        name, data, chk = json.loads(self._sealer.open_bytes(sealed, where))
        return MadeFile(name, data.encode("latin-1"), None if chk is None else (chk[0], chk[1].encode("latin-1")))

    def _row(self, backend: str, key: str, sealed: bytes) -> bytes:
        return self._sealer.open_bytes(sealed, context("request_rows", "row", backend, key))

    def _answer(self, backend: str, key: str, sealed: bytes) -> dict[str, Any]:
        opened = self._sealer.open_bytes(sealed, context("request_rows", "answer", backend, key))
        return decode_all(json.loads(opened))

    def _take(self, connection: Connection, backend: str, key: str, fields: Mapping[str, Any], now: float) -> str:
        mine = and_(_ROW.backend == backend, _ROW.key == clean(key, 300), _ROW.seq.is_not(None))
        where = context("request_rows", "answer", backend, key)
        sealed = self._sealer.seal_bytes(json.dumps(encode_all(fields)).encode(), where)
        query = update(request_rows).where(mine, _ROW.answered_at.is_(None))
        if connection.execute(query.values(answered_at=now, answer_sealed=sealed)).rowcount:
            return "answered"
        return "strange" if connection.execute(select(_ROW.key).where(mine)).first() is None else "twice"


def _unwritten(backend: str) -> Any:
    return select(_FILE.seq).where(_FILE.backend == backend, _FILE.written_at.is_(None)).limit(1)


def _of(file: RequestFile) -> Any:
    mine = and_(_FILE.backend == file.backend, _FILE.day == file.day, _FILE.seq == file.seq)
    return and_(mine, _FILE.written_at.is_(None))


def _chunks(keys: list[str]) -> Iterable[list[str]]:
    return (keys[at : at + _CHUNK] for at in range(0, len(keys), _CHUNK))
