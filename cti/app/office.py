"""The interface server by itself, for the command line: it opens its own ways beside a running engine's."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cti.app.clocks import SystemClock
from cti.app.parts import load_boss
from cti.boss import InterfaceServer
from cti.boss.way import Outbox
from cti.boss.writes import MemoryWriteLog
from cti.store.sealing import KEY_BYTES, Sealer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cti.boss.writes import WriteLog
    from cti.config import Settings
    from cti.ports import RequestFiles


@contextmanager
def open_office(
    settings: Settings, writes: WriteLog | None = None, files: RequestFiles | None = None
) -> Iterator[InterfaceServer]:
    """Raises ConfigError, OfficeRefused. What it keeps is sealed with a key of its own and ends with it. ``files``:
    what goes by files is put there, for an engine to send; without it nothing goes by files."""
    plan, folder = load_boss(settings)
    sealer = Sealer({"k1": os.urandom(KEY_BYTES)}, "k1", os.urandom(KEY_BYTES))
    clock = SystemClock()
    office = InterfaceServer(
        plan,
        clock,
        folder=folder,
        sealing=sealer,
        writes=writes if writes is not None else MemoryWriteLog(),
        outbox=Outbox(files, "cli", clock.now, sends=False) if files is not None else None,
    )
    try:
        yield office
    finally:
        office.close()
