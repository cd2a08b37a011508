"""The history of the flows in the database. Behind `cti.ports.FlowHistory`; every method blocks its greenlet."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from gevent.threadpool import ThreadPool
from sqlalchemy import Connection, Engine, Row, case, exists, func, insert, or_, select, update
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from cti.core.errors import StoreUnavailable
from cti.core.versions import Activation, FlowVersion, Origin, VersionFigures
from cti.store.database import file_of, insert_ignoring, make_engine, parse_url, unavailable
from cti.store.migrate import require_head
from cti.store.rows import clean
from cti.store.schema import call_goals, call_records, calls, flow_activations, flow_versions, legs, node_visits
from cti.store.threads import Job, end_threads

T = TypeVar("T")
_ANSWER_S = 10.0
_ERRORS = ("system_error", "switch_lost", "engine_lost")


class FlowVersions:
    """All methods raise StoreUnavailable."""

    def __init__(self, engine: Engine, url: URL) -> None:
        self._engine, self._url = engine, url
        self._pool = ThreadPool(1)

    def close(self) -> None:
        end_threads(self._pool)

    # ---- writing -------------------------------------------------------------------------------------------------

    def write(self, versions: Sequence[FlowVersion], activations: Sequence[Activation]) -> int:
        """All or nothing; a version that is there stays as it is. The number of the last activation, 0 without."""

        def work(connection: Connection) -> int:
            for version in versions:
                connection.execute(insert_ignoring(connection, flow_versions), [_version_row(version)])
            number = 0
            for one in activations:
                written = connection.execute(insert(flow_activations).values(_activation_row(one)))
                number = int(written.inserted_primary_key[0])  # type: ignore[index]  # an INSERT of one row has it
            return number

        return self._do(work, writing=True)

    def settle(self, number: int, file_version: str) -> None:
        """Fill in the version that the files make, for a line written by somebody who could not know it."""

        def work(connection: Connection) -> None:
            at = flow_activations.c
            query = update(flow_activations).where(at.number == number, at.file_version.is_(None))
            connection.execute(query.values(file_version=clean(file_version, 80)))

        self._do(work, writing=True)

    # ---- reading -------------------------------------------------------------------------------------------------

    def last_number(self) -> int:
        return self._do(
            lambda connection: int(connection.execute(select(func.max(flow_activations.c.number))).scalar() or 0)
        )

    def active(self) -> dict[str, Activation]:
        """flow -> the line that says which version its callers meet (canaries and what is held back apart)."""
        at = flow_activations.c
        beside = (Origin.CANARY.value, Origin.HELD_BACK.value)
        last = select(func.max(at.number)).where(at.origin.not_in(beside)).group_by(at.flow)
        return {one.flow: one for one in self._activations(select(flow_activations).where(at.number.in_(last)))}

    def held(self) -> dict[str, Activation]:
        """flow -> its last line, where that says that it is held back."""
        at = flow_activations.c
        last = select(func.max(at.number)).where(at.origin != Origin.CANARY.value).group_by(at.flow)
        query = select(flow_activations).where(at.number.in_(last), at.origin == Origin.HELD_BACK.value)
        return {one.flow: one for one in self._activations(query)}

    def canaries(self) -> list[Activation]:
        """Every canary that was begun or taken back, the oldest first."""
        at = flow_activations.c
        origins = (Origin.CANARY.value, Origin.CANARY_BACK.value)
        return self._activations(select(flow_activations).where(at.origin.in_(origins)).order_by(at.number))

    def history(self, flow: str, limit: int = 50, before: int | None = None) -> list[Activation]:
        """The newest first; ``before``: of a smaller number only."""
        at = flow_activations.c
        query = select(flow_activations).where(at.flow == clean(flow, 200)).order_by(at.number.desc()).limit(limit)
        if before is not None:
            query = query.where(at.number < before)
        return self._activations(query)

    def find(self, flow: str, version: str) -> list[FlowVersion]:
        """Versions of the flow that begin with ``version``; two at most, which is one too many."""
        at = flow_versions.c
        begins = func.substr(at.version, 1, len(version)) == clean(version, 80)
        query = select(flow_versions).where(at.flow == clean(flow, 200), begins).limit(2)
        return self._do(lambda connection: [_version(row) for row in connection.execute(query)])

    def figures(self, flow: str, version: str, since: float = 0.0) -> VersionFigures:
        """Of the calls that this version met since then and that have ended."""
        return self._do(lambda connection: _figures(connection, flow, version, since))

    # ---- parts ---------------------------------------------------------------------------------------------------

    def _activations(self, query: Any) -> list[Activation]:
        return self._do(lambda connection: [_activation(row) for row in connection.execute(query)])

    def _do(self, work: Callable[[Connection], T], *, writing: bool = False) -> T:
        def run() -> T:
            with self._engine.connect().execution_options(writing=writing) as connection, connection.begin():
                return work(connection)

        job = Job(self._pool, run)
        if not job.wait(_ANSWER_S):
            raise StoreUnavailable(f"the database did not answer within {_ANSWER_S:.0f} s", remedy="try again")
        try:
            return job.get()
        except (SQLAlchemyError, OSError) as error:
            raise unavailable(error, self._url) from error


@contextmanager
def open_flow_versions(url: str, *, busy_s: float = 5.0) -> Iterator[FlowVersions]:
    """Beside a running engine, for `cti flow history` and `rollback`. Raises ConfigError, StoreUnavailable."""
    parsed = parse_url(url)
    file = file_of(parsed)
    if file is not None and not file.exists():
        raise StoreUnavailable(f"there is no database {file}", remedy="start the engine once, it makes one")
    engine = make_engine(parsed, busy_s=busy_s, read_only=False)
    history = FlowVersions(engine, parsed)
    try:
        history._do(lambda connection: require_head(connection, parsed))
        yield history
    finally:
        history.close()
        engine.dispose()


def _figures(connection: Connection, flow: str, version: str, since: float) -> VersionFigures:
    ended = (
        select(calls.c.call_id, call_records.c.terminal_cause, call_records.c.error)
        .select_from(calls.join(call_records))
        .where(calls.c.flow == clean(flow, 200), calls.c.flow_version == clean(version, 80))
        .where(calls.c.started_at >= since)
        .subquery()
    )
    # A talk that the caller ends leaves the queue by `hangup`, too: then an agent's leg had joined.
    joined = exists().where(
        legs.c.call_id == node_visits.c.call_id,
        legs.c.role == "agent",
        legs.c.added_at >= node_visits.c.entered_at,
    )
    gave_up = (node_visits.c.exit == "hangup") & ~joined
    visits = (
        select(
            node_visits.c.call_id,
            func.count().label("queued"),
            func.sum(case((gave_up, 1), else_=0)).label("abandoned"),
        )
        .where(node_visits.c.type == "queue", node_visits.c.call_id.in_(select(ended.c.call_id)))
        .group_by(node_visits.c.call_id)
        .subquery()
    )
    failed = or_(ended.c.terminal_cause.in_(_ERRORS), ended.c.error != "")
    wrong = case((failed, 1), else_=0)
    goal = exists().where(call_goals.c.call_id == ended.c.call_id)
    contained = case((goal & visits.c.queued.is_(None), 1), else_=0)
    query = select(
        func.count(), func.sum(wrong), func.sum(contained), func.sum(visits.c.queued), func.sum(visits.c.abandoned)
    ).select_from(ended.outerjoin(visits, visits.c.call_id == ended.c.call_id))
    return VersionFigures(*(int(value or 0) for value in connection.execute(query).one()))


def _version_row(version: FlowVersion) -> dict[str, Any]:
    return {
        "flow": clean(version.flow, 200),
        "version": clean(version.version, 80),
        "files": json.dumps(dict(version.files)),
        "author": clean(version.author, 200),
        "first_at": version.at,
        "origin": version.origin.value,
    }


def _version(row: Row[Any]) -> FlowVersion:
    return FlowVersion(row.flow, row.version, json.loads(row.files), row.author, row.first_at, Origin(row.origin))


def _activation_row(one: Activation) -> dict[str, Any]:
    return {
        "flow": clean(one.flow, 200),
        "version": clean(one.version, 80),
        "activated_at": one.at,
        "author": clean(one.author, 200),
        "origin": one.origin.value,
        "file_version": one.file_version,
        "note": clean(one.note),
    }


def _activation(row: Row[Any]) -> Activation:
    return Activation(
        row.flow, row.version, row.activated_at, row.author, Origin(row.origin), row.file_version, row.note, row.number
    )
