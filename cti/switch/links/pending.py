"""An answer that is still to come."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Generic, TypeVar

from gevent import get_hub
from gevent.hub import Waiter

from cti.core.errors import CtiError, DeadlineExceeded

log = logging.getLogger("cti.switch.links")

T = TypeVar("T")
_EXPIRED = object()


class Pending(Generic[T]):
    """The result of one command. It ends exactly once: with a value, or with a CtiError (a lost link ends them all).

    Not waiting for it is fine; its place in the order of replies is kept all the same.
    """

    __slots__ = ("_callbacks", "_done", "_error", "_value", "_waiters", "what")

    def __init__(self, what: str = "a command") -> None:
        self.what = what
        self._done = False
        self._value: T | None = None
        self._error: CtiError | None = None
        self._callbacks: list[Callable[[Pending[T]], None]] | None = None
        self._waiters: list[Waiter[object]] | None = None

    @property
    def done(self) -> bool:
        return self._done

    @property
    def error(self) -> CtiError | None:
        return self._error

    @property
    def value(self) -> T | None:
        """The result, once done without an error."""
        return self._value

    def wait(self, timeout_s: float) -> T:
        """The result. Raises DeadlineExceeded after ``timeout_s``, or the CtiError that ended the command."""
        if not self._done:
            self._block(timeout_s)
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]  # done without an error: it is there

    def _block(self, timeout_s: float) -> None:
        hub = get_hub()
        waiter: Waiter[object] = Waiter(hub)
        if self._waiters is None:
            self._waiters = []
        self._waiters.append(waiter)
        timer = hub.loop.timer(max(0.0, timeout_s))
        timer.start(waiter.switch, _EXPIRED)
        try:
            woken_by = waiter.get()
        finally:
            timer.stop()
            timer.close()
            if self._waiters is not None and waiter in self._waiters:
                self._waiters.remove(waiter)
        if woken_by is _EXPIRED and not self._done:
            raise DeadlineExceeded(f"no answer to {self.what} within {timeout_s:g} s")

    def add_callback(self, callback: Callable[[Pending[T]], None]) -> None:
        """Call it at the end (at once, if that has come). It runs where answers are read: it must return at once."""
        if self._done:
            self._call(callback)
        elif self._callbacks is None:
            self._callbacks = [callback]
        else:
            self._callbacks.append(callback)

    def succeed(self, value: T) -> bool:
        """End it with a value; False if it had ended before."""
        if self._done:
            return False
        self._value = value
        self._finish()
        return True

    def fail(self, error: CtiError) -> bool:
        if self._done:
            return False
        self._error = error
        self._finish()
        return True

    def _finish(self) -> None:
        self._done = True
        waiters, self._waiters = self._waiters, None
        if waiters:
            loop = get_hub().loop
            for waiter in waiters:
                loop.run_callback(waiter.switch, None)
        callbacks, self._callbacks = self._callbacks, None
        for callback in callbacks or ():
            self._call(callback)

    def _call(self, callback: Callable[[Pending[T]], None]) -> None:
        try:
            callback(self)
        except Exception:
            log.exception("a callback of %s failed", self.what)
