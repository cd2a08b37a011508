"""One trunk, as the running switch sees it: known, resolvable, registered, answering, admitted."""

from __future__ import annotations

import ipaddress
import re
import socket
import time
from collections.abc import Callable, Iterator

from cti.switch.conf.settings import Trunk
from cti.switch.conf.verdict import Finding, bad, good, warn

Api = Callable[[str], str]

#: Registration states of a gateway (sofia_state_names in mod_sofia/sofia_glue.c) that are neither good nor `NOREG`.
UNREGISTERED = {
    "UNREGED": "is not registered",
    "TRYING": "is registering: no answer yet",
    "REGISTER": "is registering",
    "FAILED": "could not register",
    "FAIL_WAIT": "could not register and will try again",
    "EXPIRED": "its registration has run out",
    "UNREGISTER": "is being unregistered",
    "TIMEOUT": "got no answer to its registration",
    "DOWN": "is down",
}
#: Of these, the states that may end well by themselves.
UNSETTLED = frozenset({"UNREGED", "TRYING", "REGISTER", "EXPIRED"})
PATIENCE_S = 3.0


def trunk_verdicts(trunk: Trunk, api: Api) -> Iterator[Finding]:
    subject = f"trunk {trunk.name}"
    status = _settled_status(trunk, api)
    state = _field(status, "state")
    if not state:
        remedy = "run `cti switch config`, then `fs_cli -x 'sofia profile trunks rescan'`, or restart the switch"
        yield bad("trunk-unknown", subject, "the switch does not know it", remedy)
        return
    unresolved = _unresolved(trunk)
    if unresolved:
        yield bad("trunk-address", subject, unresolved, "correct `address`, or the machine's name servers")
    elif trunk.register_as and state != "REGED":
        yield _not_registered(trunk, subject, state)
    elif not trunk.probe_s:
        yield warn(
            "trunk-unprobed", subject, "whether it answers is not known", "write probe_s: 30, unless it must not"
        )
    elif _field(status, "status") == "DOWN":
        message = f"{trunk.address}:{trunk.port} does not answer OPTIONS"
        remedy = "is the address right, does a firewall pass the SIP port both ways, does the carrier know our address?"
        yield bad("trunk-silent", subject, message, remedy)
    elif float(_field(status, "pingtime") or 0) <= 0:
        message = f"not probed yet (every {trunk.probe_s} s)"
        yield warn("trunk-unprobed", subject, message, "ask again in a moment")
    else:
        registered = f", registered as {trunk.register_as.user}" if trunk.register_as else ""
        yield good("trunk", subject, f"answers in {_field(status, 'pingtime')} ms{registered}")
    yield from _inbound(trunk, subject, api)


def _settled_status(trunk: Trunk, api: Api) -> str:
    """A good registration is renewed all the time and then `TRYING` for a moment: look again before judging."""
    until = time.monotonic() + PATIENCE_S
    while True:
        status = api(f"sofia xmlstatus gateway {trunk.name}")
        if _field(status, "state") not in UNSETTLED or time.monotonic() > until:
            return status
        time.sleep(0.2)


def _field(status: str, name: str) -> str:
    """Not read as XML: the switch does not escape every value."""
    found = re.search(rf"<{name}>(.*?)</{name}>", status, re.DOTALL)
    return found.group(1).strip() if found else ""


def _unresolved(trunk: Trunk) -> str:
    try:
        socket.getaddrinfo(trunk.address, trunk.port, socket.AF_INET)
    except OSError as error:
        return f"{trunk.address} is no address: {error.strerror}"
    return ""


def _not_registered(trunk: Trunk, subject: str, state: str) -> Finding:
    message = f"{UNREGISTERED.get(state, f'is in state {state}')} at {trunk.address}:{trunk.port}"
    if state in ("FAILED", "FAIL_WAIT"):
        remedy = "user, password and realm as the carrier gave them? Its refusal stands in the switch's log"
    else:
        remedy = "is the address right, does a firewall pass the SIP port both ways?"
    return bad("trunk-unregistered", subject, message, remedy)


def _inbound(trunk: Trunk, subject: str, api: Api) -> Iterator[Finding]:
    networks = trunk.networks()
    if not networks:
        message = "no call comes in from it: `address` is a name, and `inbound_from` is not given"
        yield warn("trunk-outbound-only", subject, message, "write inbound_from: [the carrier's address ranges]")
    for network in networks:
        address = str(ipaddress.IPv4Network(network).network_address)
        if api(f"acl {address} cti_trunks") != "true":
            remedy = "run `cti switch config`, then `fs_cli -x reloadacl`"
            yield bad("trunk-barred", subject, f"calls from {network} are not let in", remedy)
