"""Wishes to be called back, behind `cti.ports.CallbackDesk`."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cti.core.masking import mask

if TYPE_CHECKING:
    from cti.core.commands import RequestCallback

log = logging.getLogger("cti.callback")


class NoCallbacks:
    """Nobody dials callbacks in this release, so none is promised: the flow goes on as for a refusal."""

    def register(self, call_id: str, wish: RequestCallback) -> str:
        log.info("call %s: callback to %s declined, nobody dials", call_id, mask(wish.number))
        return "declined"


@dataclass
class MemoryCallbacks:
    """Keeps the wishes for whoever dials them: ``waiting`` by call.

    A number is called once however often the call asks: the last wish counts."""

    limit: int = 1000
    waiting: dict[str, RequestCallback] = field(default_factory=dict)

    def register(self, call_id: str, wish: RequestCallback) -> str:
        digits = wish.number.removeprefix("+")
        if not digits.isdigit() or len(digits) < 5:
            return "invalid"
        if len(self.waiting) >= self.limit and call_id not in self.waiting:
            log.warning("call %s: callback declined, %d wait", call_id, self.limit)
            return "declined"
        self.waiting[call_id] = wish
        return "accepted"

    def raise_event(self, name: str) -> list[RequestCallback]:
        """Take out the wishes that waited for this event."""
        due = [call_id for call_id, wish in self.waiting.items() if wish.when == f"event:{name}"]
        return [self.waiting.pop(call_id) for call_id in due]
