"""The calls of a worker slot whose engine is dead become another slot's (DESIGN 3.1).

The holder's variable is taken first, so that the dead one, should it go on, finds that it has nothing left to do; while
the calls are moved the slot counts as held (`MOVING`, which ends by itself), so that nobody claims it, and the
dialplan, which asks for 1, gives it no calls. Each channel gets our ``presence_data``, by which its events come to us
from that moment on; what it was doing then tells `uuid_dump`, and from there on all is as after a restart. Events wait
meanwhile.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import gevent
from gevent.event import AsyncResult

from cti.core.errors import SwitchUnavailable
from cti.core.snapshots import SlotSeen
from cti.switch.holding import LIVING, MOVING, named
from cti.switch.links.pair import parse_rows
from cti.switch.links.settings import WORKER
from cti.switch.reconcile import esl_word

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from cti.esl import Frame
    from cti.switch.driver import FreeSwitch
    from cti.switch.links.pending import Pending

log = logging.getLogger("cti.switch")

SLOTS = range(4)  # as many as the dialplan knows
MOVING_S = 5
#: For all calls of a slot on one switch.
MOVE_S = 60.0


class Succession:
    """``name``: of this engine, as it holds its slot."""

    def __init__(self, driver: FreeSwitch, name: str) -> None:
        self._driver, self._name = driver, name
        self.name = driver.name

    @property
    def up(self) -> bool:
        return self._driver.up

    def slots(self) -> dict[int, SlotSeen]:
        """Raises CtiError."""
        asked = [(k, self._get(f"cti_holder_{k}"), self._get(f"cti_alive_{k}")) for k in SLOTS]
        return {k: SlotSeen(self._named(holder), self._named(alive) in LIVING) for k, holder, alive in asked}

    def move_calls(self, dead: str) -> int:
        """Those of every slot that the engine ``dead`` held there; how many. May be done again when it was broken off.
        Raises CtiError."""
        done: AsyncResult[int] = AsyncResult()

        def work() -> None:
            try:
                done.set(self._move(dead))
            except Exception as error:  # noqa: BLE001 - it is the caller's to judge
                done.set_exception(error)

        self._driver.links.between(work)
        late = SwitchUnavailable(f"{self.name}: the calls of {dead} are not moved yet")
        with gevent.Timeout(MOVE_S, late):
            count: Any = done.get()
        return int(count)

    # ---- while events wait -------------------------------------------------------------------------------------------

    def _move(self, dead: str) -> int:
        links = self._driver.links
        if not links.connected:
            raise SwitchUnavailable(f"{self.name} is not connected")
        slots = [k for k in SLOTS if str(k) != links.worker and self._seize(k, dead)]
        if not slots:
            return 0
        rows = parse_rows(self._answer(links.submit_api("show", "channels", "as", "json")))
        theirs = self._of_slots(rows, {str(k) for k in slots})
        for answer in [links.submit_api("uuid_setvar", uuid, WORKER, str(links.worker)) for uuid in theirs]:
            self._answer(answer)
        count = self._driver.take_over(theirs, {str(row.get("uuid", "")) for row in rows})
        for k in slots:
            self._set(f"cti_alive_{k}", "0")
            self._answer(links.submit_api("sched_del", f"cti_moving_{k}"))
        return count

    def _seize(self, slot: int, dead: str) -> bool:
        """Is the slot ours to empty? As `cti.switch.holding.Claim` takes one: of several at once one has it."""
        holder, state = self._get(f"cti_holder_{slot}"), self._get(f"cti_alive_{slot}")
        found = self._named(holder)
        if found not in (dead, self._name) or (self._named(state) in LIVING and found != self._name):
            return False
        group = f"cti_moving_{slot}"
        links = self._driver.links
        self._set(f"cti_holder_{slot}", f"{self._name}={found}")  # where it is still the one that was found
        holder, state = self._get(f"cti_holder_{slot}"), self._get(f"cti_alive_{slot}")
        if self._named(holder) != self._name:
            return False
        if found != self._name and self._named(state) in LIVING:  # the one that was found goes on
            self._set(f"cti_holder_{slot}", f"{found}={self._name}")
            return False
        self._answer(links.submit_api("sched_del", group))
        self._answer(links.submit_api("sched_api", f"+{MOVING_S}", group, "global_setvar", f"cti_alive_{slot}=0"))
        self._set(f"cti_alive_{slot}", MOVING)
        return self._named(self._get(f"cti_holder_{slot}")) == self._name

    def _of_slots(self, rows: Iterable[Mapping[str, Any]], slots: set[str]) -> dict[str, str]:
        """uuid -> direction, of channels that belong to one of ``slots``."""
        driver, listed = self._driver, {str(row.get("uuid", "")): str(row.get("direction")) for row in rows}
        known = driver.legs.keys() | driver.leg_control.own.keys()
        asked = {
            uuid: driver.links.submit_api("uuid_getvar", uuid, WORKER)
            for uuid in listed
            if uuid not in known and esl_word(uuid)
        }
        return {uuid: listed[uuid] for uuid, answer in asked.items() if self._answer(answer).strip() in slots}

    # ---- asking ------------------------------------------------------------------------------------------------------

    def _get(self, variable: str) -> Pending[Frame]:
        return self._driver.links.submit_api("global_getvar", variable)

    def _set(self, variable: str, value: str) -> None:
        self._answer(self._driver.links.submit_api("global_setvar", f"{variable}={value}"))

    def _answer(self, pending: Pending[Frame]) -> str:
        return pending.wait(self._driver.links.settings.reply_timeout_s).reply

    def _named(self, pending: Pending[Frame]) -> str:
        return named(self._answer(pending))
