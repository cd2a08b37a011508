"""Which destination a feed has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cti.boss.feeds.destination import Destination, Folder, OnThread, RemoteFolder
from cti.boss.feeds.options import FeedPlan
from cti.boss.feeds.post import HttpDestination
from cti.boss.feeds.rows import TableDestination
from cti.boss.feeds.socket import Asked, SocketDestination
from cti.boss.way import Surroundings
from cti.boss.ways.files.transport import TransportOptions, open_transport


def open_destination(
    plan: FeedPlan, folder: Path, on_thread: OnThread, ask: Asked | None, now: Callable[[], float]
) -> Destination:
    """``folder``: from which relative paths count. Raises ConfigError for what can never work; a receiver that is down
    is no error."""
    options = plan.options
    if options.to is not None:
        if options.remote:
            reach = options.reach or TransportOptions()
            return RemoteFolder(open_transport(options.to, reach, folder, plan.targets), on_thread)
        return Folder(folder / options.to.removeprefix("file://"), on_thread)
    around = Surroundings(f"feed {plan.name}", folder, 2, targets=plan.targets)
    if options.table is not None:
        return TableDestination(options.table, around, on_thread)
    if options.http is not None:
        return HttpDestination(options.http, around, now)
    assert plan.socket is not None
    assert options.socket is not None
    return SocketDestination(options.socket, plan.socket, ask)


__all__ = ["Asked", "open_destination"]
