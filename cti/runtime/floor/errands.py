"""Somebody to be called: for a callback, or because an agent dials."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cti.core.legs import Phone


@dataclass(frozen=True, slots=True, eq=False)
class Errand:
    """``number`` and ``entry``: as they stand in the call's record; ``headers`` go with the INVITE. ``flow``: meets who
    is reached, where no agent does. ``placed``: by an agent who is at it already, so the agent's phone is asked to
    answer by itself where it can.

    ``may_dial``: asked right before the phone rings (a reason not to, or empty). ``began`` (the leg), ``rang``,
    ``ended``: told of the attempt: that the phone is dialled; that it rings; how it ended (`outcalls.ANSWERED` and the
    agent, an outcome of legs, or an exit of the queue), once.
    """

    number: str
    phone: Phone
    entry: str
    ring_s: float
    headers: Mapping[str, str] = field(default_factory=dict)
    flow: str = ""
    placed: bool = False
    may_dial: Callable[[], str] = lambda: ""
    began: Callable[[str], None] = lambda _leg: None
    rang: Callable[[], None] = lambda: None
    ended: Callable[[str, str], None] = lambda _how, _agent: None
