"""Findings that need more than one option: ports that collide, names used twice, phones that do not exist."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cti.core.issue import Issue
from cti.validating import place_of

if TYPE_CHECKING:
    from cti.flow.yamlio import Node
    from cti.switch.conf.settings import SwitchSettings

#: RTP and RTCP of one call.
PORTS_PER_SESSION = 2


def cross_check(settings: SwitchSettings, tree: Node) -> Iterator[Issue]:
    yield from _ports(settings, tree)
    yield from _emergency(settings, tree)
    yield from _trunks(settings, tree)
    yield from _pair(settings, tree)


def _ports(settings: SwitchSettings, tree: Node) -> Iterator[Issue]:
    sip, rtp = settings.sip, settings.rtp
    used = {
        ("event_socket", "port"): settings.event_socket.port,
        ("sip", "phones_port"): sip.phones_port,
        ("sip", "trunks_port"): sip.trunks_port,
    }
    seen: dict[int, str] = {}
    for path, port in used.items():
        if port in seen:
            yield Issue(
                place_of(tree, path), "port-collision", f"port {port} is {seen[port]} already; write another one"
            )
        seen.setdefault(port, ".".join(path))
        if path[0] == "sip" and rtp.first_port <= port <= rtp.last_port:
            message = f"port {port} lies within rtp {rtp.first_port}-{rtp.last_port}; write one outside"
            yield Issue(place_of(tree, path), "port-collision", message)
    have, need = rtp.last_port - rtp.first_port + 1, settings.load.max_sessions * PORTS_PER_SESSION
    if have < need:
        message = (
            f"{max(0, have)} RTP ports carry {max(0, have) // PORTS_PER_SESSION} sessions, not load.max_sessions "
            f"{settings.load.max_sessions}; write last_port: {rtp.first_port + need - 1} or fewer sessions"
        )
        yield Issue(place_of(tree, ("rtp",)), "rtp-range-too-small", message)


def _emergency(settings: SwitchSettings, tree: Node) -> Iterator[Issue]:
    known = settings.phones.numbers()
    for index, phone in enumerate(settings.emergency.phones):
        if phone not in known:
            message = f"{phone!r} is no phone of this switch; write one of {known[0]} to {known[-1]}"
            yield Issue(place_of(tree, ("emergency", "phones", index)), "unknown-phone", message)


def _trunks(settings: SwitchSettings, tree: Node) -> Iterator[Issue]:
    names: dict[str, int] = {}
    networks: dict[str, str] = {}
    for index, trunk in enumerate(settings.trunks):
        if trunk.name in names:
            place = place_of(tree, ("trunks", index, "name"))
            yield Issue(place, "duplicate-name", f"trunk {trunk.name!r} is there already; write another name")
        names[trunk.name] = index
        for network in trunk.networks():
            owner = networks.setdefault(network, trunk.name)
            if owner != trunk.name:
                place = place_of(tree, ("trunks", index, "inbound_from"))
                message = f"{network} belongs to trunk {owner!r} already; a call from there cannot be told apart"
                yield Issue(place, "duplicate-address", message)
        register = trunk.register_as
        if register is not None and register.password_env and register.password_env not in os.environ:
            place = place_of(tree, ("trunks", index, "register", "password_env"))
            message = f"the environment variable {register.password_env} is not set; set it, or write `password`"
            yield Issue(place, "missing-secret", message)


def _pair(settings: SwitchSettings, tree: Node) -> Iterator[Issue]:
    if settings.pair is None:
        return
    if settings.pair.peer == settings.name:
        message = (
            f"{settings.name!r} is this switch itself; write the other one's name. They must differ: a switch that "
            "starts clears the channels of its own name out of the shared database"
        )
        yield Issue(place_of(tree, ("pair", "peer")), "duplicate-name", message)
    if settings.sip.address == "auto":
        message = "a pair needs the address that moves between the two; write sip.address, the same for both"
        yield Issue(place_of(tree, ("pair",)), "floating-address", message)
    variable = settings.pair.core_db.password_env
    if variable is not None and variable not in os.environ:
        place = place_of(tree, ("pair", "core_db", "password_env"))
        message = f"the environment variable {variable} is not set; set it, or write `password`"
        yield Issue(place, "missing-secret", message)
