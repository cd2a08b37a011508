"""Every event that a floor of the tests publishes is held against the catalogue: its fields, and their kinds as in the
sample. `tests/conftest.py` fails the test in which one was not as it says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cti.runtime.floor.catalogue import EVENTS
from cti.runtime.floor.hub import Event, Hub

#: Names of what was published in this process.
seen: set[str] = set()
_wrong: list[str] = []


def watch(hub: Hub) -> None:
    hub.listeners.append(_heard)


def taken() -> list[str]:
    """What was wrong since the last time."""
    found = list(_wrong)
    _wrong.clear()
    return found


def _heard(event: Event, _at: float, data: Mapping[str, Any]) -> None:
    seen.add(event.type)
    kind = EVENTS[event.type]
    if set(data) != set(kind.fields):
        _wrong.append(f"{event.type}: {sorted(data)} are not the fields {sorted(kind.fields)}")
        return
    for name, sample in kind.sample.items():
        if not _alike(data[name], sample):
            _wrong.append(f"{event.type}: {name} is {data[name]!r}, in the sample {sample!r}")


def _alike(value: Any, sample: Any) -> bool:
    """Of one kind as JSON; null is alike to everything, since a sample shows one of the two."""
    kinds: tuple[Any, ...] = (bool, (int, float), str, (list, tuple), Mapping)
    if value is None or sample is None:
        return True
    return next(kind for kind in kinds if isinstance(value, kind)) is next(k for k in kinds if isinstance(sample, k))
