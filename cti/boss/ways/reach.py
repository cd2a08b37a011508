"""The one place that a way asks before it connects: a host's addresses, each checked right before the connection.

What was checked is what is connected to: a name that is resolved twice may have another address the second time.
"""

from __future__ import annotations

import socket as blocking
from typing import Any

from cti.core.errors import CtiError
from cti.core.targets import NOT_ALLOWED, TargetRules


class TargetRefused(OSError):
    """The operator's list does not have this target. Nothing was sent, and no connection made."""

    reason = NOT_ALLOWED


def addresses_of(rules: TargetRules, host: str, port: int, sockets: Any = blocking) -> list[str]:
    """All are checked before one is used. ``sockets``: `gevent.socket` on the hub, the standard library's on a thread.
    Raises TargetRefused, OSError (of a name that has no address)."""
    found = sockets.getaddrinfo(host, port, 0, blocking.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    try:
        for address in addresses:
            rules.check_address(host, port, address)
    except CtiError as error:
        raise TargetRefused(error.message) from None
    return addresses


def connect(rules: TargetRules, host: str, port: int, sockets: Any = blocking, timeout_s: float | None = None) -> Any:
    """A connected socket. ``timeout_s``: for each address; stays the socket's. Raises as `addresses_of`."""
    failed: OSError = OSError("no address")
    for address in addresses_of(rules, host, port, sockets):
        try:
            return sockets.create_connection((address, port), timeout_s)
        except OSError as error:
            failed = error
    raise failed
