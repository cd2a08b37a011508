"""What calls leave behind: in the engine, at its links, and on the switch."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import gevent

from cti.runtime.actor import CallActor

if TYPE_CHECKING:
    from tests.runtime.platform import Platform


def of_calls(platform: Platform) -> list[str]:
    """What should not be there when no call is up; empty when all is well."""
    engine, driver, core = platform.application.engine, platform.driver, platform.switch.core
    admission, queues = engine._admission, engine._services.queues
    slots = {group for task in core.tasks.tasks.values() if not (group := task.group).startswith("cti_alive")}
    checks: dict[str, Any] = {
        "actors": engine._actors,
        "greenlets": engine._greenlets,
        "talking": engine._talking,
        "admission": None if admission.empty() else admission,
        "queues": None if queues.idle() and not queues._callers else vars(queues),
        "legs": driver.legs,
        "other legs": driver.hearing._others,
        "guards": driver.guard._held,
        "tasks on the switch": slots,
        "channels": core.channels,
    }
    left = [f"{name}: {found}" for name, found in checks.items() if found]
    if left:
        return left  # a walk over all objects takes so long that it is worth it only when all else is well
    running = [g for g in gc.get_objects() if isinstance(g, gevent.Greenlet) and _runs_call(g)]
    return [f"call greenlets: {running}"] if running else []


def _runs_call(candidate: gevent.Greenlet[..., Any]) -> bool:
    if candidate.dead:
        return False
    return isinstance(getattr(getattr(candidate, "_run", None), "__self__", None), CallActor)
