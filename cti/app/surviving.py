"""Joins the survivor of dead workers with the sides of an engine."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from cti.app.conversing import go_on
from cti.runtime.survivor import Survivor
from cti.switch.succession import Succession

if TYPE_CHECKING:
    from cti.app.calls_side import CallsSide
    from cti.app.floor_side import FloorSide
    from cti.app.ground import Ground
    from cti.core.snapshots import Sign
    from cti.switch.holding import Holder

log = logging.getLogger("cti.app")


def make_survivor(ground: Ground, calls: CallsSide, holder: Holder, side: FloorSide | None, run: str = "") -> Survivor:
    """Once the switches are made. ``side``: None where another process distributes, which keeps the places of callers
    and agents itself; ``run`` of ours then."""
    durable = ground.durable
    switches = [Succession(driver, holder.name) for driver in calls.switches.values()]

    def take_up(worker: str, seen: Sign) -> bool:
        left = durable.take_up(worker, seen, run if side is None else side.ledger.run)
        if left is None:
            return False
        if side is not None:
            side.ledger.take_in(left.stays)
            side.seat(left.floor)
        go_on(durable, calls.conversations, ground.transcripts, ground.store, calls.engine)
        log.warning("%d calls of worker %s may go on", len(left.snapshots), worker)
        return True

    return Survivor(durable.owner, holder.name, lambda: switches, ground.store.owners.find, take_up)
