"""Where a flow worker is asked to put what is written into a queue, or a fax: the leader has those itself."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from cti.acd.states import Outcome
from cti.core.events import QueueEnded

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.core.commands import EnterQueue
    from cti.core.transcripts import Line
    from cti.runtime.floor.stays import Stay

log = logging.getLogger("cti.queue")


class NoTexts:
    """As `Texts` for `TextLine`. Faxes that callers send can be stored, not queued, while roles are apart."""

    def enter(
        self,
        uuid: str,
        medium: str,
        wish: EnterQueue,
        post: Callable[[Any], None],
        send: Callable[[str, str], Line] | None,
        stay: Stay | None = None,
    ) -> None:
        log.error("call %s: a %s cannot be put into queue %s while roles are apart", uuid, medium, wish.queue)
        post(QueueEnded(wish.ref, "no_agents"))

    def leave(self, uuid: str, ref: int) -> None:
        pass

    def stay(self, uuid: str) -> dict[str, Any] | None:
        return None

    def gone(self, uuid: str, outcome: Outcome = Outcome.ABANDONED) -> None:
        pass
