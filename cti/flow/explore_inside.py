"""Steps inside a flow, to be taken over for calls in which other flows stand below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cti.flow.explore_keys import Key
from cti.flow.explore_moves import Move
from cti.flow.explore_world import Spot


@dataclass(frozen=True, slots=True)
class Arrival:
    """Where a move led: ``ends`` is the reason of the end, '' where the call goes on; ``entered``: its node was just
    entered; ``human``: on the way was a node with people."""

    key: Key
    spot: Spot
    at: tuple[str, str]
    ends: str
    entered: bool
    seconds: float
    human: bool


@dataclass(frozen=True, slots=True)
class Step:
    """A move that was made inside a flow, and what came of it. ``depth``: how many flows stood below that flow, which
    must not have ended; 0: that is not so, and the step tells nothing of calls with other flows below."""

    move: Move
    choices: tuple[int, ...]
    depth: int
    arrival: Arrival


def above(frames: Sequence[Mapping[str, Any]], step: Step, key: Key) -> Arrival:
    """Where ``step`` leads in a call with other flows, ``frames``, below the one in which it was seen."""
    there = step.arrival
    state = {**there.spot.state, "frames": [*frames, *there.spot.state["frames"][step.depth :]]}
    return replace(there, key=key, spot=replace(there.spot, state=state))
