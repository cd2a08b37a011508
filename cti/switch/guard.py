"""The orphan guard: a call whose engine died goes to the emergency extension by itself (DESIGN 3.1).

Per call a transfer is scheduled on the switch, first by the dialplan, and pushed forward as long as the engine lives.
Two task groups cannot be had for one call (`sched_transfer` files its task under the channel's uuid), so each renewal
deletes and sets anew, both in one write.
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
#: The guard that a call brings from the dialplan (freeswitch_conf/vars.xml: ``cti_guard_s``).
DIALPLAN_S = 30
#: Renewals within `after_s`. None comes before half of that time between two, so that short calls need none: the guard
#: fires between half of `after_s` and `after_s` after the engine's death.
RENEWALS = 3


class Guard:
    """``after_s``: how long a call may be without an owner. Call `tick` regularly: it renews a share of the calls."""

    def __init__(self, links: SwitchLinks, *, after_s: int = 30) -> None:
        self._links = links
        self.after_s = after_s
        self._held: OrderedDict[str, float] = OrderedDict()  # when renewed; longest ago comes first
        self._now = 0.0  # the sum of the ticks

    def __len__(self) -> int:
        return len(self._held)

    def hold(self, uuid: str, *, fresh: bool = False) -> None:
        """``fresh``: it has just come out of the dialplan with a guard of its own
        (freeswitch_conf/dialplan/parts/engine.xml), which is as good as ours where both last as long."""
        self._stamp(uuid)
        if not fresh or self.after_s != DIALPLAN_S:
            self._renew(uuid)

    def release(self, uuid: str) -> None:
        """Before a bridge: two people who talk must not be torn apart."""
        if self._held.pop(uuid, self) is not self:
            self._send("sched_del", uuid)

    def forget(self, uuid: str) -> None:
        """The channel is gone. What is scheduled for it finds nobody, within ``after_s``."""
        self._held.pop(uuid, None)

    def tick(self, seconds: float) -> None:
        """``seconds`` since the last one. A share of the calls each time: all at once would hold up the commands of
        thousands of calls."""
        self._now += seconds
        due = self.after_s / RENEWALS
        for _ in range(math.ceil(len(self._held) * min(1.0, seconds / due))):
            uuid, renewed = next(iter(self._held.items()))
            if self._now - renewed < due / 2:
                return
            self._stamp(uuid)
            self._renew(uuid)

    def resync(self, gone: Iterable[str] = ()) -> None:
        """The links were away: what was to be sent meanwhile is sent now."""
        for uuid in gone:
            self._held.pop(uuid, None)
        for uuid in list(self._held):
            self._stamp(uuid)
            self._renew(uuid)

    def _stamp(self, uuid: str) -> None:
        self._held[uuid] = self._now
        self._held.move_to_end(uuid)

    def _renew(self, uuid: str) -> None:
        self._send("sched_del", uuid)
        self._send("sched_transfer", f"+{self.after_s}", uuid, *EMERGENCY)

    def _send(self, command: str, *args: str) -> None:
        try:
            self._links.submit_api(command, *args)
        except CtiError as error:
            log.debug("guard: %s not sent: %s", command, error)  # `resync` makes up for it
