"""A switch with people around it. Two implementations: `embedded_rig` and `real_rig`; the tests know only this page."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from pathlib import Path
from time import monotonic
from typing import Protocol

import gevent

LIMIT_S = 4.0
WORKER = "0"


class Treats(Enum):
    """What a phone does with a call."""

    ANSWERS = "answers"
    BUSY = "busy"
    RINGS = "rings"  # for ever
    ABSENT = "absent"  # not registered


class Caller(Protocol):
    """Somebody who has dialled."""

    def press(self, keys: str) -> None:
        """Type ``keys`` as fast as a phone can; returns before they have been sent."""

    def hang_up(self) -> None: ...

    @property
    def answered(self) -> bool: ...

    @property
    def ended(self) -> bool:
        """The far side hung up or refused."""


class Phone(Protocol):
    """A phone of the directory."""

    number: str

    @property
    def rung(self) -> int:
        """How many calls have reached it."""

    @property
    def ended(self) -> bool:
        """The last call that reached it is over."""

    def hang_up(self) -> None:
        """The call that it has."""


class Rig(Protocol):
    """A running switch, its event socket, and who calls and is called. ``folder``: the switch can write there."""

    host: str
    port: int
    password: str
    domain: str
    folder: Path

    def call(self, number: str, called: str, name: str = "") -> Caller:
        """By the trunk."""

    def phone(self, number: str, treats: Treats) -> Phone:
        """Until `tidy`."""

    def tidy(self) -> None:
        """After a test: callers and phones go home."""


def wait_for(condition: Callable[[], bool], what: str, limit_s: float = LIMIT_S) -> None:
    """For what no event tells of; other greenlets run meanwhile."""
    until = monotonic() + limit_s
    while not condition():
        if monotonic() > until:
            raise TimeoutError(f"{what}: not within {limit_s} s")
        gevent.sleep(0.005)
