"""What a way must not leave behind: threads, sockets and greenlets, counted before and after."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import gevent

from tests.boss.rig import until


def counted() -> tuple[int, int, int]:
    """Threads and sockets of this process, as the kernel has them; greenlets that still run or wait."""
    gc.collect()
    sockets = 0
    for descriptor in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # the list's own
            sockets += os.readlink(f"/proc/self/fd/{descriptor}").startswith("socket:")
    greenlets = sum(isinstance(one, gevent.Greenlet) and not one.dead for one in gc.get_objects())
    return len(os.listdir("/proc/self/task")), sockets, greenlets


@contextmanager
def nothing_left() -> Iterator[None]:
    before = counted()
    yield
    until(lambda: all(after <= was for after, was in zip(counted(), before, strict=True)), 30.0)
