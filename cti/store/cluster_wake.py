"""Hears that there is something in the database for a process: LISTEN on a connection of its own.

Only a hint: who listens polls besides, so nothing hangs on a notification that is lost with its connection.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import gevent
from gevent.socket import wait_read
from gevent.threadpool import ThreadPool

from cti.store.cluster import CHANNEL
from cti.store.threads import Job, end_threads

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

log = logging.getLogger("cti.cluster")

_AGAIN_S = 1.0
_LOOK_S = 30.0


class Wake:
    """``woken`` is called on the hub for each notification that is for ``run`` or for everybody."""

    def __init__(self, engine: Engine, run: str, woken: Callable[[], object]) -> None:
        self._engine, self._run, self._woken = engine, run, woken
        self._pool = ThreadPool(1)

    def run(self) -> None:
        """Until killed."""
        try:
            while True:
                connection = self._open()
                if connection is not None:
                    self._listen(connection)
                gevent.sleep(_AGAIN_S)
        finally:
            end_threads(self._pool)

    def _open(self) -> Any:
        """A psycopg connection that listens; None: the database is away."""
        job = Job(self._pool, self._connect)
        while not job.wait(_LOOK_S):
            pass  # connecting has a time-out of its own
        try:
            return job.get()
        except Exception as error:  # noqa: BLE001 - the driver's own, which is not wrapped here
            log.debug("no connection to listen on: %s", type(error).__name__)
            return None

    def _connect(self) -> Any:
        pooled = self._engine.raw_connection()  # detached below, so that it counts in no pool
        try:
            connection: Any = pooled.driver_connection
            connection.autocommit = True
            connection.execute(f"LISTEN {CHANNEL}")
            pooled.detach()
        except BaseException:
            pooled.invalidate()
            raise
        return connection

    def _listen(self, connection: Any) -> None:
        import psycopg  # the driver is installed where there is such a connection

        try:
            self._woken()  # something may have come before we listened
            while True:
                try:
                    wait_read(connection.pgconn.socket, timeout=_LOOK_S)
                except TimeoutError:
                    continue
                connection.pgconn.consume_input()
                heard = []
                while (told := connection.pgconn.notifies()) is not None:
                    heard.append(told.extra.decode())
                if any(run in ("", self._run) for run in heard):
                    self._woken()
        except (psycopg.Error, OSError) as error:
            log.info("the connection that listens is lost (%s), polling goes on", type(error).__name__)
        finally:
            connection.close()
