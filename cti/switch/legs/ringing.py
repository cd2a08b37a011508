"""Ringing a phone: one `LegAnswered` or one `LegFailed` for each, whatever is lost on the way.

Three tell of it: the channel's events (PARK: somebody is there), the job's answer (why nobody is), and, after a gap,
`uuid_dump`. The job's answer is the better one, because a phone that is not registered never gets a channel.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import gevent

from cti.core.errors import CtiError, DeadlineExceeded
from cti.core.legs import LegAnswered, LegFailed, LegRinging, Phone
from cti.switch.dialing import PHONE_OUTCOMES, ROUTE_FAILURES
from cti.switch.lane import Lane
from cti.switch.legs.own import OwnLeg, dial_string, variables_of
from cti.switch.links.errors import LinkLost

if TYPE_CHECKING:
    from cti.switch.legs.control import Legs
    from cti.switch.links.pending import Pending
    from cti.switch.orders import Facts

log = logging.getLogger("cti.switch")

CANCEL = "ORIGINATOR_CANCEL"
#: For a phone that is to be rung anew: it shows no missed call (mod_sofia adds `Reason: …;cause=200`).
ANEW = "LOSE_RACE"
RETRY_S = 0.1
JOB_MORE_S = 10.0  # beyond the time of ringing: an answer of the switch that never came
REFUSED = re.compile(r"-ERR ([A-Z_0-9]+)")


class Ringing:
    def __init__(self, legs: Legs) -> None:
        self._legs = legs

    def ring(
        self,
        uuid: str,
        phone: Phone,
        ring_s: float,
        call: str,
        caller_number: str,
        headers: Mapping[str, str],
        worker: str,
    ) -> None:
        legs = self._legs
        routes = legs.dialing.phone_routes(phone, ring_s)
        variables = variables_of(worker, call, caller_number, headers)
        leg = OwnLeg(uuid, phone, Lane(uuid, legs.wire), ring_s, routes, variables)
        dial_string(leg)  # what cannot be said is refused here
        legs.own[uuid] = leg
        self._originate(leg)

    def _originate(self, leg: OwnLeg) -> None:
        if self._legs.own.get(leg.uuid) is not leg or leg.up:
            return
        if leg.cancelled:
            self.failed(leg, "")
            return
        leg.job, leg.anew, leg.cause = True, False, ""
        try:
            job = self._legs.links.submit_job(
                "originate", dial_string(leg), "&park()", timeout_s=leg.ring_s + JOB_MORE_S
            )
        except CtiError as error:
            log.warning("leg %s: not rung: %s", leg.uuid, error)
            leg.job = False
            gevent.spawn(self.failed, leg, "")
            return
        job.add_callback(lambda ended: self._job_over(leg, ended))

    def _job_over(self, leg: OwnLeg, job: Pending[str]) -> None:
        leg.job = False
        if self._legs.own.get(leg.uuid) is not leg or leg.up:
            return
        if job.error is None:  # CHANNEL_PARK is on its way, unless we made an end of it
            if leg.cause:
                self._ended(leg, leg.cause)
            return
        if isinstance(job.error, LinkLost):
            return  # `settle` finds out
        if isinstance(job.error, DeadlineExceeded):
            self._legs.wire.api("uuid_kill", leg.uuid, CANCEL)
            self.failed(leg, "NO_ANSWER")
            return
        told = REFUSED.search(job.error.message)
        cause = told.group(1) if told is not None else ""
        if cause in ROUTE_FAILURES and len(leg.routes) > 1 and not leg.cancelled:
            log.warning("leg %s: %s by %s, trying the next trunk", leg.uuid, cause, leg.routes[0].address.split("/")[2])
            del leg.routes[0]
            self._again(leg)
            return
        self._ended(leg, cause)

    def _again(self, leg: OwnLeg) -> None:
        """When the channel is gone its uuid is free again. Its hang-up may yet be told."""
        leg.job = True
        gevent.spawn_later(RETRY_S, self._originate, leg)

    def answer(self, leg: OwnLeg) -> None:
        """The phone heeds a header of the INVITE: it gets another one, because one that rings cannot be changed."""
        if not (leg.up or leg.cancelled or leg.told_to):
            leg.told_to = leg.anew = True
            self._give_up(leg)

    def _give_up(self, leg: OwnLeg) -> None:
        """As `stop`."""
        if self._legs.own.get(leg.uuid) is leg and leg.anew and not leg.cancelled:
            self._legs.wire.api("uuid_kill", leg.uuid, ANEW)
            gevent.spawn_later(RETRY_S, self._give_up, leg)

    def _ended(self, leg: OwnLeg, cause: str) -> None:
        if leg.anew and not leg.cancelled and cause in (ANEW, CANCEL):
            self._again(leg)
        else:
            self.failed(leg, cause)

    def stop(self, leg: OwnLeg) -> None:
        """Again and again, because the channel may not have been made yet."""
        leg.cancelled = True
        if self._legs.own.get(leg.uuid) is leg and not leg.up:
            self._legs.wire.api("uuid_kill", leg.uuid, CANCEL, done=lambda taken: self._vanished(leg, taken))
            gevent.spawn_later(RETRY_S, self.stop, leg)

    def _vanished(self, leg: OwnLeg, taken: bool) -> None:
        """The switch knows no such channel. One of an earlier engine has no job that tells what became of it."""
        if not taken and leg.ringing and not leg.job and not leg.routes:
            self.hung_up(leg, CANCEL)

    # ---- what the switch tells -------------------------------------------------------------------------------------

    def progressed(self, leg: OwnLeg) -> None:
        if not leg.ringing and not leg.up and not leg.cancelled:
            leg.ringing = True
            self._legs.tell(LegRinging(leg.uuid))

    def parked(self, leg: OwnLeg) -> None:
        if leg.cancelled or leg.anew:
            return  # `stop`, or `_give_up`, ends it
        leg.up = True
        self._legs.tell(LegAnswered(leg.uuid))
        leg.lane.pump()

    def hung_up(self, leg: OwnLeg, cause: str) -> None:
        """Before it was answered. With a job under way its answer is waited for."""
        leg.cause = cause
        if not leg.job:
            self._ended(leg, cause)

    def failed(self, leg: OwnLeg, cause: str) -> None:
        if self._legs.own.get(leg.uuid) is not leg:
            return
        self._legs.forget(leg)
        outcome = "cancelled" if leg.cancelled else PHONE_OUTCOMES.get(cause or leg.cause, "failed")
        self._legs.tell(LegFailed(leg.uuid, outcome))

    def settle(self, leg: OwnLeg, dump: Facts | None) -> None:
        """After a gap in the events."""
        if dump is None:
            if not leg.job:
                self._ended(leg, ANEW if leg.anew else leg.cause)
        elif leg.cancelled:
            self._legs.wire.api("uuid_kill", leg.uuid, CANCEL)
        elif dump.get("Answer-State") == "answered" and dump.variable("current_application") == "park":
            self.parked(leg)
