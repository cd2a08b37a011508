"""A run as JSON and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from cti.core.errors import CtiError
from cti.flow.model import Flow, Node
from cti.flow.registry import REGISTRY, NodeType
from cti.flow.values import decode_all, encode, encode_all

if TYPE_CHECKING:
    from cti.flow.run import Run

FORMAT = 1


class RunMisuse(CtiError):
    """The caller of a run broke its contract (started twice, missing input, time without offset)."""

    code = "run-misuse"


_CHANGING = ("local", "texts", "visits", "goals")  # what a run changes in place


def need_offset(now: datetime) -> None:
    if now.tzinfo is None:
        raise RunMisuse("`now` must carry its offset from UTC")


class Frame:
    """One flow being executed: a subflow's stands above its caller's. ``tainted``: names of sensitive variables.
    ``loops``: the `repeat` nodes that are running, outermost first, with their rounds.

    ``model``, ``at`` and ``kind`` are what ``flow`` and ``node`` name: at hand, because every event needs them.
    ``stored`` are the variables as JSON, kept beside them because they are stored at every wait and seldom change.
    """

    __slots__ = ("at", "flow", "kind", "loops", "model", "node", "stored", "tainted", "variables", "visit")

    def __init__(self, model: Flow, node: str, variables: dict[str, Any], tainted: frozenset[str]) -> None:
        self.flow = model.id
        self.model = model
        self.variables = variables
        self.stored = encode_all(variables)
        self.tainted = tainted
        self.visit = 0
        self.loops: dict[str, int] = {}
        self.go(node)

    def set(self, name: str, value: Any) -> None:
        self.variables[name] = value
        self.stored[name] = encode(value)

    def go(self, node: str) -> None:
        self.node = node
        self.at: Node = self.model.nodes[node]
        self.kind: NodeType = REGISTRY[self.at.type]


def snapshot(run: Run) -> dict[str, Any]:
    """The whole run as a value of its own: nothing in it changes when the run goes on, and JSON can hold all of it."""
    state = view(run)
    for name in _CHANGING:
        state[name] = state[name].copy()
    for frame in state["frames"]:
        frame["variables"] = frame["variables"].copy()
    return state


def view(run: Run) -> dict[str, Any]:
    """What `snapshot` gives, but good only until the run goes on: parts of it are the run's own."""
    return {
        "format": FORMAT,
        "version": run.plan.version,
        "language": run.language,
        "called": run.called,
        "medium": run.medium,
        "local": run.local,
        "keys": run.keys,
        "end_due": run.end_due,
        "end_typed": run.end_typed,
        "texts": run.texts,
        "visits": run.visits,
        "goals": run.goals,
        "last_ref": run.last_ref,
        "errors": run.errors,
        "started": run.started,
        "ended": run.ended,
        "answered": run.answered,
        "hung_up": run.hung_up,
        "queue": run.queue,
        "recording": run.recording,
        "masks": run.masks,
        "limit_ref": run.limit_ref,
        "limit_hits": run.limit_hits,
        "limit_left_s": run.limit_left_s,
        "limit_since": run.limit_since,
        "pending": [[ref, kind, role] for ref, (kind, role) in run.pending.items()],
        "frames": [
            {
                "flow": frame.flow,
                "node": frame.node,
                "visit": frame.visit,
                "loops": list(frame.loops.items()),
                "tainted": sorted(frame.tainted),
                "variables": frame.stored,
            }
            for frame in run.frames
        ],
    }


def restore_into(run: Run, state: Mapping[str, Any]) -> None:
    """``run`` shares nothing with ``state``, which can be restored again."""
    run.language = state["language"]
    run.called = state["called"]
    run.medium = state["medium"]
    run.local = state["local"].copy()
    run.keys = state["keys"]
    run.end_due = state["end_due"]
    run.end_typed = state["end_typed"]
    run.texts = state["texts"].copy()
    run.visits = state["visits"].copy()
    run.goals = state["goals"].copy()
    run.last_ref = state["last_ref"]
    run.errors = state["errors"]
    run.started = state["started"]
    run.ended = state["ended"]
    run.answered = state["answered"]
    run.hung_up = state["hung_up"]
    run.queue = state["queue"]
    run.recording = state["recording"]
    run.masks = state["masks"]
    run.limit_ref = state["limit_ref"]
    run.limit_hits = state["limit_hits"]
    run.limit_left_s = state["limit_left_s"]
    run.limit_since = state["limit_since"]
    run.pending = {ref: (kind, role) for ref, kind, role in state["pending"]}
    run.frames = [_frame(run.plan.flows[stored["flow"]], stored) for stored in state["frames"]]


def _frame(model: Flow, stored: Mapping[str, Any]) -> Frame:
    frame = Frame(model, stored["node"], decode_all(stored["variables"]), frozenset(stored["tainted"]))
    frame.visit = stored["visit"]
    frame.loops = dict(stored["loops"])
    return frame


def to_text(state: Mapping[str, Any]) -> bytes:
    """JSON. Half of a surrogate pair, which a back office may answer, is no UTF-8: such a text is written escaped."""
    try:
        return orjson.dumps(state)
    except orjson.JSONEncodeError:
        return json.dumps(state).encode()


def from_text(text: bytes) -> dict[str, Any]:
    """The inverse of `to_text`. Raises ValueError when it is no JSON."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        found = json.loads(text)
    assert isinstance(found, dict)
    return found
