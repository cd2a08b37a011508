"""Documents that wait for an agent by themselves (faxes), as they are kept so that they outlive their engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentWaits:
    """``document``: its file, by which it is known. ``began_at``: since when it waits (seconds since the epoch).
    ``body`` (*sensitive*, JSON-ready): what is asked of the queue, and what an agent is shown. Recorded again when it
    is handed on; the last one holds."""

    call_id: str
    document: str
    worker: str
    contact: str
    began_at: float
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentServed:
    """An agent is done with it: it waits no more."""

    call_id: str
    document: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentLeft(DocumentWaits):
    """One that the last engine of this worker left. ``entry_id``, ``queue``, ``since``: of its stay in a queue that has
    no ending yet; empty and None when an agent had it."""

    entry_id: str = ""
    queue: str = ""
    since: float | None = None
