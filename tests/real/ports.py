"""Port ranges for switches and callers that run beside each other, in this run of the tests or in another one.

A range is taken by locks on files, one for each `SLOT` ports, which end with the process at the latest.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

SLOT = 500
SWITCHES = range(12_000, 32_000, SLOT)  # below the ephemeral ports, so that no socket of somebody else comes between
CALLERS = range(32_000, 60_000, SLOT)

_ours = ExitStack()  # ranges that are kept until the process ends


def keep_ports(count: int) -> int:
    """The first of ``count`` ports in a row that are ours from now on. Raises RuntimeError when there are none."""
    return _ours.enter_context(borrow_ports(count, SWITCHES))


@contextlib.contextmanager
def borrow_ports(count: int, among: range = CALLERS) -> Iterator[int]:
    """The first of ``count`` ports in a row, ours inside the block. Raises RuntimeError when there are none."""
    slots = -(-count // SLOT)
    for first in among[: len(among) - slots + 1]:
        with ExitStack() as locks:
            if all(_lock(first + SLOT * slot, locks) for slot in range(slots)) and _unused(first, count):
                yield first
                return
    raise RuntimeError(f"no {count} free ports in a row from {among.start} to {among.stop}")


def _lock(port: int, locks: ExitStack) -> bool:
    folder = Path(tempfile.gettempdir()) / f"cti-test-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    file = locks.enter_context((folder / str(port)).open("w"))
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _unused(first: int, count: int) -> bool:
    """By programs that know nothing of these locks."""
    for port in range(first, first + count):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True
