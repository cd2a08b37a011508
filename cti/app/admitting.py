"""Who is let in: the limits of the settings, and the load."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti.runtime.admission import Admission, Limits, TrunkLimit
from cti.runtime.overload import Bounds, Overload

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.boss import InterfaceServer
    from cti.config import Settings
    from cti.ports import Clock


def make_overload(settings: Settings) -> Overload:
    told = settings.limits.overload
    return Overload(Bounds(told.cpu_pct, told.late_ms / 1000.0, told.backlog, told.switch_idle_pct, told.records))


def make_admission(
    settings: Settings, clock: Clock, blocked: Callable[[str], bool], overload: Overload, office: InterfaceServer
) -> Admission:
    limits = settings.limits
    needed = limits.overload.backends
    return Admission(
        Limits(
            limits.calls,
            limits.per_caller,
            limits.per_second,
            per_caller_min=limits.per_caller_minute,
            per_trunk={name: TrunkLimit(one.calls, one.per_second) for name, one in limits.per_trunk.items()},
            ill_pct=limits.overload.backends_pct,
        ),
        clock,
        blocked=blocked,
        overload=overload,
        ill=lambda: any(office.ill(name) for name in needed),
    )
