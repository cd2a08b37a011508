"""Servers of databases: which ones a URL names, and that a connection goes to an address that was checked.

libpq's words: https://www.postgresql.org/docs/current/libpq-connect.html (host, hostaddr, port; lists of them).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from cti.boss.ways.reach import TargetRefused, addresses_of
from cti.core.targets import TargetRules

#: Of databases that are reached over the network, by SQLAlchemy's names.
_PORTS = {"postgresql": 5432, "mysql": 3306, "mariadb": 3306, "oracle": 1521, "mssql": 1433}


class Unconnected(SQLAlchemyError):
    """No connection was tried: the server's name has no address, or one that is no target."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def hosts_of(url: URL) -> Iterator[tuple[str, int]]:
    """(host, port) of each server that a URL names; of files and sockets of this machine none. Raises ValueError."""
    default = _PORTS.get(url.get_backend_name())
    if default is None:
        return
    query = {name: value if isinstance(value, str) else ",".join(value) for name, value in url.query.items()}
    yield from _pairs(url.host or query.get("host", ""), url.port or query.get("port", ""), default)
    yield from _pairs(query.get("hostaddr", ""), url.port or query.get("port", ""), default)


def _pairs(hosts: Any, ports: Any, default: int) -> Iterator[tuple[str, int]]:
    """As libpq reads them: lists with commas, ``host:port`` of SQLAlchemy, one port for all or one for each."""
    listed = str(ports).split(",")
    for at, one in enumerate(str(hosts).split(",")):
        host, colon, own = one.rpartition(":") if one.count(":") == 1 else (one, "", "")
        port = own if colon else listed[at] if len(listed) > 1 and at < len(listed) else listed[0]
        if host and not host.startswith(("/", "@")):
            yield host, int(port) if port else default


def checking(rules: TargetRules) -> Callable[[Any, Any, list[Any], dict[str, Any]], None]:
    """Before each connection: its server's addresses are checked, and libpq goes to these and resolves nothing. Other
    drivers resolve the name themselves, right after."""

    def check(dialect: Any, _record: Any, _arguments: list[Any], told: dict[str, Any]) -> None:
        name, default = dialect.name, _PORTS.get(dialect.name)
        if default is None:
            return
        hosts, port = told.get("host") or "", told.get("port") or ""
        if name == "postgresql":
            hosts, port = hosts or os.environ.get("PGHOST", ""), port or os.environ.get("PGPORT", "")
        found = [(host, port, address) for host, port in _pairs(hosts, port, default) for address in of(host, port)]
        for address, on in _pairs(told.get("hostaddr") or "", port, default):
            of(address, on)
        if name == "postgresql" and found and not told.get("hostaddr"):
            columns = [",".join(str(one[at]) for one in found) for at in range(3)]
            told.update(zip(("host", "port", "hostaddr"), columns, strict=True))
        elif name == "postgresql" and rules.limited:  # nor by a service file, nor by the environment
            told.update(host=hosts, hostaddr=told.get("hostaddr") or "")

    def of(host: str, port: int) -> list[str]:
        try:
            return addresses_of(rules, host, port)
        except TargetRefused as error:
            raise Unconnected(error.reason) from None
        except OSError:
            raise Unconnected("unknown-host") from None

    return check
