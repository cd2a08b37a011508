"""What a run did: nothing to execute, only to record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class NodeEntered:
    flow: str
    node: str
    type: str
    visit: int  # 1, 2, … within this run, per node


@dataclass(frozen=True, slots=True)
class NodeLeft:
    flow: str
    node: str
    visit: int
    exit: str
    note: str = ""  # masked, for people: the key pressed, the outcome of a look-up


@dataclass(frozen=True, slots=True)
class GoalReached:
    goal: str


@dataclass(frozen=True, slots=True)
class NoticeHeard:
    """The caller was told the notice; ``whole`` False: a key, or the caller's hang-up, cut it short."""

    notice: str
    whole: bool = True
    hung_up: bool = False


@dataclass(frozen=True, slots=True)
class FlowError:
    """Something went wrong inside the flow (an expression failed, a sub-system broke); the flow goes to `on.error`."""

    flow: str
    node: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The last thing a run says. ``outcome`` is the author's word; ``reason`` flow_end, hangup, limit, system_error."""

    outcome: str
    reason: str
    returns: Mapping[str, Any] = field(default_factory=dict)
