"""What the history of the flows says about today, and what a reload adds to it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cti.core.versions import Activation, FlowVersion, Origin
from cti.runtime.reload_job import Checked, Pin
from cti.runtime.reload_process import Reloaded

#: Lines that hold against what the files say.
_PINNING = (Origin.ROLLBACK, Origin.CANARY_BACK)


def pins_of(state: Mapping[str, Activation]) -> dict[str, Pin]:
    return {flow: Pin(one.version, one.file_version) for flow, one in state.items() if one.origin in _PINNING}


def begun_of(canaries: Iterable[Activation]) -> dict[str, Activation]:
    """flow -> its canary that was begun last and not taken back. ``canaries``: the oldest first."""
    begun: dict[str, Activation] = {}
    for one in canaries:
        if one.origin is Origin.CANARY:
            begun[one.flow] = one
        elif one.origin is Origin.CANARY_BACK:
            begun.pop(one.flow, None)
    return begun


def withdrawn_of(canaries: Iterable[Activation]) -> frozenset[tuple[str, str]]:
    """(flow, version) of the canaries that were taken back: none is tried twice."""
    begun: dict[str, str] = {}
    withdrawn: set[tuple[str, str]] = set()
    for one in canaries:
        if one.origin is Origin.CANARY:
            begun[one.flow] = one.version
        elif one.origin is Origin.CANARY_BACK and one.flow in begun:
            withdrawn.add((one.flow, begun[one.flow]))
    return frozenset(withdrawn)


def new_versions(
    checked: Checked, state: Mapping[str, Activation], before: Mapping[str, str], now: float
) -> list[FlowVersion]:
    """What the files make and the history may not know yet. ``before``: what they made the last time."""
    return [
        FlowVersion(flow, version, checked.files[flow], checked.authors.get(flow, "unknown"), now, Origin.FILE)
        for flow, version in checked.disk.items()
        if before.get(flow) != version and not ((known := state.get(flow)) and known.file_version == version)
    ]


def new_lines(
    done: Reloaded, state: Mapping[str, Activation], canaries: Iterable[Activation], now: float
) -> list[Activation]:
    """A line for each flow whose callers meet another version from now on, and for each canary that begins."""
    checked, lines = done.checked, []
    for flow, plan in done.plans.items():
        known, disk = state.get(flow), checked.disk[flow]
        edited = known is not None and known.origin in _PINNING and known.file_version not in (None, disk)
        if known is None or known.version != plan.version or (edited and plan.version == disk):
            author = checked.authors.get(flow, "unknown")
            lines.append(Activation(flow, plan.version, now, author, Origin.FILE, disk))
    begun = begun_of(canaries)
    for flow, plan in done.canaries.items():
        if flow not in begun or begun[flow].version != plan.version:
            author, disk = checked.authors.get(flow, "unknown"), checked.disk[flow]
            lines.append(Activation(flow, plan.version, now, author, Origin.CANARY, disk))
    return lines
