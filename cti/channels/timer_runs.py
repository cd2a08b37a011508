"""Runs that the clock begins, as calls of a switch without a telephone, where nobody calls."""

from __future__ import annotations

import uuid as uuids
from collections.abc import Callable
from typing import TYPE_CHECKING

from cti.channels.no_media import NoMedia
from cti.core import events as ev
from cti.core.calls import Caller, Medium, NewCall
from cti.flow.entry import TIMER

if TYPE_CHECKING:
    from cti.ports import CallSink


class TimerRuns(NoMedia):
    """Implements `cti.ports.Switch`."""

    name = "timers"

    def __init__(self, sink: CallSink, new_id: Callable[[], str] = lambda: str(uuids.uuid4())) -> None:
        super().__init__(sink)
        self._new_id = new_id

    def begin(self, entry: str) -> str:
        """The flow of this timer's entry begins now; the id under which its run is on record."""
        call_id = self._new_id()
        self._sink.call_arrived(NewCall(call_id, self.name, Caller(None, "", ""), Medium.TIMER, {TIMER: entry}))
        return call_id

    def hangup(self, uuid: str, cause: str) -> None:
        """The flow has ended."""
        self._sink.call_event(uuid, ev.HungUp(cause))
