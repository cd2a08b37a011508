"""Where webhooks may go to: decided by the URL, and again by each address that its host has. No I/O.

An engine stands inside a network that others do not reach; nobody is to reach it through a webhook (server-side request
forgery, https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from cti.core.errors import CtiError

URL_MAX = 500
#: An entry of the list: ``crm.example``, ``*.crm.example``, ``crm.example:8443``.
PLACE = r"^(\*\.)?[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(:[0-9]{1,5})?$"
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_HTTPS, _HTTP = 443, 80
_NAT64 = IPv6Network("64:ff9b::/96")
Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Target:
    host: str
    port: int
    tls: bool
    path: str  # with the query
    loopback: bool = False


class UrlRules:
    """``allowed``: places (`PLACE`), on port 443 unless they say another. ``networks``: addresses of the house that
    they may have (CIDR). ``loopback``: this machine may be named, without TLS, on any port."""

    def __init__(self, allowed: Sequence[str] = (), networks: Sequence[str] = (), *, loopback: bool = False) -> None:
        self._allowed = [_place(place) for place in allowed]
        self._networks: list[IPv4Network | IPv6Network] = [ip_network(network) for network in networks]
        self._loopback = loopback

    def target(self, url: str) -> Target:
        """Raises CtiError: bad-url, url-not-allowed."""
        if len(url) > URL_MAX or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
            raise _bad(f"it is printable ASCII of {URL_MAX} characters at most, without blanks and backslashes")
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").lower(), parts.port
        except ValueError as error:
            raise _bad(str(error)) from error
        if parts.scheme not in ("https", "http") or not host:
            raise _bad("it begins with https://, and names a host")
        if "@" in parts.netloc or parts.fragment or "#" in url:
            raise _bad("it has no user, no password and no fragment")
        tls = parts.scheme == "https"
        port = port if port is not None else _HTTPS if tls else _HTTP
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if self._loopback and names_loopback(host):
            return Target(host, port, tls, path, loopback=True)
        if not tls:
            raise _refused("it must be https")
        if not _HOST.fullmatch(host) or not any(_covers(place, host, port) for place in self._allowed):
            raise _refused(f"{host}:{port} is not on the operator's list")
        return Target(host, port, tls, path)

    def check_address(self, target: Target, address: str) -> None:
        """Of the host, as it was resolved just now. Raises CtiError (address-not-allowed)."""
        inner = inner_address(ip_address(address.partition("%")[0]))
        if target.loopback:
            good = inner.is_loopback
        elif inner.is_loopback or inner.is_link_local or inner.is_multicast or inner.is_unspecified:
            good = False
        else:
            good = inner.is_global or any(inner in network for network in self._networks)
        if not good:
            raise CtiError(f"{target.host} has the address {address}", code="address-not-allowed")


def _place(place: str) -> tuple[str, int]:
    host, colon, port = place.lower().partition(":")
    return host, int(port) if colon else _HTTPS


def _covers(place: tuple[str, int], host: str, port: int) -> bool:
    name, on = place
    return port == on and (host == name or (name.startswith("*.") and host.endswith(name[1:]) and host != name[1:]))


def names_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def inner_address(address: Address) -> Address:
    """The address that one of IPv6 stands for, where it stands for one of IPv4."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None) or address


def _bad(why: str) -> CtiError:
    return CtiError(f"this URL cannot be used: {why}", code="bad-url")


def _refused(why: str) -> CtiError:
    return CtiError(f"no webhook may go to this URL: {why}", code="url-not-allowed")
