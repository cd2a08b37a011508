"""Which machines the interface server may connect to: ``security.targets``, asked by name when a file is read, and
again by each address right before a connection is made. No I/O.

A name that is listed may lead to public addresses only, unless its networks are listed too: who can change a name's
address must not reach the house through it (the rule of webhooks, `cti.core.webhook_urls`). Addresses at which clouds
tell their machines secrets are refused even where nothing is listed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from cti.core.errors import CtiError
from cti.core.webhook_urls import Address, Target, UrlRules, inner_address, names_loopback

NOT_ALLOWED = "target-not-allowed"
Network = IPv4Network | IPv6Network
#: Link-local: where 169.254.169.254 is, in both families.
METADATA: tuple[Network, ...] = (ip_network("169.254.0.0/16"), ip_network("fe80::/10"))
_NAME = re.compile(r"(\*\.)?[a-z0-9_]([a-z0-9._-]{0,251}[a-z0-9_])?")
_BRACKETS = re.compile(r"\[([^\]]+)\](?::([0-9]{1,5}))?")
_REMEDY = "list it at security.targets: a name, *.name, an address or a network, with :port or for every port"


@dataclass(frozen=True, slots=True)
class TargetRules:
    """``names`` and ``networks``: with a port, None: every port. ``limited`` False: there is no list."""

    names: tuple[tuple[str, int | None], ...] = ()
    networks: tuple[tuple[Network, int | None], ...] = ()
    limited: bool = False

    def refusal(self, host: str, port: int, *, final: bool = False) -> str | None:
        """Why a host that stands in a file may never be a target; None: it may, or its addresses decide. ``final``:
        nobody looks at its addresses later."""
        literal = _address(host)
        if literal is not None:
            return None if self._has(host, port, literal) else self._why(host, port, literal)
        if not self.limited or self._named(host, port):
            return None
        by_address = any(on in (None, port) for _, on in self.networks)
        return None if by_address and not final else self._why(host, port, None)

    def check_address(self, host: str, port: int, address: str) -> None:
        """Of the host, as it was resolved just now. Raises CtiError (target-not-allowed)."""
        found = _address(address)
        if found is None or not self._has(host, port, found):
            why = self._why(host, port, found)
            raise CtiError(f"{why} (address {address})", code=NOT_ALLOWED, remedy=_REMEDY)

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _has(self, host: str, port: int, address: Address) -> bool:
        inner = inner_address(address)
        covering = [network for network, on in self.networks if on in (None, port) and inner in network]
        if _is_metadata(inner):  # never by a network that merely is wide
            return any(_within(network, METADATA) for network in covering)
        if not self.limited or covering:
            return True
        return self._named(host, port) and _is_outside(host, port, str(inner))

    def _named(self, host: str, port: int) -> bool:
        host = _plain(host)
        return any(on in (None, port) and _covers(name, host) for name, on in self.names)

    def _why(self, host: str, port: int, address: Address | None) -> str:
        if address is not None and _is_metadata(inner_address(address)):
            return f"{host}:{port} is link-local, where clouds keep their machines' secrets"
        return f"{host}:{port} is not among security.targets"


ANYWHERE = TargetRules()


def target_rules(listed: Sequence[str] | None) -> TargetRules:
    """``listed`` None: everything but link-local addresses. Raises ValueError."""
    if listed is None:
        return ANYWHERE
    entries = [parse_entry(text) for text in listed]
    names = tuple((host, port) for host, port in entries if isinstance(host, str))
    networks = tuple((host, port) for host, port in entries if not isinstance(host, str))
    return TargetRules(names, networks, limited=True)


def parse_entry(text: str) -> tuple[str | Network, int | None]:
    """``crm.example``, ``*.crm.example:443``, ``10.0.0.0/8``, ``10.0.0.8:9001``, ``fd00::/8``, ``[fd00::7]:5432``.
    Raises ValueError."""
    bracketed = _BRACKETS.fullmatch(text)
    if bracketed is not None:
        host, port = bracketed[1], bracketed[2]
    elif text.count(":") > 1:
        host, port = text, None
    else:
        host, colon, port = text.partition(":")
        port = port if colon else None
    if port is not None and not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65_535):
        raise ValueError("a port is 1 to 65535")
    number = int(port) if port is not None else None
    try:
        return ip_network(host), number
    except ValueError as error:
        name = _plain(host)
        if "/" in host or ":" in host or re.fullmatch(r"[0-9.]*", host) or not _NAME.fullmatch(name):
            raise ValueError(f"this is no target ({error}): write a name, *.name, an address or a network") from None
    return name, number


def _address(text: str) -> Address | None:
    try:
        return ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None


def _is_metadata(address: Address) -> bool:
    return any(address in network for network in METADATA)


def _within(network: Network, outer: Sequence[Network]) -> bool:
    return any(
        network.version == one.version and network.network_address in one and network.prefixlen >= one.prefixlen
        for one in outer
    )


def _is_outside(host: str, port: int, address: str) -> bool:
    """As for webhooks: what a name alone may lead to; ``localhost`` to this machine."""
    try:
        UrlRules().check_address(Target(host, port, tls=False, path="", loopback=names_loopback(_plain(host))), address)
    except CtiError:
        return False
    return True


def _covers(name: str, host: str) -> bool:
    return host == name or (name.startswith("*.") and host.endswith(name[1:]) and host != name[1:])


def _plain(host: str) -> str:
    return host.lower().rstrip(".")
