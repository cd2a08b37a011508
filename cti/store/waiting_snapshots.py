"""Snapshots of running calls that are not written yet: the newest of each call."""

from __future__ import annotations

import time
from collections.abc import Mapping

from cti.core.floor_records import ContactHandled
from cti.core.records import CallEnded, Record
from cti.core.snapshots import RunSnapshot, talk_id

#: Where calls stand is written with the records that come; alone after so long: a prompt that ended is no great loss.
SNAPSHOTS_S = 0.1


class WaitingSnapshots:
    """What waits is bounded by the calls that are up, however long the database is away. ``put_count``: of all that
    were ever put; ``written``: up to which of them nothing waits."""

    def __init__(self) -> None:
        self.put_count = self.written = 0
        self._newest: dict[str, RunSnapshot] = {}
        self._due = 0.0  # monotonic

    def __len__(self) -> int:
        return len(self._newest)

    def put(self, snapshot: RunSnapshot) -> bool:
        """In the place of an earlier one of the call. True when it is the first that waits."""
        first = not self._newest
        if first:
            self._due = time.monotonic() + SNAPSHOTS_S
        self.put_count += 1
        self._newest[snapshot.call_id] = snapshot
        return first

    def over(self, record: Record) -> None:
        """What has ended by this record leaves no snapshot behind."""
        if type(record) is CallEnded:
            self._newest.pop(record.call_id, None)
        elif type(record) is ContactHandled:
            self._newest.pop(talk_id(record.contact), None)

    @property
    def due_in_s(self) -> float:
        """Until they are written without records."""
        return max(0.0, self._due - time.monotonic())

    def all(self) -> dict[str, RunSnapshot]:
        return dict(self._newest)

    def wrote(self, snapshots: Mapping[str, RunSnapshot], put_count: int) -> None:
        """Those are written. ``put_count``: as it was when they were taken."""
        if snapshots or not self._newest:
            self.written = put_count
        for call_id, snapshot in snapshots.items():
            if self._newest.get(call_id) is snapshot:
                del self._newest[call_id]

    def clear(self) -> None:
        self._newest.clear()
