"""A switch with people around it. Two implementations: `embedded_rig` and `real_rig`; the tests know only this page."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from pathlib import Path
from time import monotonic
from typing import Protocol

import gevent

from cti.switch.links import LinkLost, SwitchLinks

LIMIT_S = 20.0  # for a loaded machine; nothing waits for its end
WORKER = "0"


class Treats(Enum):
    """What a phone does with a call."""

    ANSWERS = "answers"
    BUSY = "busy"
    RINGS = "rings"  # for ever
    ABSENT = "absent"  # not registered
    REJECTS = "rejects"
    EARLY = "early"  # as RINGS, which it tells by sound: 183
    ITSELF = "itself"  # rings, and answers by itself a call that asks for it
    ON_TALK = "on talk"  # rings, and answers when it gets a NOTIFY of `talk`


class Caller(Protocol):
    """Somebody who has dialled. ``got``: keys that were sent to it."""

    @property
    def got(self) -> str: ...

    def press(self, keys: str) -> None:
        """Type ``keys`` as fast as a phone can; returns before they have been sent."""

    def hang_up(self) -> None: ...

    @property
    def answered(self) -> bool: ...

    @property
    def ended(self) -> bool:
        """The far side hung up or refused."""


class Phone(Protocol):
    """A phone of the directory. ``contact`` is its address, ``got`` the keys that were sent to its last call."""

    number: str
    contact: str

    @property
    def got(self) -> str: ...

    def press(self, keys: str) -> None: ...

    def answer(self) -> None:
        """The call that rings."""

    @property
    def rung(self) -> int:
        """How many calls have reached it."""

    @property
    def ended(self) -> bool:
        """The last call that reached it is over."""

    def hang_up(self) -> None:
        """The call that it has."""


class Rig(Protocol):
    """A running switch, its event socket, and who calls and is called. ``folder``: the switch can write there.
    ``voices``: people make sounds, which are in recordings."""

    host: str
    port: int
    password: str
    domain: str
    folder: Path
    voices: bool

    def call(self, number: str, called: str, name: str = "") -> Caller:
        """By the trunk."""

    def phone(self, number: str, treats: Treats) -> Phone:
        """Until `tidy`."""

    def hears(self, listener: Caller | Phone, speaker: Caller | Phone) -> bool:
        """Right now (within half a second): does what one says reach the other? Phones: in their last call."""

    def cut(self, links: SwitchLinks) -> None:
        """Tear the connection, without a word."""

    def tidy(self) -> None:
        """After a test: callers and phones go home."""


def cut(links: SwitchLinks) -> None:
    pair = links._pair
    assert pair is not None
    pair.events.fail(LinkLost("cut by the test"))


def wait_for(condition: Callable[[], bool], what: str, limit_s: float = LIMIT_S) -> None:
    """For what no event tells of; other greenlets run meanwhile."""
    until = monotonic() + limit_s
    while not condition():
        if monotonic() > until:
            raise TimeoutError(f"{what}: not within {limit_s} s")
        gevent.sleep(0.005)
