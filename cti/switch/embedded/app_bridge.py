"""The `bridge` application: call out, then talk."""

from __future__ import annotations

from cti.switch.embedded.apps import app
from cti.switch.embedded.bridging import handle_cause
from cti.switch.embedded.channel import Channel
from cti.switch.embedded.originate import make_order, originate
from cti.switch.embedded.task import Steps


@app("bridge")
def bridge(channel: Channel, argument: str) -> Steps[None]:
    """Call out and talk; see `originate` for dial strings."""
    core = channel.core
    if not argument:
        return
    order = make_order(argument, channel)
    channel.setvar("originate_disposition", "failure")
    channel.setvar("DIALSTATUS", "INVALIDARGS")
    if channel.answered:
        channel.set_callstate("RING_WAIT")
    outcome = yield from originate(core, order)
    if outcome.peer is not None:
        channel.meet(outcome.peer.profile.copy(), "originatee")
    if channel.answered and channel.up():
        channel.set_callstate("ACTIVE")
    disposition = "SUCCESS" if outcome.peer else outcome.cause
    channel.setvar("originate_disposition", disposition)
    channel.setvar("DIALSTATUS", _dial_status(disposition))
    if outcome.peer is None:
        channel.setvar("originate_failed_cause", outcome.cause)
        handle_cause(channel, outcome.cause)
        return
    yield from core.bridging.talk(channel, outcome.peer)


def _dial_status(disposition: str) -> str:
    return {
        "SUCCESS": "SUCCESS",
        "USER_BUSY": "BUSY",
        "NO_ANSWER": "NOANSWER",
        "ORIGINATOR_CANCEL": "CANCEL",
        "NO_USER_RESPONSE": "NOANSWER",
        "CALL_REJECTED": "DONTCALL",
        "INVALID_GATEWAY": "INVALIDARGS",
        "UNALLOCATED_NUMBER": "CHANUNAVAIL",
    }.get(disposition, disposition)
