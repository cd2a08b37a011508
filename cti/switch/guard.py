"""The orphan guard: a call whose engine died goes to the emergency extension by itself (DESIGN 3.1).

Per call a transfer is scheduled on the switch and pushed forward as long as the engine lives. Two task groups cannot
be had for one call (`sched_transfer` files its task under the channel's uuid), so each renewal deletes and sets anew,
both in one write.
"""

from __future__ import annotations

import logging
import math
from collections import OrderedDict
from typing import TYPE_CHECKING

from cti.core.errors import CtiError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cti.switch.links import SwitchLinks

log = logging.getLogger("cti.switch")


#: `freeswitch_conf/dialplan/emergency.xml`: extension, dialplan, context.
EMERGENCY = ("9999", "XML", "emergency")
#: Renewals within `after_s`: the guard fires between 2/3 `after_s` and `after_s` after the engine's death.
RENEWALS = 3


class Guard:
    """``after_s``: how long a call may be without an owner. Call `tick` regularly: it renews a share of the calls."""

    def __init__(self, links: SwitchLinks, *, after_s: int = 30) -> None:
        self._links = links
        self.after_s = after_s
        self._held: OrderedDict[str, None] = OrderedDict()  # those renewed longest ago come first

    def __len__(self) -> int:
        return len(self._held)

    def hold(self, uuid: str) -> None:
        """Also takes back the dialplan's own first guard (freeswitch_conf/dialplan/parts/engine.xml)."""
        self._held[uuid] = None
        self._held.move_to_end(uuid)
        self._renew(uuid)

    def release(self, uuid: str) -> None:
        """Before a bridge: two people who talk must not be torn apart. And at the end: a task outlives its channel."""
        if self._held.pop(uuid, self) is not self:
            self._send("sched_del", uuid)

    def tick(self, seconds: float) -> None:
        """``seconds`` since the last one. A share of the calls each time: all at once would hold up the commands of
        thousands of calls."""
        share = math.ceil(len(self._held) * min(1.0, seconds * RENEWALS / self.after_s))
        for _ in range(share):
            uuid = next(iter(self._held))
            self._held.move_to_end(uuid)
            self._renew(uuid)

    def resync(self, gone: Iterable[str] = ()) -> None:
        """The links were away: what was to be sent meanwhile is sent now."""
        for uuid in gone:
            self._held.pop(uuid, None)
        for uuid in self._held:
            self._renew(uuid)

    def _renew(self, uuid: str) -> None:
        self._send("sched_del", uuid)
        self._send("sched_transfer", f"+{self.after_s}", uuid, *EMERGENCY)

    def _send(self, command: str, *args: str) -> None:
        try:
            self._links.submit_api(command, *args)
        except CtiError as error:
            log.debug("guard: %s not sent: %s", command, error)  # `resync` makes up for it
