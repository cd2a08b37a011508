"""Which destination a feed has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cti.boss.feeds.destination import Destination, Folder, OnThread, RemoteFolder
from cti.boss.feeds.options import FeedPlan
from cti.boss.feeds.post import HttpDestination
from cti.boss.feeds.rows import TableDestination
from cti.boss.feeds.socket import Asked, SocketDestination
from cti.boss.ways.files.transport import TransportOptions


def open_destination(
    plan: FeedPlan, folder: Path, on_thread: OnThread, ask: Asked | None, now: Callable[[], float]
) -> Destination:
    """``folder``: from which relative paths count. Raises ConfigError for what can never work; a receiver that is down
    is no error."""
    options = plan.options
    if options.to is not None:
        if options.remote:
            return RemoteFolder(options.to, options.reach or TransportOptions(), folder, on_thread)
        return Folder(folder / options.to.removeprefix("file://"), on_thread)
    if options.table is not None:
        return TableDestination(plan.name, options.table, folder, on_thread)
    if options.http is not None:
        return HttpDestination(plan.name, options.http, folder, now)
    assert plan.socket is not None
    assert options.socket is not None
    return SocketDestination(options.socket, plan.socket, ask)


__all__ = ["Asked", "open_destination"]
