"""An interface server over a file of a test, by the ways that there really are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cti.boss.configuration import parse_office
from cti.boss.server import InterfaceServer
from cti.boss.ways import WAYS
from cti.boss.writes import MemoryWriteLog, WriteLog
from cti.store.sealing import Sealer
from tests.boss.rig import TestClock


@contextmanager
def served(text: str | bytes, folder: Path, *, writes: WriteLog | None = None) -> Iterator[InterfaceServer]:
    """Relative paths count from ``folder``."""
    server = InterfaceServer(
        parse_office(text, "interfaces.yaml", WAYS),
        TestClock(),
        folder=folder,
        sealing=Sealer({"k1": b"k" * 32}, "k1", b"b" * 32),
        writes=writes or MemoryWriteLog(),
    )
    try:
        yield server
    finally:
        server.close()
