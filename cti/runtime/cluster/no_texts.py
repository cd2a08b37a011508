"""Where a flow worker is asked to put what is written into a queue, or a fax: the leader has those itself."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from cti.acd.states import Outcome
from cti.core.events import QueueEnded

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.core.transcripts import Line
    from cti.runtime.floor.stays import Stay
    from cti.runtime.queues import Entrant

log = logging.getLogger("cti.queue")


class NoTexts:
    """`cti.runtime.queues.WrittenQueues`. Faxes that callers send can be stored, not queued, while roles are apart."""

    def enter(self, who: Entrant, medium: str, send: Callable[[str, str], Line] | None) -> None:
        log.error("call %s: a %s cannot be put into queue %s while roles are apart", who.uuid, medium, who.wish.queue)
        who.post(QueueEnded(who.wish.ref, "no_agents"))

    def leave(self, uuid: str, ref: int) -> None:
        pass

    def stay(self, uuid: str) -> Stay | None:
        return None

    def gone(self, uuid: str, outcome: Outcome = Outcome.ABANDONED) -> None:
        pass
