"""Keeps the C library's memory from spreading over threads.

glibc gives each thread an arena of its own (up to 8 for each core), and an arena keeps what was once in use: a database
connection takes up to 2 MB a use, on threads that come as they are needed. With two arenas an engine under the load of
`scripts/bench soak` has some 35 MiB less (docs/sizing.md; what is remembered was bounded by time in the same change).
Threads here wait for files and for the interpreter's lock, not for each other's allocations.
"""

from __future__ import annotations

import ctypes
import os

#: malloc.h of glibc
_M_ARENA_MAX = -8
_ARENAS = 2


def share_arenas() -> bool:
    """Before threads are started. False: another C library, which has no such thing; or the environment says how
    (``MALLOC_ARENA_MAX``, ``GLIBC_TUNABLES``)."""
    if "MALLOC_ARENA_MAX" in os.environ or "arena_max" in os.environ.get("GLIBC_TUNABLES", ""):
        return False
    try:
        return bool(ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS))
    except (OSError, AttributeError):
        return False
