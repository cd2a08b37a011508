"""The heartbeat of a worker slot on a switch, so that the dialplan knows who lives (DESIGN 3.1).

``cti_alive_<k>`` is 1 while slot k lives and falls to 0 by itself: each beat schedules its own end. Two task groups
take turns, so that at no moment the variable is 1 without a scheduled end. Each beat also clears the group it is going
to use: an end that an earlier engine of this slot left there would make the dialplan take us for dead.
"""

from __future__ import annotations

import logging
from time import monotonic
from typing import TYPE_CHECKING

import gevent

from cti.core.errors import CtiError
from cti.switch.holding import LIFE_S, claim_end

if TYPE_CHECKING:
    from cti.esl import Frame
    from cti.switch.guard import Guard
    from cti.switch.holding import Claim, Fence
    from cti.switch.links import SwitchLinks
    from cti.switch.links.pending import Pending

log = logging.getLogger("cti.switch")

BEAT_S = 1.5


class Liveness:
    """Beats for one slot on one switch while `run` runs; renews the orphan guards on the way."""

    def __init__(self, links: SwitchLinks, slot: str, guard: Guard, fence: Fence, claim: Claim | None = None) -> None:
        """``claim`` None: whoever has this slot besides is not looked for."""
        self._links = links
        self._fence, self._claim = fence, claim
        self._variable = f"cti_alive_{slot}"
        self._guard = guard
        self._turn = 0
        self._accepting = True

    def run(self) -> None:
        """Until killed. From here on nothing is said to the switch without a lease."""
        last = monotonic()
        self._fence.renewed(self._fence.now())
        self._fence.armed = True
        while True:
            self.beat()
            now = monotonic()
            self._guard.tick(now - last)
            last = now
            gevent.sleep(BEAT_S)

    def beat(self, wait_s: float = 0.0) -> None:
        """``wait_s``: until the switch has taken it, at most this long; 0: only sent."""
        if not self._links.connected:
            return
        old, self._turn = self._turn, 1 - self._turn
        value, sent = "1" if self._accepting else "0", self._fence.now()
        group = f"{self._variable}_{self._turn}"
        self._fence.asked(sent)
        try:
            self._links.submit_api("sched_del", group)
            self._links.submit_api("sched_api", f"+{LIFE_S}", group, "global_setvar", f"{self._variable}=0")
            self._links.submit_api("sched_del", f"{self._variable}_{old}")
            if self._claim is not None:
                self._links.submit_api("sched_del", claim_end(self._variable))
            taken = self._links.submit_api("global_setvar", f"{self._variable}={value}")
            taken.add_callback(lambda answer: self._fence.renewed(sent) if answer.value is not None else None)
            if self._claim is not None:
                holder = self._links.submit_api("global_getvar", self._claim.variable)
                holder.add_callback(self._seen)
            if wait_s:
                taken.wait(wait_s)
        except CtiError as error:
            log.warning("heartbeat not sent: %s", error)

    def _seen(self, answer: Pending[Frame]) -> None:
        if self._claim is not None and answer.value is not None:
            self._claim.seen(answer.value.reply)

    def open(self) -> None:
        """New calls again, after `close`."""
        self._accepting = True
        self.beat()

    def close(self) -> None:
        """No new calls from now on; the switch sends them to other slots or to the emergency extension."""
        self._accepting = False
        self.beat()
