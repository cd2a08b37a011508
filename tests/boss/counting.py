"""What a way must not leave behind: threads, sockets and greenlets, counted before and after."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import gevent

from tests.boss.rig import until

#: An engine that another test left in this process may begin some of its own at any time.
OTHERS = ("cti.runtime.", "cti.app.", "cti.switch.")


def greenlets() -> list[gevent.Greenlet]:
    """Those that still run or wait, and may be a way's."""
    living = (one for one in gc.get_objects() if isinstance(one, gevent.Greenlet) and not one.dead)
    return [one for one in living if not (getattr(one._run, "__module__", None) or "").startswith(OTHERS)]


def counted() -> tuple[int, int, int]:
    """Threads and sockets of this process, as the kernel has them; greenlets that still run or wait. Of gevent's own
    threads only those at work: how many it keeps depends on how much was once done at the same time."""
    gc.collect()
    sockets = 0
    for descriptor in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # the list's own
            sockets += os.readlink(f"/proc/self/fd/{descriptor}").startswith("socket:")
    pool = gevent.get_hub().threadpool
    return len(os.listdir("/proc/self/task")) - pool.size + len(pool), sockets, len(greenlets())


@contextmanager
def nothing_left() -> Iterator[None]:
    before = counted()
    yield
    until(
        lambda: all(after <= was for after, was in zip(counted(), before, strict=True)),
        30.0,
        lambda: f"threads, sockets, greenlets: {counted()}, and {before} before; {greenlets()}",
    )
