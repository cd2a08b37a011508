"""Waiting until the switch has done what was asked: a command is never answered as done before it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gevent

from cti.core.errors import CtiError
from cti.runtime.floor.owner import FloorRefused
from cti.runtime.floor.talk import Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.runtime.floor.talk import Talk

CONFIRM_S = 5.0


class Unconfirmed(CtiError):
    """The switch has not confirmed it within `CONFIRM_S`; it may still happen, and an event tells. ``outlives``: even
    after the agent's side of the talk has ended."""

    code = "unconfirmed"

    def __init__(self, talk: Talk, done: Callable[[], bool], *, outlives: bool = False) -> None:
        super().__init__(f"the switch has not confirmed it within {CONFIRM_S:g} s")
        self.talk, self.done, self.outlives = talk, done, outlives

    @property
    def pending(self) -> bool:
        """Whether it may still come."""
        return self.outlives or self.talk.stage is not Stage.OVER


def confirm(
    talk: Talk, settled: Callable[[], bool], done: Callable[[], bool] | None = None, *, outlives: bool = False
) -> None:
    """Until ``settled``, looking again at each change of the talk. Raises Unconfirmed after `CONFIRM_S`, with ``done``:
    whether what was asked has come true (default: ``settled``)."""
    deadline = gevent.get_hub().loop.now() + CONFIRM_S
    while not settled():
        talk.changed.clear()
        left = deadline - gevent.get_hub().loop.now()
        if left <= 0 or not talk.changed.wait(left):
            raise Unconfirmed(talk, done or settled, outlives=outlives)


class Told:
    """What the switch answers to an order: given along as its callback. ``code`` and ``message``: of a refusal."""

    def __init__(self, talk: Talk, code: str = "command-refused", message: str = "the switch refused it") -> None:
        self._talk, self._code, self._message = talk, code, message
        self.ok: bool | None = None

    def __call__(self, ok: bool) -> None:
        self.ok = ok
        self._talk.changed.set()

    def confirm(self) -> None:
        """Raises FloorRefused, Unconfirmed."""
        confirm(self._talk, lambda: self.ok is not None, lambda: bool(self.ok))
        if not self.ok:
            raise FloorRefused(self._message, code=self._code)
