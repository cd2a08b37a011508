"""Who gets a processor beside a FreeSWITCH, whose calls have a real-time priority."""

from __future__ import annotations

import contextlib
import os

from cti.app.units import PRIORITY


def as_unit() -> None:
    """In a child, before its program begins: scheduled as `cti ops units` has an engine beside a switch. A user who may
    not is scheduled like everybody."""
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(PRIORITY))
