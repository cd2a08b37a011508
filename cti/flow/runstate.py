"""A run as JSON and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from cti.core.errors import CtiError
from cti.flow.values import decode, encode

if TYPE_CHECKING:
    from cti.flow.run import Run

FORMAT = 1


class RunMisuse(CtiError):
    """The caller of a run broke its contract (started twice, missing input, time without offset)."""

    code = "run-misuse"


def need_offset(now: datetime) -> None:
    if now.tzinfo is None:
        raise RunMisuse("`now` must carry its offset from UTC")


_PLAIN = (
    "language",
    "called",
    "medium",
    "local",
    "keys",
    "texts",
    "visits",
    "goals",
    "last_ref",
    "errors",
    "started",
    "ended",
    "answered",
    "hung_up",
    "queue",
    "recording",
    "masks",
    "limit_ref",
    "limit_hits",
    "limit_left_s",
)
_CHANGING = ("local", "visits", "goals", "texts")  # those of them that the run changes in place
_plain_of = attrgetter(*_PLAIN)


@dataclass(slots=True)
class Frame:
    """One flow being executed: a subflow's stands above its caller's. ``tainted``: names of sensitive variables.
    ``loops``: the `repeat` nodes that are running, outermost first, with their rounds."""

    flow: str
    node: str
    variables: dict[str, Any]
    tainted: frozenset[str]
    visit: int = 0
    loops: dict[str, int] = field(default_factory=dict)


def snapshot(run: Run) -> dict[str, Any]:
    """The whole run as a value of its own: nothing in it changes when the run goes on, and JSON can hold all of it."""
    state: dict[str, Any] = dict(zip(_PLAIN, _plain_of(run), strict=True))
    for name in _CHANGING:
        state[name] = state[name].copy()
    state["format"] = FORMAT
    state["version"] = run.plan.version
    state["limit_since"] = run.limit_since.isoformat() if run.limit_since else None
    state["pending"] = [[ref, kind, role] for ref, (kind, role) in run.pending.items()]
    state["frames"] = [
        {
            "flow": frame.flow,
            "node": frame.node,
            "visit": frame.visit,
            "loops": list(frame.loops.items()),
            "tainted": sorted(frame.tainted),
            "variables": {name: encode(value) for name, value in frame.variables.items()},
        }
        for frame in run.frames
    ]
    return state


def restore_into(run: Run, state: Mapping[str, Any]) -> None:
    for name in _PLAIN:
        value = state[name]
        setattr(run, name, value.copy() if isinstance(value, dict | list) else value)
    since = state["limit_since"]
    run.limit_since = datetime.fromisoformat(since) if since else None
    run.pending = {ref: (kind, role) for ref, kind, role in state["pending"]}
    run.frames = [
        Frame(
            frame["flow"],
            frame["node"],
            {name: decode(value) for name, value in frame["variables"].items()},
            frozenset(frame["tainted"]),
            frame["visit"],
            dict(frame["loops"]),
        )
        for frame in state["frames"]
    ]
