"""Who gets a processor beside a FreeSWITCH, whose calls have a real-time priority."""

from __future__ import annotations

import contextlib
import os

from cti.app.units import PRIORITY


def as_unit() -> None:
    """In a child, before its program begins: scheduled as `cti ops units` has an engine beside a switch. A user who may
    not is scheduled like everybody."""
    _round_robin(PRIORITY)


def as_caller() -> None:
    """In a child, before its program begins: ahead of switch and engine, as callers are who are not on their machine.
    A SIPp that waits behind a full switch presses its keys late or not at all, and tells of calls that failed."""
    # One step is taken: by the thread of the switch that reads commands (cti.switch.links.ahead).
    _round_robin(PRIORITY + 2)


def _round_robin(priority: int) -> None:
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(priority))
