"""Cooperative threads: what the real switch does in one thread per session is a generator here.

A generator yields the time (Unix seconds, ``inf`` for never) at which it wants to look at the world again; it is
resumed then, or earlier when somebody calls `Task.poke`. A task of a channel wakes on the edge of a media frame only
(20 ms), because a real session thread looks at its messages once per frame: that is why an application executed on a
parked channel costs about 20 ms.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Generator
from typing import Any, Generic, TypeVar

from cti.switch.embedded.clock import Scheduler, Timer

log = logging.getLogger(__name__)

NEVER = math.inf
FRAME_S = 0.02

T = TypeVar("T")
Steps = Generator[float, None, T]

_current: list[Task[Any]] = []


def current_task() -> Task[Any] | None:
    """The task that is being resumed right now: whoever starts to wait for something lets itself be woken by it."""
    return _current[-1] if _current else None


class Task(Generic[T]):
    """One generator being driven. ``result`` is set and ``on_done`` called once, when it returned or failed."""

    def __init__(self, clock: Scheduler, steps: Steps[T], frame_s: float = 0.0) -> None:
        self._clock = clock
        self._steps = steps
        self._frame_s = frame_s
        self._phase = clock.now()
        self._timer: Timer | None = None
        self._running = False
        self._poked = False
        self.done = False
        self.result: T | None = None
        self.error: BaseException | None = None
        self.on_done: Callable[[], None] | None = None

    def start(self) -> None:
        self._resume()

    def poke(self) -> None:
        """Something changed that the task may be waiting for."""
        if self.done:
            return
        if self._running:
            self._poked = True
            return
        self._schedule(self._edge_after(self._clock.now()))

    def cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.done = True
        self._steps.close()

    def _edge_after(self, t: float) -> float:
        if not self._frame_s:
            return t
        return self._phase + (math.floor((t - self._phase) / self._frame_s + 1e-3) + 1) * self._frame_s

    def _edge_at(self, t: float) -> float:
        if not self._frame_s:
            return t
        return self._phase + math.ceil((t - self._phase) / self._frame_s - 1e-3) * self._frame_s

    def _schedule(self, at: float) -> None:
        if self._timer is not None and self._timer.fn is not None:
            if self._timer.at <= at:
                return
            self._timer.cancel()
        self._timer = self._clock.call_at(at, self._resume)

    def _resume(self) -> None:
        if self.done:
            return
        self._timer = None
        self._running = True
        self._poked = False
        _current.append(self)
        try:
            wake_at = next(self._steps)
        except StopIteration as stop:
            self._finish(stop.value, None)
            return
        except Exception as error:
            log.exception("a task of the embedded switch failed")
            self._finish(None, error)
            return
        finally:
            self._running = False
            _current.pop()
        if self._poked:
            self._schedule(self._edge_after(self._clock.now()))
        elif wake_at != NEVER:
            at, now = self._edge_at(wake_at), self._clock.now()
            # The edge may lie a moment before, and be over: to look again at once would find nothing new, for ever.
            self._schedule(at if at > now else max(wake_at, now))

    def _finish(self, result: T | None, error: BaseException | None) -> None:
        self.done, self.result, self.error = True, result, error
        if self.on_done is not None:
            self.on_done()
