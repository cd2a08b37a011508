"""The orphan guard: a call whose engine died goes to the emergency extension by itself (DESIGN 3.1).

Per call a transfer is scheduled on the switch and pushed forward as long as the engine lives. Two task groups cannot
be had for one call (`sched_transfer` files its task under the channel's uuid), so each renewal deletes and sets anew,
both in one write.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from cti.core.errors import CtiError

if TYPE_CHECKING:
    from cti.switch.links import SwitchLinks

log = logging.getLogger("cti.switch")


#: `freeswitch_conf/dialplan/emergency.xml`: extension, dialplan, context.
EMERGENCY = ("9999", "XML", "emergency")


class Guard:
    """``after_s``: how long a call may be without an owner; renewed by `renew` (call it every ``after_s`` / 3)."""

    def __init__(self, links: SwitchLinks, *, after_s: int = 30) -> None:
        self._links = links
        self.after_s = after_s
        self._held: set[str] = set()

    def hold(self, uuid: str) -> None:
        self._held.add(uuid)
        self._send("sched_del", uuid)  # the dialplan's own first guard (freeswitch_conf/dialplan/parts/engine.xml)
        self._schedule(uuid)

    def release(self, uuid: str) -> None:
        """Before a bridge: two people who talk must not be torn apart."""
        self._held.discard(uuid)
        self._send("sched_del", uuid)

    def forget(self, uuid: str) -> None:
        """The channel is gone; its tasks went with it or will find no channel."""
        if uuid in self._held:
            self._held.discard(uuid)
            self._send("sched_del", uuid)

    def renew(self) -> None:
        for uuid in tuple(self._held):
            self._send("sched_del", uuid)
            self._schedule(uuid)

    def _schedule(self, uuid: str) -> None:
        self._send("sched_transfer", f"+{self.after_s}", uuid, *EMERGENCY)

    def _send(self, command: str, *args: str) -> None:
        try:
            self._links.submit_api(command, *args)
        except CtiError as error:
            log.debug("guard: %s not sent: %s", command, error)
