"""What the history of the flows says about today, and what a reload adds to it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from cti.core.versions import Activation, FlowVersion, Origin
from cti.runtime.reload.files import text_version
from cti.runtime.reload.job import Checked, Pin
from cti.runtime.reload.judge import Verdict

#: Lines that hold against what the files say.
_PINNING = (Origin.ROLLBACK, Origin.CANARY_BACK)
NO_LONGER = "no longer held back"
#: Characters of findings in a line that says that something is held back.
MOST_NOTED = 2000


@dataclass(frozen=True, slots=True)
class Past:
    """What the history says: `FlowHistory.active`, `held`, `canaries` and `last_number`."""

    state: Mapping[str, Activation]
    held: Mapping[str, Activation]
    canaries: list[Activation]
    number: int


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


def trials_of(state: Mapping[str, Activation], canaries: Iterable[Activation]) -> dict[str, str]:
    """flow -> the canary that runs, as far as the history knows."""
    return {flow: one.version for flow, one in begun_of(canaries).items() if flow in state}


def new_versions(
    checked: Checked, state: Mapping[str, Activation], before: Mapping[str, str], now: float
) -> list[FlowVersion]:
    """What the files make and the history may not know yet; nothing that is held back. ``before``: what they made the
    last time."""
    flows = [
        FlowVersion(flow, version, checked.files[flow], checked.authors.get(flow, "unknown"), now, Origin.FILE)
        for flow, version in checked.disk.items()
        if flow not in checked.held
        and before.get(flow) != version
        and not ((known := state.get(flow)) and known.file_version == version)
    ]
    files = [
        FlowVersion(file, text_version(text), {file: text}, checked.authors.get(file, "unknown"), now, Origin.FILE)
        for file, text in checked.shared.items()
        if not ((known := state.get(file)) and known.version == text_version(text))
    ]
    return [*flows, *files]


def new_lines(done: Verdict, past: Past, now: float) -> list[Activation]:
    """A line for each flow whose callers meet another version from now on, for each canary that begins, for each file
    in force, and for what is held back from now on or no longer."""
    return [
        *_flow_lines(done, past, now),
        *_canary_lines(done, past, now),
        *_file_lines(done.checked, past, now),
        *_held_lines(done, past, now),
    ]


def _flow_lines(done: Verdict, past: Past, now: float) -> Iterator[Activation]:
    checked = done.checked
    for flow, plan in done.plans.items():
        if flow in checked.held:
            continue
        known, disk = past.state.get(flow), checked.disk.get(flow)
        edited = known is not None and known.origin in _PINNING and known.file_version not in (None, disk)
        if known is None or known.version != plan.version or (edited and plan.version == disk):
            yield Activation(flow, plan.version, now, _author(checked, flow), Origin.FILE, disk)
        elif flow in past.held:
            yield replace(known, at=now, number=0, note=NO_LONGER)


def _canary_lines(done: Verdict, past: Past, now: float) -> Iterator[Activation]:
    checked, begun = done.checked, begun_of(past.canaries)
    for flow, plan in done.canaries.items():
        if flow not in begun or begun[flow].version != plan.version:
            yield Activation(flow, plan.version, now, _author(checked, flow), Origin.CANARY, checked.disk.get(flow))


def _file_lines(checked: Checked, past: Past, now: float) -> Iterator[Activation]:
    for file, text in checked.shared.items():
        known, version = past.state.get(file), text_version(text)
        if known is None or known.version != version:
            yield Activation(file, version, now, _author(checked, file), Origin.FILE, version)
        elif file in past.held and file not in checked.held:
            yield replace(known, at=now, number=0, note=NO_LONGER)


def _held_lines(done: Verdict, past: Past, now: float) -> Iterator[Activation]:
    checked = done.checked
    for name, held in checked.held.items():
        note = "\n".join(map(str, held.issues))[:MOST_NOTED]
        known = past.held.get(name)
        if known is None or (known.version, known.note) != (held.version, note):
            author, disk = _author(checked, name), checked.disk.get(name)
            yield Activation(name, held.version, now, author, Origin.HELD_BACK, disk, note)


def _author(checked: Checked, name: str) -> str:
    return checked.authors.get(name, "unknown")
