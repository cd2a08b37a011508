"""What tells the spots of a walk apart."""

from __future__ import annotations

from collections.abc import Mapping
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


Key = tuple[int, ...]  # what is of the call, then what is of each flow in it, the outermost first


class Keys:
    """Keys of spots: equal for those from which the same can happen.

    Numbers of refs and visits, the time of the call, goals and variables that nobody will read are left out.
    """

    def __init__(self, plan: Plan, live: Live) -> None:
        self.plan, self.live = plan, live
        self._parts: dict[Any, int] = {}

    def of(self, spot: Spot, hour: int) -> Key:
        """``hour`` tells the moments apart that were begun at."""
        state = spot.state
        roles = {ref: (kind, role) for ref, kind, role in state["pending"]}
        due = sorted(
            (round(at - spot.time_s, 3), str(roles.get(getattr(event, "ref", 0))), _plain(event))
            for at, _, event in spot.due
        )
        asked = sorted((round(one.at - spot.time_s, 3), str(roles.get(one.ref))) for one in spot.asked)
        rest = [state[name] for name in state if name not in APART]
        limited = state["limit_ref"] is not None
        waits = sorted(roles.values())
        whole = (due, asked, waits, rest, self._local(state), limited, spot.recording)
        return (self._number(repr(whole)), *(self._frame(frame, hour) for frame in state["frames"]))

    def fault(self, text: str) -> Key:
        return (self._number(("fault", text)),)

    def inside(self, key: Key) -> Key | None:
        """What the next steps depend on as long as the innermost flow goes on; None where it is the only one."""
        return (key[0], key[-1]) if len(key) > 2 else None

    def _frame(self, frame: Mapping[str, Any], hour: int) -> int:
        names = self.live[frame["flow"]][frame["node"]]
        timed = NOW in names and hour
        return self._number(
            (frame["flow"], frame["node"], repr(frame["loops"]), repr(_live(frame["variables"], names)), timed)
        )

    def _local(self, state: Mapping[str, Any]) -> list[Any]:
        frame = state["frames"][-1]
        unread = UNREAD_ENTRY in self.live[frame["flow"]][frame["node"]]
        return [(name, (name == "value" and unread) or value) for name, value in sorted(state["local"].items())]

    def _number(self, part: Any) -> int:
        return self._parts.setdefault(part, len(self._parts))


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


def _plain(event: e.Event) -> str:
    return repr([getattr(event, name) for name in event.__slots__ if name != "ref"])
