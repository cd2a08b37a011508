"""The processes of a cluster as people see them, and their draining."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import gevent

from cti.core.errors import CtiError
from cti.ports.cluster import GONE_S, read_holder

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.core.access import Deed
    from cti.ports.cluster import Member
    from cti.store.accounts import AccountStore
    from cti.store.cluster import MemberRow

_LOOK_S = 0.25


class UnknownNode(CtiError):
    """No process has such a node or address."""

    code = "unknown-node"


@dataclass(frozen=True, slots=True)
class NodeState:
    """``state``: up, draining, silent (no sign of life while it was looked at) or gone. ``since``: wall time at which
    it came or went. ``leads``: it distributes."""

    member: Member
    state: str
    since: float
    leads: bool

    def as_json(self) -> dict[str, Any]:
        return {
            "address": self.member.address,
            "node": self.member.node,
            "roles": sorted(self.member.roles),
            "state": self.state,
            "leads": self.leads,
            "since": datetime.fromtimestamp(self.since, UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "switches": list(self.member.switches),
            "api": self.member.api,
            "draining": self.member.draining,
        }


class Nodes:
    """``wall`` tells wall time. Every method blocks its greenlet and raises StoreUnavailable."""

    def __init__(self, store: AccountStore, wall: Callable[[], float]) -> None:
        self._store, self._wall = store, wall

    def list_nodes(self, *, settle: bool = False) -> list[NodeState]:
        """By address. ``settle``: look until each has given a sign of life, `GONE_S` at most; else what the others have
        found out counts."""
        cluster = self._store.open_cluster()
        try:
            rows, lease = cluster.list_members(), cluster.find_lease()
            silent = self._silent(rows, cluster.list_members) if settle else set()
        finally:
            cluster.close()
        _, run = read_holder(lease.holder) if lease is not None else ("", "")
        return [_state(row, row.member.address in silent, run) for row in rows]

    def drain(self, target: str, draining: bool, deed: Deed) -> list[str]:
        """The addresses that it is for. Raises UnknownNode."""
        cluster = self._store.open_cluster()
        try:
            known = [row.member for row in cluster.list_members()]
            reached = [one.address for one in known if target in (one.address, one.node)]
            if not reached and not (target in cluster.drains() and not draining):
                raise UnknownNode(f"no process has the node or address '{target[:160]}'", remedy="cti node list")
            before = target in cluster.drains()
            if draining:
                cluster.drain(target, self._wall())
            else:
                cluster.undrain(target)
        finally:
            cluster.close()
        action = "node.drain" if draining else "node.undrain"
        line = deed.line(action, f"node:{target}", before={"draining": before}, after={"draining": draining})
        self._store.audit.add(line)
        return reached

    def _silent(self, rows: list[MemberRow], again: Callable[[], list[MemberRow]]) -> set[str]:
        waiting = {row.member.address: (row.stream, row.beats) for row in rows if not row.gone}
        for _ in range(round(GONE_S / _LOOK_S)):
            if not waiting:
                break
            gevent.sleep(_LOOK_S)
            for row in again():
                if waiting.get(row.member.address, (row.stream, row.beats)) != (row.stream, row.beats):
                    del waiting[row.member.address]
        return set(waiting)


def _state(row: MemberRow, silent: bool, leader: str) -> NodeState:
    state = "gone" if row.gone else "silent" if silent else "draining" if row.member.draining else "up"
    return NodeState(row.member, state, row.since, state in ("up", "draining") and row.member.run == leader)
