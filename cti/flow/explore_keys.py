"""What tells the spots of a walk apart."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from cti.core import events as e
from cti.flow.explore_live import NOW, PRESENCE, UNREAD_ENTRY, Live
from cti.flow.explore_world import Spot
from cti.flow.plan import Plan

#: Parts of a run's state that change nothing any more, or are looked at one by one. What is new there counts.
APART = {
    "format",
    "version",
    "frames",
    "local",
    "pending",
    "visits",
    "goals",
    "last_ref",
    "started",
    "called",
    "limit_ref",
    "limit_since",
    "limit_left_s",
}


def key_of(spot: Spot, live: Live, hour: int) -> bytes:
    """Equal for spots from which the same can happen; ``hour`` tells the moments apart that were begun at.

    Numbers of refs and visits, the time of the call, goals and variables that nobody will read are left out.
    """
    state = spot.state
    roles = {ref: (kind, role) for ref, kind, role in state["pending"]}
    frames = [
        (
            frame["flow"],
            frame["node"],
            frame["loops"],
            _live(frame["variables"], live[frame["flow"]][frame["node"]]),
        )
        for frame in state["frames"]
    ]
    due = sorted(
        f"{at - spot.time_s:9.3f} {roles.get(getattr(event, 'ref', 0))} {_plain(event)}" for at, _, event in spot.due
    )
    due += sorted(f"{asked.at - spot.time_s:9.3f} {roles.get(asked.ref)}" for asked in spot.asked)
    rest = [(name, value) for name, value in sorted(state.items()) if name not in APART]
    waits = sorted(roles.values())
    limited = state["limit_ref"] is not None
    timed = any(NOW in live[frame["flow"]][frame["node"]] for frame in state["frames"])
    whole = (frames, _local(state, live), due, waits, rest, limited, repr(spot.recording), timed and hour)
    return blake2b(json.dumps(whole, sort_keys=True, default=repr).encode(), digest_size=16).digest()


def hangup_key(plan: Plan, spot: Spot, live: Live, hour: int) -> str:
    """Equal for spots at which hanging up comes to the same: what `on.hangup` can read, and where it goes back to."""
    state = spot.state
    frames: list[Any] = []
    for frame in reversed(state["frames"]):
        handler = plan.flows[frame["flow"]].handlers.get("hangup")
        at = frame["node"] if frames else handler.name if handler else None
        if at is not None:
            names = live[frame["flow"]].get(at, frozenset())
            frames.append((frame["flow"], at, _live(frame["variables"], names)))
    timed = any(NOW in live[flow].get(node, ()) for flow, node, _ in frames)
    rest = [state[name] for name in ("language", "errors", "queue", "limit_hits")]
    return repr((frames, rest, timed and hour))


def _live(variables: Mapping[str, Any], names: frozenset[str]) -> list[Any]:
    """Of a variable of which only that it is there matters, only that."""
    return [
        value if name in names else value is not None
        for name, value in sorted(variables.items())
        if name in names or PRESENCE + name in names
    ]


def _local(state: Mapping[str, Any], live: Live) -> list[Any]:
    frame = state["frames"][-1]
    unread = UNREAD_ENTRY in live[frame["flow"]][frame["node"]]
    return [(name, (name == "value" and unread) or value) for name, value in sorted(state["local"].items())]


def _plain(event: e.Event) -> str:
    return repr([getattr(event, name) for name in event.__slots__ if name != "ref"])
