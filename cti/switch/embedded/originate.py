"""Calling out: switch_ivr_originate for the `bridge` application and the `originate` API."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cti.switch.embedded.causes import Q850
from cti.switch.embedded.channel import Channel
from cti.switch.embedded.dialstring import DialString, Leg, parse_dial_string
from cti.switch.embedded.names import State
from cti.switch.embedded.phones import UNREACHABLE, VirtualPhone
from cti.switch.embedded.profile import Profile, Times
from cti.switch.embedded.task import Steps, current_task

if TYPE_CHECKING:
    from cti.switch.embedded.core import Core

DEFAULT_TIMEOUT_S = 60
MAX_LEGS = 128
NO_NUMBER = "0000000000"  # the caller id of an API originate that names none


@dataclass(slots=True)
class Outcome:
    """``peer`` is the leg that answered; without one ``cause`` says why."""

    peer: Channel | None
    cause: str


@dataclass(slots=True)
class Order:
    """What to dial for whom. ``caller`` None: the API call, which waits for the answer itself."""

    dial: DialString
    caller: Channel | None
    timeout_s: int
    cid_name: str = ""
    cid_number: str = ""
    causes: list[str] = field(default_factory=list)


def make_order(text: str, caller: Channel | None, *, timeout_s: int = 0, cid: tuple[str, str] = ("", "")) -> Order:
    dial = parse_dial_string(text)
    limits = [dial.variables.get("originate_timeout"), dial.variables.get("call_timeout")]
    if caller is not None:
        limits += [caller.getvar("call_timeout"), caller.getvar("originate_timeout")]
    for limit in limits:
        if limit and limit.strip().isdigit():
            timeout_s = int(limit)
            break
    name, number = cid
    return Order(dial, caller, timeout_s or DEFAULT_TIMEOUT_S, name, number or NO_NUMBER)


def originate(core: Core, order: Order) -> Steps[Outcome]:
    """Try the groups in turn; the first leg that answers wins, the others of its group are cancelled."""
    last = "NORMAL_CLEARING"
    for group in order.dial.groups:
        legs, refused = _place(core, order, group[:MAX_LEGS])
        if not legs:
            last = refused
            order.causes.append(refused)
            continue
        peer, last = yield from _wait(core, order, legs)
        if peer is not None:
            if order.caller is not None:
                _show_callee(order.caller, peer)
                peer.meet(order.caller.profile.copy(), "originator")
            peer.fire("CHANNEL_OUTGOING")
            return Outcome(peer, "SUCCESS")
        if order.caller is not None and not order.caller.ready():
            return Outcome(None, "ORIGINATOR_CANCEL")
    return Outcome(None, last)


def _place(core: Core, order: Order, group: list[Leg]) -> tuple[list[tuple[Channel, Leg]], str]:
    legs: list[tuple[Channel, Leg]] = []
    refused = "NORMAL_CLEARING"
    for leg in group:
        found = find_phone(core, leg)
        if order.caller is not None and leg.endpoint.lower() == "user" and found != "SUBSCRIBER_ABSENT":
            order.caller.setvar("dialed_user", leg.rest.partition("@")[0])
            order.caller.setvar("dialed_domain", core.directory.domain)
        if isinstance(found, str):
            refused = found
            continue
        uuid = leg.variables.get("origination_uuid", "")
        if uuid and uuid in core.channels:
            refused = "DESTINATION_OUT_OF_ORDER"
            continue
        if not core.may_create():
            refused = "SWITCH_CONGESTION"
            continue
        legs.append((_new_leg(core, order, leg, found), leg))
    return legs, refused


def find_phone(core: Core, leg: Leg) -> VirtualPhone | str:
    """The phone behind a leg, or the cause with which the switch refuses it without making a channel."""
    kind, rest = leg.endpoint.lower(), leg.rest
    if kind == "user":
        phone = core.directory.find_user(rest)
        if phone is None:
            return "SUBSCRIBER_ABSENT"
        return phone if phone.behaviour.registered else "USER_NOT_REGISTERED"
    if kind == "error":
        cause = rest.upper()
        return cause if cause in Q850 else "NORMAL_CLEARING"
    if kind != "sofia":
        return "CHAN_NOT_IMPLEMENTED"
    profile, _, address = rest.partition("/")
    if profile == "gateway":
        gateway, _, number = address.partition("/")
        if gateway not in core.directory.gateways:
            return "INVALID_GATEWAY"
        if not core.directory.gateways[gateway]:
            return "GATEWAY_DOWN"
        return core.directory.outside_phone(number)
    if profile not in {"internal", "external", "phones", "trunks"}:
        return "INVALID_PROFILE"
    user, at, host = address.removeprefix("sip:").partition("@")
    for phone in core.directory.phones.values():
        if phone.contact == f"{user}@{host}":
            return phone
    if not at:
        user = user.split("%")[0]
    return VirtualPhone(user, UNREACHABLE, contact=address)


def _new_leg(core: Core, order: Order, leg: Leg, phone: VirtualPhone) -> Channel:
    caller, variables = order.caller, leg.variables
    name, number = order.cid_name, order.cid_number
    if caller is not None:
        name = caller.getvar("effective_caller_id_name") or caller.profile.name
        number = caller.getvar("effective_caller_id_number") or caller.profile.number
    name = variables.get("origination_caller_id_name", name)
    number = variables.get("origination_caller_id_number", number)
    now = core.clock.now()
    profile = Profile(
        uuid=variables.get("origination_uuid") or core.new_uuid(),
        channel_name=f"sofia/internal/{phone.contact}",
        destination=phone.extension,
        direction="outbound",
        logical_direction="outbound",
        username=caller.profile.username if caller else "",
        dialplan=caller.profile.dialplan if caller else "",
        name=name,
        number=number,
        callee_name=variables.get("origination_callee_id_name", "Outbound Call"),
        callee_number=variables.get("origination_callee_id_number", phone.extension),
        context=caller.profile.context if caller else "default",
        source=caller.profile.source if caller else "src/switch_ivr_originate.c",
        times=Times(profile_created=now, created=now),
    )
    channel = core.new_channel(profile, outbound=True)
    channel.state = State.INIT
    if caller is not None:
        other = caller.profile.copy()
        other.times = Times()
        channel.meet(other, "originator")
    channel.fire("CHANNEL_OUTGOING")
    _leg_variables(core, channel, order, leg)
    core.launch(channel)
    phone.ring(channel)
    return channel


def _leg_variables(core: Core, channel: Channel, order: Order, leg: Leg) -> None:
    caller = order.caller
    channel.setvar("direction", "outbound")
    channel.setvar("is_outbound", "true")
    channel.setvar("uuid", channel.uuid)
    channel.setvar("session_id", str(channel.session_id))
    channel.setvar("channel_name", channel.name)
    channel.setvar("audio_media_flow", "sendrecv")
    channel.setvar("max_forwards", "69" if caller else "70")
    if caller is None:
        channel.setvar("call_uuid", channel.uuid)
    else:
        caller.setvar("originate_signal_bond", channel.uuid)
        channel.setvar("originator", caller.uuid)
        channel.setvar("signal_bond", caller.uuid)
        channel.setvar("call_uuid", caller.uuid)
        channel.setvar("originating_leg_uuid", caller.uuid)
        for name in caller.variables.get("export_vars", "").split(","):
            if name:
                channel.setvar(name.removeprefix("nolocal:"), caller.variables.get(name))
    if leg.endpoint.lower() == "user":
        user = leg.rest.partition("@")[0]
        channel.setvar("dialed_user", user)
        channel.setvar("dialed_domain", core.directory.domain)
        channel.setvar("presence_id", f"{user}@{core.directory.domain}")
    channel.setvar("originate_early_media", "true")
    channel.setvar("originate_endpoint", "sofia" if leg.endpoint.lower() == "user" else leg.endpoint.lower())
    for name, value in core.profile_variables:
        channel.setvar(name, value)
    for name, value in leg.variables.items():
        channel.setvar(name, value)


def _wait(core: Core, order: Order, legs: list[tuple[Channel, Leg]]) -> Steps[tuple[Channel | None, str]]:
    """Wait for the first answer, the last refusal, the time limit, or the caller's end."""
    waiter = current_task()
    started = math.floor(core.clock.now())  # the real switch counts in whole seconds of its clock
    limits = {channel.uuid: started + _leg_timeout(leg, order.timeout_s) for channel, leg in legs}
    for channel, _ in legs:
        if waiter is not None:
            channel.watchers.append(waiter)
    try:
        while True:
            winner = next((channel for channel, _ in legs if channel.answered and channel.up()), None)
            if winner is not None:
                _cancel(legs, "LOSE_RACE", keep=winner)
                return winner, "SUCCESS"
            alive = [channel for channel, _ in legs if channel.up()]
            if not alive:
                return None, _worst(legs)
            if order.caller is not None:
                if not order.caller.ready():
                    _cancel(legs, "ORIGINATOR_CANCEL")
                    return None, "ORIGINATOR_CANCEL"
                ringing = next((channel for channel in alive if channel.ring_ready), None)
                if ringing is not None:
                    _show_callee(order.caller, ringing)
                    order.caller.mark_ringing()
            now = core.clock.now()
            for channel in alive:
                if now >= limits[channel.uuid]:
                    channel.hangup("NO_ANSWER")
            still = [limits[channel.uuid] for channel in alive if channel.up()]
            if not still:
                return None, "NO_ANSWER"
            yield min(still)
    finally:
        for channel, _ in legs:
            if waiter is not None and waiter in channel.watchers:
                channel.watchers.remove(waiter)


def _show_callee(caller: Channel, leg: Channel) -> None:
    if caller.profile.callee_number != leg.profile.callee_number:
        caller.profile.callee_name, caller.profile.callee_number = leg.identity()
        caller.profile_changed()


def _leg_timeout(leg: Leg, timeout_s: int) -> int:
    own = leg.variables.get("leg_timeout", "")
    return min(timeout_s, int(own)) if own.isdigit() else timeout_s


def _cancel(legs: list[tuple[Channel, Leg]], cause: str, keep: Channel | None = None) -> None:
    for channel, _ in legs:
        if channel is not keep:
            channel.hangup(cause)


def _worst(legs: list[tuple[Channel, Leg]]) -> str:
    return legs[-1][0].hangup_cause or "NORMAL_CLEARING"
