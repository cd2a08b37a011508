"""Database work runs on gevent's thread pool, never on the hub: a blocked file must not stop calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from gevent.threadpool import ThreadPool

T = TypeVar("T")


class Job(Generic[T]):
    """Work on a thread. It cannot be interrupted: after a deadline the thread goes on and its result is dropped."""

    def __init__(self, pool: ThreadPool, work: Callable[..., T], *arguments: Any) -> None:
        self._result = pool.spawn(_outcome, work, arguments)

    def wait(self, timeout_s: float) -> bool:
        """True when it ended in time."""
        self._result.wait(timeout=timeout_s)
        return bool(self._result.ready())

    def get(self) -> T:
        """The result, or the exception that ended the work. Only after `wait` was True."""
        ended: tuple[T, Exception | None] = self._result.get(block=False)  # type: ignore[assignment]  # gevent: None
        value, error = ended
        if error is not None:
            raise error
        return value


def end_threads(pool: ThreadPool) -> None:
    """Give the threads back. Where one still hangs in the database, waiting for it would hang too: they are left."""
    if len(pool) == 0:
        pool.kill()


def _outcome(work: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, Exception | None]:
    # Returned, not raised: gevent prints what a pool thread raises, and every error here has a reader already.
    try:
        return work(*arguments), None
    except Exception as error:  # noqa: BLE001 - handed over whole to the greenlet that waits
        return None, error
